/**
 * Views: what a field of a document reads as where it is more than a plain value.
 *
 * Invariant: a view reads what is there now; it holds no copy.
 */

import { typeOf } from "./catalogue.js";
import { Float } from "./codec.js";
import { BadValue } from "./errors.js";
import { elementSlot } from "./element.js";
import { component, nameOf, tagOf } from "./paths.js";
import { given } from "./plain.js";

/** @typedef {import("./place.js").Place} Place */

/** The value of the object at a place, as its type shows it. @param {Place} place @param {any} type */
const valueAt = (place, type) => type.value(place.state() ?? type.zero());

/** A counter: `likes.value`, `likes.increment()`. Concurrent changes add up. */
export class CounterView {
  /** @param {Place} place @param {any} type @param {number} [base] what it counts from */
  constructor(place, type, base = 0) {
    this._place = place;
    this._type = type;
    this._base = base;
  }

  /** The number; a BigInt beyond 2^53. */
  get value() {
    const value = valueAt(this._place, this._type);
    return typeof value === "bigint" ? value + BigInt(this._base) : value + this._base;
  }

  /** @param {number} [amount] */
  increment(amount = 1) {
    this._place.mutate(["add", amount]);
  }

  /** @param {number} [amount] */
  decrement(amount = 1) {
    const spends = this._type.tag === "b";
    this._place.mutate(spends ? ["spend", amount] : ["add", -amount]);
  }

  /** Take back what was counted so far; what is counted elsewhere meanwhile stays. */
  reset() {
    this._place.mutate(["reset"]);
  }

  valueOf() {
    return this.value;
  }

  toString() {
    return String(this.value);
  }

  toJSON() {
    return this.value;
  }
}

/** A bounded counter: each replica spends what it has rights for. */
export class BoundedCounterView extends CounterView {
  /** What this replica may spend now. */
  get rights() {
    const state = this._place.state();
    const mine = state ? this._type.rights(state).get(this._place.access.replica.replica) : 0n;
    return Number(mine ?? 0n);
  }
}

/** A set of strings, numbers, booleans, null, bytes, and arrays of those. */
export class SetView {
  /** @param {Place} place @param {any} type */
  constructor(place, type) {
    this._place = place;
    this._type = type;
  }

  /** @param {any} element */
  add(element) {
    this._place.mutate(["add", element]);
    return this;
  }

  /** Take an element out; whether it was in. @param {any} element */
  delete(element) {
    const held = this._forms(element);
    for (const form of held) this._place.mutate(["remove", form]);
    // where removing says something even if it is not in: that it is to stay out
    if (!held.length && this._type.tag === "rw") this._place.mutate(["remove", element]);
    return held.length > 0;
  }

  /** @param {any} element */
  has(element) {
    return this._forms(element).length > 0;
  }

  /** The forms of an element that are in: Python keeps 1 and 1.0 apart. @param {any} element @returns {any[]} */
  _forms(element) {
    const state = this._place.state();
    if (!state) return [];
    const forms = Number.isSafeInteger(element) ? [element, new Float(element)] : [element];
    return forms.filter((form) => this._type.has(state, elementSlot(form).slot));
  }

  get size() {
    return this.values().length;
  }

  /** The elements, in one order everywhere. @returns {any[]} */
  values() {
    const shown = valueAt(this._place, this._type).map(given);
    return shown.some((/** @type {any} */ one) => typeof one === "number") ? [...new Set(shown)] : shown;
  }

  [Symbol.iterator]() {
    return this.values()[Symbol.iterator]();
  }

  /** @param {(element: any) => void} act */
  forEach(act) {
    this.values().forEach((element) => act(element));
  }

  clear() {
    for (const element of valueAt(this._place, this._type)) this._place.mutate(["remove", element]);
  }

  /** Let these be the elements. @param {Iterable<any>} elements */
  become(elements) {
    const wanted = [...elements];
    const slots = new Set(wanted.map((element) => elementSlot(element).slot));
    for (const element of valueAt(this._place, this._type))
      if (!slots.has(elementSlot(element).slot)) this._place.mutate(["remove", element]);
    for (const element of wanted) if (!this.has(element)) this.add(element);
  }

  toJSON() {
    return this.values();
  }
}

/** Names to objects of one kind: `props.get("k")`, `props.set("k", v)`. */
export class MapView {
  /** @param {Place} place @param {import("./schema.js").Field} field of the values */
  constructor(place, field) {
    this._place = place;
    this._field = field;
  }

  /** @param {string} name */
  _at(name) {
    if (typeof name !== "string") throw new BadValue(`${this._place.where()}: names are strings`);
    return this._place.child(component(this._field.tag, name));
  }

  /** What is under a name: a value (undefined if nothing is there), or a view. @param {string} name */
  get(name) {
    if (this._field.isPlain && !this.has(name)) return undefined;
    return this._field.read(this._at(name));
  }

  /** @param {string} name @param {any} value */
  set(name, value) {
    this._field.assign(this._at(name), value);
    return this;
  }

  /** @param {string} name */
  has(name) {
    return this._field.alive(this._at(name));
  }

  /** Take out what is under a name; whether anything was. @param {string} name */
  delete(name) {
    const was = this.has(name);
    if (was) this._at(name).clear();
    return was;
  }

  /** The names, in order. @returns {string[]} */
  keys() {
    const { tag } = this._field;
    return this._place.children().filter((part) => tagOf(part) === tag).map(nameOf);
  }

  values() {
    return this.keys().map((name) => this.get(name));
  }

  /** @returns {[string, any][]} */
  entries() {
    return this.keys().map((name) => [name, this.get(name)]);
  }

  get size() {
    return this.keys().length;
  }

  [Symbol.iterator]() {
    return this.entries()[Symbol.iterator]();
  }

  clear() {
    for (const name of this.keys()) this.delete(name);
  }

  /** Hold these names and no others. @param {Record<string, any> | Map<string, any>} value */
  become(value) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    const wanted = new Set(entries.map(([name]) => name));
    for (const name of this.keys()) if (!wanted.has(name)) this.delete(name);
    for (const [name, one] of entries) this.set(name, one);
  }

  toJSON() {
    const names = this.keys();
    return Object.fromEntries(names.map((name) => [name, this._field.plain(this._at(name))]));
  }
}

const LEAF = typeOf("r");

/** A map of anything, changed in place: `data.get("a", "b")`, `data.set("a", "b", value)`. */
export class JsonView {
  /** @param {Place} place */
  constructor(place) {
    this._place = place;
  }

  /** @param {string[]} names */
  _inside(names) {
    return names.reduce((place, name) => place.child(component("o", name)), this._place);
  }

  /** The plain value at a place; undefined if nothing is there. @param {...string} names @returns {any} */
  get(...names) {
    if (!names.length) return this.toJSON();
    const parent = this._inside(names.slice(0, -1));
    return readJson(parent, names[names.length - 1]);
  }

  /** Put a value at a place, in the place of what is there; a plain object becomes a map.
   * @param {...any} path names, and the value as the last */
  set(...path) {
    const value = path.pop();
    if (!path.length) throw new BadValue(`${this._place.where()}: set(name, ..., value)`);
    const parent = this._inside(path.slice(0, -1));
    writeJson(parent, path[path.length - 1], value);
  }

  /** @param {...string} names */
  delete(...names) {
    const parent = this._inside(names.slice(0, -1));
    const name = names[names.length - 1];
    for (const part of parent.children()) if (nameOf(part) === name) parent.child(part).clear();
  }

  /** The names at a place, in order. @param {...string} names */
  keys(...names) {
    return [...new Set(this._inside(names).children().map(nameOf))].sort();
  }

  /** Hold these names and no others. @param {Record<string, any>} value */
  become(value) {
    for (const name of this.keys()) if (!(name in value)) this.delete(name);
    for (const [name, one] of Object.entries(value)) this.set(name, one);
  }

  toJSON() {
    return plainJson(this._place);
  }
}

/** @param {Place} place */
function plainJson(place) {
  /** @type {Record<string, any>} */
  const found = {};
  for (const name of new Set(place.children().map(nameOf))) {
    const value = readJson(place, name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** @param {Place} parent @param {string} name @returns {any} */
function readJson(parent, name) {
  const inner = parent.child(component("o", name));
  if (inner.children().length) return plainJson(inner); // a map wins over a leaf that was assigned meanwhile
  const state = parent.child(component("r", name)).state();
  if (state && LEAF.alive(state)) return LEAF.value(state);
  const other = parent.children().find((part) => nameOf(part) === name && !"or".includes(tagOf(part)));
  if (!other) return undefined;
  return given(valueAt(parent.child(other), typeOf(tagOf(other))));
}

/** @param {Place} parent @param {string} name @param {any} value */
function writeJson(parent, name, value) {
  const inner = parent.child(component("o", name));
  if (inner.children().length) inner.clear();
  const isMap = value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
  parent.child(component("r", name)).mutate(["set", isMap ? {} : value]);
  if (isMap) for (const [key, one] of Object.entries(value)) writeJson(inner, key, one);
}
