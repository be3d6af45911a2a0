/**
 * Types made of cells: the dot store under most of the catalogue. Mirrors types/cells.py.
 *
 * The state is `{slot: {dot: cell}}`, a cell being `[replica, seq, payload]`. An event puts a cell
 * under its own dot and takes away cells that it has seen; nothing else ever changes one. So a
 * cell's fate is decided by what was seen alone, and one join serves every such type.
 *
 * Slots are named by strings here (`slotKey`), dots by `dotKey`.
 *
 * Invariants: no slot is empty; only `put` changes the Map of a slot, all else exchanges it.
 * Absent: tombstones; what was taken away is covered by the vector and not there.
 *
 * @typedef {[bigint, number, any]} Cell
 * @typedef {Map<string, Cell>} SlotCells
 */

import { dotKey } from "./causality.js";
import { BadFrame } from "./errors.js";
import { bigOf, isReplica, isSeq } from "./event.js";
import { GraphType } from "./graph_type.js";

const NO_CELLS = new Map();

/** One string for a slot. @param {import("./graph_type.js").Slot} slot @returns {string} */
export function slotKey(slot) {
  if (!(slot instanceof Uint8Array)) return `#${slot}`;
  let key = "b";
  for (let i = 0; i < slot.length; i++) key += String.fromCharCode(slot[i]);
  return key;
}

/** The slot with this key. @param {string} key @returns {import("./graph_type.js").Slot} */
export function slotOf(key) {
  if (key[0] === "#") return BigInt(key.slice(1));
  const slot = new Uint8Array(key.length - 1);
  for (let i = 0; i < slot.length; i++) slot[i] = key.charCodeAt(i + 1);
  return slot;
}

/** Slots in one order at every replica: replicas, then bytes. @param {string} one @param {string} other */
export function compareSlots(one, other) {
  if (one[0] !== other[0]) return one[0] === "#" ? -1 : 1;
  if (one[0] !== "#") return one < other ? -1 : one > other ? 1 : 0;
  const [a, b] = [BigInt(one.slice(1)), BigInt(other.slice(1))];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Dots, or cells, in order. @param {readonly any[]} one @param {readonly any[]} other */
export function compareDots(one, other) {
  return one[0] < other[0] ? -1 : one[0] > other[0] ? 1 : one[1] - other[1];
}

/** The state. Change it only through its methods. */
export class Cells {
  constructor() {
    /** @type {Map<string, SlotCells>} */
    this.slots = new Map();
    /** Slots as they were, oldest first, while a draft is open. @type {[string, SlotCells | undefined][] | null} */
    this.journal = null;
    this.changes = 0; // how often anything changed
  }

  /** The cells of a slot; not to be changed. @param {string} slot @returns {SlotCells} */
  at(slot) {
    return this.slots.get(slot) ?? NO_CELLS;
  }

  /** Add a cell. @param {string} slot @param {bigint} replica @param {number} seq @param {any} payload */
  put(slot, replica, seq, payload) {
    const cells = this.slots.get(slot);
    this.journal?.push([slot, cells && new Map(cells)]);
    /** @type {Cell} */
    const cell = [replica, seq, payload];
    if (cells) cells.set(dotKey(replica, seq), cell);
    else this.slots.set(slot, new Map([[dotKey(replica, seq), cell]]));
    this.changes++;
  }

  /** Take away every cell of the slot that the event has seen.
   * @param {string} slot @param {import("./event.js").Event} event */
  take(slot, event) {
    const cells = this.slots.get(slot);
    if (cells) this.replace(slot, keptOf(cells, (cell) => !event.sees(cell)));
  }

  /** Let the slot hold these cells and no others. @param {string} slot @param {SlotCells} cells */
  replace(slot, cells) {
    const before = this.slots.get(slot);
    if (before === undefined ? !cells.size : before === cells) return;
    this.journal?.push([slot, before]);
    if (cells.size) this.slots.set(slot, cells);
    else this.slots.delete(slot);
    this.changes++;
  }
}

/** The cells that `keep` says yes to; the same Map if it is all of them.
 * @param {SlotCells} cells @param {(cell: Cell, key: string) => boolean} keep @returns {SlotCells} */
export function keptOf(cells, keep) {
  const kept = new Map();
  for (const [key, cell] of cells) if (keep(cell, key)) kept.set(key, cell);
  return kept.size === cells.size ? cells : kept;
}

/** Whether a vector covers a dot or cell. @param {readonly any[]} dot @param {import("./causality.js").Context} context */
export const covered = (dot, context) => dot[1] <= (context.get(dot[0]) ?? 0);

/** Whether a vector covers all of them. @param {SlotCells} cells @param {import("./causality.js").Context} context */
export function allCovered(cells, context) {
  for (const cell of cells.values()) if (!covered(cell, context)) return false;
  return true;
}

/** The only cell of a slot. @param {SlotCells} cells @returns {Cell} */
export const onlyCell = (cells) => cells.values().next().value;

/** A graph type whose state is cells. */
export class CellType extends GraphType {
  ofCells = true;

  zero() {
    return new Cells();
  }

  clear(state, event) {
    for (const slot of [...state.slots.keys()]) state.take(slot, event);
  }

  alive(state) {
    return state.slots.size > 0;
  }

  /** The events that what is there comes from. @param {Cells} state @returns {Iterable<readonly any[]>} */
  *dots(state) {
    for (const cells of state.slots.values()) yield* cells.values();
  }

  /** [slot, [replica, seq, payload]…] of each, in order. */
  delta(state, slots) {
    const wanted = slots === null ? [...state.slots.keys()] : [...new Set(slots.map(slotKey))];
    return wanted
      .sort(compareSlots)
      .map((slot) => [slotOf(slot), ...[...state.at(slot).values()].sort(compareDots)]);
  }

  /** Slot by slot: what one side lacks and has seen was taken away there. */
  join(state, data, mine, theirs, whole) {
    const incoming = this.read(data);
    if (theirs.size) checkKnown(incoming, theirs);
    if (whole)
      for (const slot of state.slots.keys()) if (!incoming.has(slot)) incoming.set(slot, NO_CELLS);
    for (const [slot, cells] of incoming) {
      const joined = new Map();
      for (const [key, cell] of state.at(slot))
        if (cells.has(key) || !covered(cell, theirs)) joined.set(key, cell);
      for (const [key, cell] of cells)
        if (!joined.has(key) && !covered(cell, mine)) joined.set(key, cell);
      state.replace(slot, this.joined(slot, joined));
    }
  }

  /** Cells of a slot after a join, if a type has more to say. @param {string} slot @param {SlotCells} cells */
  joined(slot, cells) {
    return cells;
  }

  /** Cells from what `delta` gave; raises `BadFrame`. @param {any} data @returns {Map<string, SlotCells>} */
  read(data) {
    const result = new Map();
    if (!Array.isArray(data)) throw new BadFrame(`no cells of ${this.constructor.name}`);
    for (const entry of data) {
      if (!Array.isArray(entry) || !entry.length) throw new BadFrame("no slot with its cells");
      const slot = entry[0] instanceof Uint8Array ? entry[0] : bigOf(entry[0]);
      const key = slotKey(slot);
      if (result.has(key)) throw new BadFrame("a slot that is there twice");
      this.checkSlot(key, slot);
      const cells = new Map();
      for (const cell of entry.slice(1)) {
        if (!Array.isArray(cell) || cell.length !== 3) throw new BadFrame("no cell");
        const [replica, seq] = checkedDot(cell[0], cell[1]);
        cells.set(dotKey(replica, seq), [replica, seq, this.payload(key, cell[2])]);
      }
      result.set(key, this.checked(key, cells));
    }
    return result;
  }

  /** A slot that came from outside; raises `BadFrame`. @param {string} key @param {any} slot */
  checkSlot(key, slot) {}

  /** The cells of a slot that came from outside. @param {string} slot @param {SlotCells} cells */
  checked(slot, cells) {
    return cells;
  }

  /** A payload that came from outside, checked. @param {string} slot @param {any} payload @returns {any} */
  payload(slot, payload) {
    return payload;
  }

  mark(state) {
    if (state.journal) return state.journal.length;
    state.journal = [];
    return null;
  }

  rollback(state, mark) {
    const undo = state.journal;
    state.journal = null;
    for (let i = undo.length - 1; i >= (mark ?? 0); i--)
      state.replace(undo[i][0], undo[i][1] ?? new Map());
    state.journal = mark === null ? null : undo.slice(0, mark);
    return state;
  }

  keep(state, mark) {
    if (mark === null) state.journal = null;
  }

  /** Let each slot hold what `keep` says of it.
   * @param {Cells} state @param {(slot: string, cells: SlotCells) => SlotCells} keep */
  foldSlots(state, keep) {
    for (const [slot, cells] of [...state.slots]) {
      const kept = keep(slot, cells);
      if (kept.size !== cells.size) state.replace(slot, kept);
    }
  }
}

/** A dot that came from outside; raises `BadFrame`. @param {any} replica @param {any} seq
 * @returns {[bigint, number]} */
export function checkedDot(replica, seq) {
  const id = bigOf(replica);
  if (!isReplica(id) || !isSeq(seq)) throw new BadFrame(`(${replica}, ${seq}) is no dot`);
  return [id, seq];
}

/** A sender has no cells of events that it has not seen. */
function checkKnown(/** @type {Map<string, SlotCells>} */ incoming, /** @type {any} */ theirs) {
  for (const cells of incoming.values())
    for (const cell of cells.values())
      if (!covered(cell, theirs)) throw new BadFrame("a cell which its sender has not seen");
}

/** Whether it is an int that counters take. @param {any} value */
export const isInt = (value) => typeof value === "number" && Number.isSafeInteger(value);
