// A text that others edit at the same time, as programs see it: `note.body.insert(0, "milk")`.
//
// Indexes are those of JavaScript's strings (UTF-16 units); inside and between replicas they are code
// points, as in Python. The conversion is here and nowhere else. An index inside a character of two
// units is a `BadValue`.
//
// A mark is on the characters, wherever they go. Whether it takes in what is typed at its edges is said
// when it is put on: `expand` is "after" (so bold goes on), "before", "both" or "none" (links, comments).
//
// Invariant: a view reads what is there now; it holds no copy, and every method is one operation.
// Absent: graphemes; blame, versions and branches, which Python has.

import { BadCall, BadValue, HistoryTrimmed } from "./errors.js";
import { given, taken } from "./plain.js";
import { edits as editsBetween } from "./text_diff.js";
import { TextState } from "./text_state.js";

const NOTHING = new TextState();
const TOKEN_UNITS_MAX = 1 << 16;
const CLOSED = ["link", "comment"]; // names that do not expand of themselves, and name:...
const REVERSED = { none: "both", both: "none" };
const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** @typedef {{insert: string, attributes?: Record<string, any>}} DeltaPiece */

export class TextView {
  /** @param {{state(): any, mutate(mutation: any[]): any, where(): string}} place */
  constructor(place) {
    Object.defineProperty(this, "_place", { value: place });
  }

  // ------------------------------------------------------------------ reading

  get length() {
    return this._state().items.units;
  }

  toString() {
    return this._state().text();
  }

  toJSON() {
    return this.toString();
  }

  /** The text from one index to another, as of a string. @param {number} [start] @param {number} [stop] */
  slice(start = 0, stop = this.length) {
    const at = (/** @type {number} */ index) => Math.max(0, index < 0 ? this.length + index : index);
    return this.toString().slice(at(start), at(stop));
  }

  // ------------------------------------------------------------------ writing

  /** Put text before the character at an index. @param {number} index @param {string} text */
  insert(index, text) {
    this._place.mutate(["insert", this._point(index), text]);
  }

  /** Put text at the end. @param {string} text */
  append(text) {
    this._place.mutate(["insert", this._state().length, text]);
  }

  /** Take so many units away. @param {number} index @param {number} [count] */
  delete(index, count = 1) {
    const start = this._point(index);
    this._place.mutate(["delete", start, this._point(index + count) - start]);
  }

  /** Other text for what is from `start` to `stop`, as one operation. @param {number} start
   * @param {number} stop @param {string} text */
  replace(start, stop, text) {
    const [from, to] = [this._point(start), this._point(stop)];
    if (to < from) throw new BadCall(`${this._place.where()}: from ${start} to ${stop} is backwards`);
    this._place.mutate(["edit", [from, to - from, from, text]]);
  }

  /** Become this text by few and small edits, so that what others do meanwhile stays: for editors
   * that only know whole texts. @param {string} text */
  applyDiff(text) {
    if (typeof text !== "string") throw new BadValue(`${this._place.where()}: a text is a string`);
    const found = [];
    for (const [pos, gone, content] of editsBetween(this.toString(), text)) {
      if (gone) found.push(pos, gone);
      if (content) found.push(pos, content);
    }
    if (found.length) this._place.mutate(["edit", found]);
  }

  // ------------------------------------------------------------------ marks

  /** Put a mark on the characters from `start` to `stop`; value: true, a number or a text.
   * @param {number} start @param {number} stop @param {string} name @param {any} [value] @param {string} [expand] */
  mark(start, stop, name, value = true, expand = expandOf(name)) {
    if (value === null) throw new BadValue(`${this._place.where()}: unmark() takes a mark away`);
    this._mark(start, stop, name, taken(value), expand);
  }

  /** Take the marks of a name away from `start` to `stop`. What is typed at the edges is as what stays
   * marked there, unless `expand` says more.
   * @param {number} start @param {number} stop @param {string} name @param {string} [expand] */
  unmark(start, stop, name, expand = REVERSED[expandOf(name)] ?? expandOf(name)) {
    this._mark(start, stop, name, null, expand);
  }

  _mark(start, stop, name, value, expand) {
    this._place.mutate(["mark", this._point(start), this._point(stop), name, value, expand]);
  }

  /** What is marked, in order: [from, to, values by name]. */
  marks() {
    return this._stretches().filter(([, , values]) => Object.keys(values).length);
  }

  /** The text with its marks, as Quill and its kin read it. @returns {DeltaPiece[]} */
  toDelta() {
    const text = this.toString();
    return this._stretches().map(([start, stop, values]) => {
      const insert = text.slice(start, stop);
      return Object.keys(values).length ? { insert, attributes: values } : { insert };
    });
  }

  /** All of it in stretches of equal marks: [from, to, values by name]. */
  _stretches() {
    const state = this._state();
    const items = state.items;
    const found = [];
    let at = 0;
    let start = 0;
    for (const [size, values] of state.spans()) {
      at = Math.min(at + size, items.length);
      const stop = items.toUnits(at);
      found.push([start, stop, given(values)]);
      start = stop;
    }
    if (start < items.units) found.push([start, items.units, {}]);
    return found;
  }

  // ------------------------------------------------------------------ places

  /** A token for a place that stays where it is while everybody edits: text that can be sent and
   * stored, which means the same at every replica, in Python too. It holds on to the character on one
   * `side`: what is inserted right there goes behind a place that holds on to its left.
   * @param {number} index @param {"left" | "right"} [side] */
  cursor(index, side = "left") {
    if (side !== "left" && side !== "right") throw new BadCall("a place holds on to its left or right");
    const bytes = this._state().anchor(this._point(index), side === "left");
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }

  /** Where the place of a token is now; null if that cannot be told: it is of what is not here yet, or
   * of history that is not kept. `BadValue` for what is no token. @param {string} token @returns {number | null} */
  position(token) {
    if (typeof token !== "string" || token.length > TOKEN_UNITS_MAX || !BASE64URL.test(token)) {
      throw new BadValue(`${this._place.where()}: that is no token of a place`);
    }
    const state = this._state();
    try {
      const binary = atob(token.replaceAll("-", "+").replaceAll("_", "/"));
      return state.items.toUnits(state.locate(Uint8Array.from(binary, (unit) => unit.charCodeAt(0))));
    } catch (error) {
      if (error instanceof HistoryTrimmed) return null;
      throw new BadValue(`${this._place.where()}: that is no token of a place`);
    }
  }

  // ------------------------------------------------------------------ inside

  _state() {
    return this._place.state() ?? NOTHING;
  }

  /** Code points before an index. */
  _point(index) {
    const items = this._state().items;
    if (!Number.isInteger(index) || index < 0 || index > items.units) {
      throw new BadCall(`${this._place.where()}: ${String(index)} is no position in a text of ${items.units}`);
    }
    return items.fromUnits(index);
  }
}

function expandOf(name) {
  const kind = typeof name === "string" ? name.split(":", 1)[0] : "";
  return CLOSED.includes(kind) ? "none" : "after";
}
