/**
 * Registers that keep concurrent writes until somebody has made one of them. Mirrors
 * types/concurrent_register.py, ask_register.py and merge_register.py.
 *
 * A write replaces heads that its author saw, all of them or those that it names. What is left are
 * the *siblings*. Bodies: `[0, value]`, `[1]` (unset), either with the dots that it replaces if not
 * all heads; `[2, heads]` (a contest).
 *
 * Absent: merge functions. They are code of the program that declared the field, so a browser shows
 * the greatest head of a `Merge` register and says that it is unmerged.
 *
 * @typedef {{dot: [bigint, number], hlc: bigint, value: any}} Sibling
 * @typedef {{base: any, heads: Sibling[], shown: any}} Siblings
 */

import { CellType, compareDots, keptOf } from "./cells.js";
import { BadFrame } from "./errors.js";
import { CLEAR, CONTEST, SLOT, WRITE, Writes, baseOf, dotsOf, folded, sameDots, tidy } from "./kept_writes.js";
import { checkedStamp } from "./last_writer_wins.js";
import { given, sameBytesOf, taken } from "./plain.js";

const SET = 0;
const UNSET = 1;
const CONTESTED = 2;
const TOUCHED = [new Uint8Array(0)];

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What `Merge` and `Ask` registers have in common. */
export class ConcurrentRegister extends CellType {
  zero() {
    return new Writes();
  }

  /** ["set", value], ["resolve", value], or ["restore", dot, wasSet, stored value]. */
  prepare(state, mutation, here) {
    const [name] = mutation;
    if (name === "set" && mutation.length === 2) return this.assignment(state, taken(mutation[1]));
    if (name === "resolve" && mutation.length === 2) return [SET, taken(mutation[1])];
    if (name === "contest" && mutation.length === 2) {
      const dots = [...mutation[1]].sort(compareDots);
      if (state.contested || dots.length < 2 || !sameDots(state.heads, dots)) return undefined;
      return [CONTESTED, dots.map(([replica, seq]) => [replica, seq])];
    }
    if (name === "restore" && mutation.length === 4) {
      const [, dot, wasSet, value] = mutation;
      if (!state.heads.some((/** @type {any} */ head) => !compareDots(head, dot))) return undefined;
      // the siblings of the write that is taken back stay siblings
      const named = state.heads.length === 1 ? [] : [[[dot[0], dot[1]]]];
      return wasSet ? [SET, value, ...named] : [UNSET, ...named];
    }
    throw this.unknown(mutation);
  }

  /** The body of a plain assignment. @param {Writes} state @param {any} value @returns {any[]} */
  assignment(state, value) {
    return [SET, value];
  }

  apply(state, body, event) {
    if (!Array.isArray(body)) return;
    const [kind, ...rest] = body;
    if (kind === CONTESTED && rest.length === 1) this.contest(state, rest[0], event);
    const values = kind === SET ? 1 : kind === UNSET ? 0 : null;
    if (values === null || rest.length < values || rest.length > values + 1) return;
    if (rest.length > values && !Array.isArray(rest[values])) return;
    write(state, event, rest.slice(0, values), rest[values] ?? null);
  }

  /** @param {Writes} state @param {any} dots @param {import("./event.js").Event} event */
  contest(state, dots, event) {
    let heads;
    try {
      heads = dotsOf(dots);
    } catch {
      return;
    }
    if (heads.length < 2 || !sameDots(state.heads, heads)) return;
    if (heads.every((head) => event.sees(head))) state.put(SLOT, event.replica, event.seq, [heads]);
  }

  /** A write without value; a deletion that is carried out just takes what it has seen. */
  clear(state, event) {
    if (event.replica) write(state, event, [], null);
    else state.replace(SLOT, tidy(keptOf(state.cells, (cell) => !event.sees(/** @type {any} */ (cell)))));
  }

  alive(state) {
    return state.standing.length > 0;
  }

  value(state) {
    const standing = state.standing;
    return standing.length ? given(standing[standing.length - 1][2][2]) : null;
  }

  /** The values that stand, one or none if there is no conflict. @param {Writes} state @returns {Siblings} */
  siblings(state) {
    /** @type {Map<string, Sibling>} */
    const found = new Map();
    for (const [replica, seq, [hlc, , value]] of [...state.standing].reverse()) {
      const data = hex(sameBytesOf(value));
      if (!found.has(data)) found.set(data, { dot: [replica, seq], hlc, value: given(value) });
    }
    const heads = [...found.values()].reverse();
    const base = heads.length > 1 ? baseOf(state.cells) : null;
    const shown = heads.length ? heads[heads.length - 1].value : null;
    return { base: base ? given(base[2][2]) : null, heads, shown };
  }

  /** What a person has to decide between, if anything. @param {Writes} state @returns {Siblings | null} */
  conflict(state) {
    return null;
  }

  joined(slot, cells) {
    return tidy(cells);
  }

  fold(state, cut) {
    if (state.cells.size) state.replace(SLOT, folded(state.cells, cut));
  }

  touched() {
    return TOUCHED;
  }

  payload(slot, payload) {
    if (slot !== SLOT || !Array.isArray(payload) || !payload.length || payload.length > WRITE)
      throw new BadFrame("no cell of a register");
    if (payload.length === CONTEST) return [dotsOf(payload[0])];
    return [checkedStamp(payload[0]), dotsOf(payload[1]), ...payload.slice(2)];
  }

  before(state, mutation, dot) {
    if (mutation[0] === "contest") return null;
    const standing = state.standing;
    const value = standing.length ? standing[standing.length - 1][2][2] : null;
    return ["restore", dot, standing.length > 0, value];
  }
}

/** Concurrent values wait for a person. */
export class AskRegister extends ConcurrentRegister {
  tag = "q";

  /** It replaces the sibling that is shown and no other. */
  assignment(state, value) {
    const standing = state.standing;
    if (standing.length > 1) {
      const values = standing.map((/** @type {any} */ cell) => hex(sameBytesOf(cell[2][2])));
      const last = values[values.length - 1];
      const shown = standing.filter((/** @type {any} */ _, /** @type {number} */ i) => values[i] === last);
      if (shown.length < standing.length)
        return [SET, value, shown.map(([replica, seq]) => [replica, seq])];
    }
    return [SET, value];
  }

  conflict(state) {
    if (state.standing.length < 2) return null;
    const siblings = this.siblings(state);
    return siblings.heads.length > 1 ? siblings : null;
  }
}

/** Concurrent values are merged when they are read: elsewhere, not here. */
export class MergeRegister extends ConcurrentRegister {
  tag = "m";

  /** Whether several values stand, of which only the greatest is shown here. @param {Writes} state */
  unmerged(state) {
    return state.standing.length > 1 && this.siblings(state).heads.length > 1;
  }

  /** What the function could not decide. */
  conflict(state) {
    return state.contested ? this.siblings(state) : null;
  }
}

/**
 * Add a write, or a clear if there is no value, in place of the heads that it replaces.
 * @param {Writes} state @param {import("./event.js").Event} event @param {any[]} value
 * @param {any[] | null} named
 */
function write(state, event, value, named) {
  const seen = state.headsSeen(event);
  const cells = state.cells;
  let replaced = [...seen];
  if (named && named.length) {
    const wanted = named.filter(Array.isArray).map(plainDot);
    const isWanted = (/** @type {any} */ head) => wanted.some((dot) => dot && !compareDots(head, dot));
    // heads that went with the clear of a whole document are replaced, and are no parents
    const gone =
      wanted.length > 0 &&
      wanted.every((dot) => dot && !cells.has(`${dot[0]}:${dot[1]}`) && event.sees(dot));
    const found = seen.filter(isWanted);
    replaced = found.length ? found : gone ? [] : replaced;
  }
  if (!value.length && !replaced.some((head) => head[2].length === WRITE)) return;
  if (replaced.length < seen.length)
    for (const head of seen)
      if (head[2].length === CLEAR && !replaced.includes(head)) replaced.push(head);
  if (state.contested)
    state.replace(SLOT, keptOf(cells, (cell) => cell[2].length !== CONTEST));
  const parents = replaced.map(([replica, seq]) => [replica, seq]).sort(compareDots);
  state.put(SLOT, event.replica, event.seq, [event.hlc, parents, ...value]);
}

/** A dot that somebody sent; null for what is none. @param {any[]} pair @returns {[bigint, number] | null} */
function plainDot(pair) {
  const [replica, seq] = pair;
  if (pair.length !== 2 || !Number.isSafeInteger(seq)) return null;
  if (typeof replica === "bigint") return [replica, seq];
  return Number.isSafeInteger(replica) ? [BigInt(replica), seq] : null;
}

export const ASK = new AskRegister();
export const MERGE = new MergeRegister();
