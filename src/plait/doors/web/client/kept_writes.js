/**
 * The state of registers that keep concurrent writes: which write replaced which. Mirrors
 * types/kept_writes.py, which has the reasons.
 *
 *     a ◄── b ◄── d         an arrow points to what a write replaced, its *parents*
 *      ◄─── c               heads: d and c; base: a
 *
 * One slot; payloads `[stamp, parents, value]` (a write), `[stamp, parents]` (a clear), `[heads]`
 * (a contest). Parents and heads are dots in order.
 *
 * Invariants: parents are kept cells, in order; a contest lists the heads that stand, several.
 *
 * @typedef {import("./cells.js").Cell} Cell
 * @typedef {import("./cells.js").SlotCells} SlotCells
 * @typedef {import("./causality.js").Dot} Dot
 */

import { dotKey } from "./causality.js";
import { Cells, checkedDot, compareDots, covered, keptOf, onlyCell } from "./cells.js";
import { BadFrame } from "./errors.js";

export const SLOT = "b"; // the empty slot
export const CONTEST = 1;
export const CLEAR = 2;
export const WRITE = 3; // lengths of payloads

const keyOf = (/** @type {readonly any[]} */ dot) => dotKey(dot[0], dot[1]);
const isContest = (/** @type {Cell} */ cell) => cell[2].length === CONTEST;

/** By (stamp, replica, sequence number). @param {Cell} one @param {Cell} other */
export function compareHeads(one, other) {
  const [a, b] = [one[2][0], other[2][0]];
  return a < b ? -1 : a > b ? 1 : compareDots(one, other);
}

/** Cells that know their heads. */
export class Writes extends Cells {
  constructor() {
    super();
    /** @type {Cell[] | null} */
    this._heads = null;
  }

  put(slot, replica, seq, payload) {
    super.put(slot, replica, seq, payload);
    this._heads = null;
  }

  replace(slot, cells) {
    super.replace(slot, cells);
    this._heads = null;
  }

  /** All cells; not to be changed. */
  get cells() {
    return this.at(SLOT);
  }

  /** Writes and clears that none replaced, greatest last. */
  get heads() {
    return (this._heads ??= headsOf(this.cells));
  }

  /** Heads with a value; the last is shown. */
  get standing() {
    return this.heads.filter((head) => head[2].length === WRITE);
  }

  /** Whether somebody must decide. */
  get contested() {
    return this.heads.length > 1 && [...this.cells.values()].some(isContest);
  }

  /** What were the heads for an event's author. @param {import("./event.js").Event} event */
  headsSeen(event) {
    const heads = this.heads;
    if (heads.every((head) => event.sees(/** @type {any} */ (head)))) return heads;
    return headsOf(keptOf(this.cells, (cell) => event.sees(/** @type {any} */ (cell))));
  }
}

/** Writes and clears that none of these replaced, greatest last. @param {SlotCells} cells */
export function headsOf(cells) {
  const replaced = new Set();
  for (const cell of cells.values())
    if (!isContest(cell)) for (const parent of cell[2][1]) replaced.add(keyOf(parent));
  const heads = [];
  for (const [key, cell] of cells) if (!isContest(cell) && !replaced.has(key)) heads.push(cell);
  return heads.sort(compareHeads);
}

/** Whether the dots of these heads are those. @param {readonly (readonly any[])[]} heads @param {Dot[]} dots */
export function sameDots(heads, dots) {
  if (heads.length !== dots.length) return false;
  const sorted = [...heads].sort(compareDots);
  return sorted.every((head, i) => !compareDots(head, dots[i]));
}

/** The cells with the invariants made true, after some went or came. @param {SlotCells} all */
export function tidy(all) {
  const cells = withoutIdleClears(all);
  /** @type {Cell[] | null} */
  let heads = null;
  const result = new Map();
  for (const [key, cell] of cells) {
    const [replica, seq, payload] = cell;
    if (isContest(cell)) {
      heads ??= headsOf(cells);
      if (heads.length > 1 && sameDots(heads, payload[0])) result.set(key, cell);
    } else if (payload[1].every((/** @type {Dot} */ parent) => cells.has(keyOf(parent)))) {
      result.set(key, cell);
    } else {
      const parents = payload[1].filter((/** @type {Dot} */ parent) => cells.has(keyOf(parent)));
      result.set(key, [replica, seq, [payload[0], parents, ...payload.slice(2)]]);
    }
  }
  return result;
}

/** Drop clears that lost every write that they replaced. @param {SlotCells} cells */
function withoutIdleClears(cells) {
  for (;;) {
    let idle = null;
    for (const [key, cell] of cells) {
      if (cell[2].length !== CLEAR) continue;
      const clears = cell[2][1].every((/** @type {Dot} */ parent) => {
        const held = cells.get(keyOf(parent));
        return !held || held[2].length === CLEAR;
      });
      if (clears) {
        idle = key;
        break;
      }
    }
    if (idle === null) return cells;
    const heirs = /** @type {Cell} */ (cells.get(idle))[2][1];
    const kept = new Map();
    for (const [key, cell] of cells) {
      if (key === idle) continue;
      const [replica, seq, payload] = cell;
      const names = !isContest(cell) && payload[1].some((/** @type {Dot} */ p) => keyOf(p) === idle);
      if (!names) {
        kept.set(key, cell);
        continue;
      }
      const parents = new Map([...payload[1], ...heirs].map((dot) => [keyOf(dot), dot]));
      parents.delete(idle);
      const sorted = [...parents.values()].sort(compareDots);
      kept.set(key, [replica, seq, [payload[0], sorted, ...payload.slice(2)]]);
    }
    cells = kept;
  }
}

/**
 * Writes and clears, each after its parents, and whether it is *critical*: every other is
 * comparable to it. Empty if that cannot be (nobody honest sends it).
 * @param {SlotCells} cells @returns {{key: string, cell: Cell, critical: boolean}[]}
 */
export function inOrder(cells) {
  /** @type {Map<string, number>} */
  const waiting = new Map();
  /** @type {Map<string, string[]>} */
  const children = new Map();
  for (const [key, cell] of cells) {
    if (isContest(cell)) continue;
    waiting.set(key, cell[2][1].length);
    for (const parent of cell[2][1]) {
      const of = keyOf(parent);
      const known = children.get(of);
      if (known) known.push(key);
      else children.set(of, [key]);
    }
  }
  const ready = [...waiting].filter(([, count]) => !count).map(([key]) => key);
  const heads = new Set();
  const places = [];
  for (let key; (key = ready.pop()) !== undefined; ) {
    const cell = /** @type {Cell} */ (cells.get(key));
    for (const parent of cell[2][1]) heads.delete(keyOf(parent));
    heads.add(key);
    places.push({ key, cell, critical: !ready.length && heads.size === 1 });
    for (const child of children.get(key) ?? []) {
      const left = /** @type {number} */ (waiting.get(child)) - 1;
      waiting.set(child, left);
      if (!left) ready.push(child);
    }
  }
  return places.length === waiting.size ? places : [];
}

/** The latest critical write below all heads, if there are several; null for none or a clear.
 * @param {SlotCells} cells @returns {Cell | null} */
export function baseOf(cells) {
  let latest = null;
  for (const place of inOrder(cells)) if (place.critical) latest = place.cell;
  return latest && latest[2].length === WRITE ? latest : null;
}

/** Drop what is strictly below the latest critical write that is stable, and that one too if it is
 * a clear. @param {SlotCells} cells @param {import("./causality.js").Context} cut */
export function folded(cells, cut) {
  if (cells.size === 1) {
    const cell = onlyCell(cells);
    return cell[2].length === CLEAR && covered(cell, cut) ? new Map() : cells;
  }
  const places = inOrder(cells);
  let index = places.length - 1;
  while (index >= 0 && !(places[index].critical && covered(places[index].cell, cut))) index--;
  if (index < 0) return cells;
  const last = places[index].cell[2].length === CLEAR ? index + 1 : index;
  if (!last) return cells;
  const dropped = new Set(places.slice(0, last).map((place) => place.key));
  return tidy(keptOf(cells, (_, key) => !dropped.has(key)));
}

/** Dots as they stand in cells, from pairs; raises `BadFrame`. @param {any} pairs @returns {Dot[]} */
export function dotsOf(pairs) {
  if (!Array.isArray(pairs)) throw new BadFrame("no dots");
  const dots = pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadFrame("no dot");
    return checkedDot(pair[0], pair[1]);
  });
  for (let i = 1; i < dots.length; i++)
    if (compareDots(dots[i - 1], dots[i]) >= 0) throw new BadFrame("dots out of order");
  return dots;
}
