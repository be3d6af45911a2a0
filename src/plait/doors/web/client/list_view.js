// A list that others edit at the same time, as programs see it: `note.tasks.push("milk")`.
//
// `list()` holds values. `list(nested({...}))` holds documents: each element is one of its own, with a
// place below the list that moving does not change, so people who edit inside it at the same time are
// merged like everywhere else. Writing takes the indexes that are in the list and no others.
//
// Invariant: a view reads what is there now; it holds no copy.

import { BadCall, BadValue } from "./errors.js";
import { nameOfElement } from "./list_slots.js";
import { ListState } from "./list_state.js";
import { component } from "./paths.js";
import { given, same, taken } from "./plain.js";

const NOTHING = new ListState();

export class ListView {
  /** @param {import("./place.js").Place} place @param {any} [documents] the field of its elements, if
   * they are documents */
  constructor(place, documents = null) {
    Object.defineProperty(this, "_place", { value: place });
    Object.defineProperty(this, "_documents", { value: documents });
  }

  // ------------------------------------------------------------------ reading

  get length() {
    return this._state().size();
  }

  /** The element at an index; undefined if there is none. @param {number} index */
  get(index) {
    const [element] = index < 0 ? [] : this._state().elements(index, index + 1);
    return element && this._shown(element);
  }

  /** All elements, as an array. @returns {any[]} */
  toArray() {
    return this._state().elements().map((/** @type {any} */ element) => this._shown(element));
  }

  /** The elements that it has now, whatever happens to it meanwhile. */
  [Symbol.iterator]() {
    return this.toArray()[Symbol.iterator]();
  }

  /** Its elements as plain values. */
  toJSON() {
    return this.toArray().map((element) => (typeof element?.toJSON === "function" ? element.toJSON() : element));
  }

  // ------------------------------------------------------------------ writing

  /** Put a value before the element at an index. @param {number} index @param {any} value */
  insert(index, value) {
    this.splice(index, 0, value);
  }

  /** Put values at the end; they stay together. @param {...any} values */
  push(...values) {
    this.splice(this.length, 0, ...values);
  }

  /** Take elements out, and documents with what is in them. @param {number} index @param {number} [count] */
  delete(index, count = 1) {
    this.splice(index, count);
  }

  /** Other values instead of some. @param {number} index @param {number} count @param {...any} values */
  splice(index, count, ...values) {
    if (this._documents) {
      this._spliceDocuments(index, count, values);
    } else if (!count) {
      this._place.mutate(["insert", index, values.map(taken)]);
    } else if (!values.length) {
      this._place.mutate(["delete", index, count]);
    } else {
      this._place.mutate(["replace", index, count, values.map(taken)]);
    }
  }

  _spliceDocuments(index, count, values) {
    for (const value of values) {
      if (value === null || typeof value !== "object") {
        throw new BadValue(`${this._place.where()} holds documents; give it objects`);
      }
    }
    const gone = this._state().elements(index, index + count);
    if (count) this._place.mutate(["delete", index, count]);
    for (const element of gone) this._child(element.id).clear();
    if (!values.length) return;
    const dot = this._place.mutate(["insert", index, values.map(() => null)]);
    values.forEach((value, offset) => {
      const plain = typeof value.toJSON === "function" ? value.toJSON() : value;
      this._documents.assign(this._child([...dot, offset]), plain);
    });
  }

  /** Another value for the element at an index. @param {number} index @param {any} value */
  set(index, value) {
    if (!this._documents) {
      this._place.mutate(["set", index, value]);
      return;
    }
    const [element] = this._state().elements(index, index + 1);
    if (!element) throw new BadCall(`${this._place.where()} has no element ${index}`);
    this._documents.assign(this._child(element.id), value);
  }

  /** Let the element at `source` stand at `target`, as what it is: who edits it edits it there. Of two
   * moves of it at the same time the later one counts. @param {number} source @param {number} target */
  move(source, target) {
    this._place.mutate(["move", source, target]);
  }

  /** Put the elements in order, as arrays do, by moving as few of them as possible, as one operation.
   * @param {(a: any, b: any) => number} [compare] */
  sort(compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0)) {
    const values = this.toArray();
    this._place.mutate(["arrange", values.map((_, index) => index).sort((a, b) => compare(values[a], values[b]))]);
  }

  /** Hold these values and no others. What is equal at the beginning and at the end stays.
   * @param {Iterable<any>} values */
  become(values) {
    const fresh = Array.from(values);
    const old = this._documents ? [] : this._state().elements().map((/** @type {any} */ { value }) => value);
    const stored = this._documents ? fresh : fresh.map(taken);
    const shorter = Math.min(old.length, stored.length);
    let head = 0;
    while (head < shorter && same(old[head], stored[head])) head++;
    let tail = 0;
    while (tail < shorter - head && same(old[old.length - 1 - tail], stored[stored.length - 1 - tail])) tail++;
    const size = this._documents ? this.length : old.length;
    if (size !== head + tail || stored.length !== head + tail) {
      this.splice(head, size - head - tail, ...fresh.slice(head, fresh.length - tail));
    }
  }

  // ------------------------------------------------------------------ inside

  _state() {
    return this._place.state() ?? NOTHING;
  }

  _shown(/** @type {any} */ element) {
    return this._documents ? this._documents.read(this._child(element.id)) : given(element.value);
  }

  _child(/** @type {any} */ id) {
    return this._place.child(component("o", nameOfElement(id)));
  }
}
