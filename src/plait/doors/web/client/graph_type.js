/**
 * The contract of a graph type: a value that every replica may change at once, and that converges.
 *
 *     mutation --prepare--> body --(event)--> apply --> state --value--> what people read
 *                                               ^
 *     another replica's state --delta--> data --join
 *
 * Mirrors types/graph_type.py, whose laws hold here as well: states that saw the same events have
 * equal `canonical` bytes, in JavaScript and in Python.
 *
 * Bodies and data are stored values (`codec.js`): arrays, Map, Float, numbers or BigInt. Replica
 * ids and stamps in them are whatever was decoded: `bigOf` makes a BigInt of them. A mutation is an
 * array, `["set", value]`; `here` is `{replica: bigint, context: Context}`; a *slot* is a
 * Uint8Array, or a bigint (a replica id).
 *
 * @typedef {import("./event.js").Event} Event
 * @typedef {import("./causality.js").Context} Context
 * @typedef {import("./causality.js").Dot} Dot
 * @typedef {Uint8Array | bigint} Slot
 * @typedef {any[]} Mutation
 * @typedef {{replica: bigint, context: Context}} Here
 */

import { NOTHING } from "./causality.js";
import { decode, encode } from "./codec.js";
import { BadCall } from "./errors.js";

export class GraphType {
  /** What path components call it. */
  tag = "";
  /** Whether its state is `Cells`. */
  ofCells = false;
  /** Whether its slots are operations; it knows who has seen which. */
  ofEvents = false;
  /** The mutation that the author of a clear prepares for it, if it needs one. @type {Mutation | null} */
  clearing = null;
  /** Whether it has a `clear`. */
  clears = true;

  // ------------------------------------------------------------------ must have

  /** The state before any event. @returns {any} */
  zero() {
    throw new Error(`${this.tag} has no zero`);
  }

  /**
   * The body to tell everybody, or undefined if nothing is to be told; null is a body. Raises a
   * UsageError or Refused; must not change the state.
   * @param {any} state @param {Mutation} mutation @param {Here} here @returns {any}
   */
  prepare(state, mutation, here) {
    throw this.unknown(mutation);
  }

  /** Change the state. A body that makes no sense changes nothing, and never raises.
   * @param {any} state @param {any} body @param {Event} event */
  apply(state, body, event) {}

  /**
   * Join what `delta` gave at a replica with the vector `theirs`; this one is at `mine`. Raises
   * `BadFrame` and then changes nothing.
   * @param {any} state @param {any} data @param {Context} mine @param {Context} theirs
   * @param {boolean} whole everything that the other has, not only the slots that it names
   */
  join(state, data, mine, theirs, whole) {}

  /** What stands in the slots now; null: everything. @param {any} state @param {Slot[] | null} slots
   * @returns {any} */
  delta(state, slots) {
    return null;
  }

  /** What people read; a fresh object. @param {any} state @returns {any} */
  value(state) {
    return null;
  }

  // ------------------------------------------------------------------ may have

  /** Take back everything that the event has seen. @param {any} state @param {Event} event */
  clear(state, event) {}

  /** Whether anything is there. @param {any} state */
  alive(state) {
    return true;
  }

  /** Drop what no later event can make a difference to. @param {any} state @param {Context} cut */
  fold(state, cut) {}

  /** The slots that an operation may have changed; null: any. @param {any} body @param {bigint} replica
   * @returns {Slot[] | null} */
  touched(body, replica) {
    return null;
  }

  /** The slots that the operation `dot` may have changed; null: any. @param {any} body @param {Dot} dot
   * @returns {Slot[] | null} */
  eventSlots(body, dot) {
    return this.touched(body, dot[0]);
  }

  /** Do `act`, and say what it changed (patches), for a type `ofEvents`.
   * @param {any} state @param {() => void} act @returns {any} */
  watching(state, act) {
    act();
    return null;
  }

  /** The value as far as the slots go. @param {any} state @param {Slot[] | null} slots */
  partial(state, slots) {
    return this.value(state);
  }

  /** What `takingBack` will want to know, asked before `mutation` is applied as the event `dot`;
   * null if nothing can be taken back. @param {any} state @param {Mutation} mutation @param {Dot} dot
   * @returns {any} */
  before(state, mutation, dot) {
    return null;
  }

  /** The mutation that takes `mutation` back, from what `before` gave.
   * @param {any} before @param {Mutation} mutation @param {Dot} dot @returns {Mutation | null} */
  takingBack(before, mutation, dot) {
    return before;
  }

  // ------------------------------------------------------------------ follows from the others

  /** The state as bytes. @param {any} state */
  encode(state) {
    return encode(this.delta(state, null));
  }

  /** The state that `encode` gave; raises `BadFrame`. @param {Uint8Array} data */
  decode(data) {
    const state = this.zero();
    this.join(state, decode(data), NOTHING, NOTHING, true);
    return state;
  }

  /** Bytes that depend only on the events seen and the cut. @param {any} state @param {Context} cut */
  canonical(state, cut) {
    const copy = this.decode(this.encode(state));
    this.fold(copy, cut);
    return this.encode(copy);
  }

  /** Begin a draft: what `rollback` will want. @param {any} state @returns {any} */
  mark(state) {
    return this.encode(state);
  }

  /** The state as it was at `mark`. @param {any} state @param {any} mark */
  rollback(state, mark) {
    return this.decode(mark);
  }

  /** The draft was kept. @param {any} state @param {any} mark */
  keep(state, mark) {}

  /** The error for a mutation that the type does not have. @param {Mutation} mutation */
  unknown(mutation) {
    return new BadCall(`${this.constructor.name} has no mutation ${String(mutation?.[0])}`);
  }
}
