/**
 * What a collection's documents have: fields, declared by functions.
 *
 *     { title: register(), when: ask(), body: text(), tags: addWinsSet(), likes: counter(),
 *       done: flag(), props: map(register()), meta: nested({ pinned: flag() }), data: json() }
 *
 * A field's type is part of its identity, as in Python: `register()` there is `Register(...)` here
 * and `ask()` is `Register(..., resolve=Ask())`. A name that has another type elsewhere is another
 * field.
 *
 * Absent: checks of values' types. They belong to whoever declares a class in Python.
 */

import { typeOf } from "./catalogue.js";
import { BadCall, BadDocument } from "./errors.js";
import { component } from "./paths.js";
import { ListView } from "./list_view.js";
import { given } from "./plain.js";
import { TextView } from "./text_view.js";
import { BoundedCounterView, CounterView, JsonView, MapView, SetView } from "./views.js";

/** @typedef {import("./place.js").Place} Place */

/** One field; subclasses say how it reads. */
export class Field {
  /** @param {string} tag @param {{alias?: string}} [options] alias: the name that it is stored under */
  constructor(tag, { alias } = {}) {
    this.tag = tag;
    this.alias = alias;
  }

  /** Whether it reads as a plain value. */
  get isPlain() {
    return false;
  }

  /** Its component in a path. @param {string} name */
  part(name) {
    return component(this.tag, this.alias ?? name);
  }

  get type() {
    return typeOf(this.tag);
  }

  /** What the field reads as. @param {Place} place @returns {any} */
  read(place) {
    throw new BadDocument(`a field of the type ${this.tag} cannot be read here`);
  }

  /** Whether anything is there. @param {Place} place @returns {boolean} */
  alive(place) {
    if (this.tag === "o") return place.children().length > 0;
    const state = place.state();
    return state !== null && this.type.alive(state);
  }

  /** What assigning to it does. @param {Place} place @param {any} value */
  assign(place, value) {
    throw place.refuse(value, "change it through its methods");
  }

  /** What it holds as plain values. @param {Place} place @returns {any} */
  plain(place) {
    const value = this.read(place);
    return value !== null && typeof value?.toJSON === "function" ? value.toJSON() : value;
  }
}

class RegisterField extends Field {
  /** @param {string} tag @param {{alias?: string, default?: any}} options */
  constructor(tag, options) {
    super(tag, options);
    this.default = options.default ?? null;
  }

  get isPlain() {
    return true;
  }

  read(place) {
    const state = place.state();
    return state && this.type.alive(state) ? this.type.value(state) : given(this.default);
  }

  assign(place, value) {
    place.mutate(["set", value]);
  }
}

class FlagField extends Field {
  get isPlain() {
    return true;
  }

  read(place) {
    const state = place.state();
    return state ? this.type.value(state) : false;
  }

  assign(place, value) {
    if (typeof value !== "boolean") throw place.refuse(value, "assign true or false");
    place.mutate([value ? "enable" : "disable"]);
  }
}

class CounterField extends Field {
  /** @param {string} tag @param {{alias?: string, minimum?: number}} options */
  constructor(tag, options) {
    super(tag, options);
    this.minimum = options.minimum ?? 0;
  }

  read(place) {
    const View = this.tag === "b" ? BoundedCounterView : CounterView;
    return new View(place, this.type, this.minimum);
  }

  assign(place, value) {
    throw place.refuse(value, "call increment(n) or decrement(n)");
  }
}

class SetField extends Field {
  read(place) {
    return new SetView(place, this.type);
  }

  assign(place, value) {
    if (value === null || typeof value?.[Symbol.iterator] !== "function")
      throw place.refuse(value, "assign an array or a Set");
    this.read(place).become(value);
  }
}

class TextField extends Field {
  read(place) {
    return new TextView(place);
  }

  assign(place, value) {
    throw place.refuse(value, "call insert(), replace() or applyDiff()");
  }
}

class ListField extends Field {
  /** @param {Field | null} documents @param {{alias?: string}} options */
  constructor(documents, options) {
    super("l", options);
    if (documents !== null && !(documents instanceof NestedField))
      throw new BadDocument("list() holds values, or documents, as in list(nested({ done: flag() }))");
    this.values = documents; // what a path below it leads to
  }

  read(place) {
    return new ListView(place, this.values);
  }

  assign(place, value) {
    if (value === null || typeof value === "string" || typeof value?.[Symbol.iterator] !== "function")
      throw place.refuse(value, "assign an array");
    this.read(place).become(value);
  }
}

class MapField extends Field {
  /** @param {Field} values @param {{alias?: string}} options */
  constructor(values, options) {
    super("o", options);
    if (!(values instanceof Field)) throw new BadDocument("map() takes a field, as in map(register())");
    this.values = values;
  }

  read(place) {
    return new MapView(place, this.values);
  }

  assign(place, value) {
    if (value === null || typeof value !== "object") throw place.refuse(value, "assign an object");
    this.read(place).become(value);
  }
}

class JsonField extends Field {
  read(place) {
    return new JsonView(place);
  }

  assign(place, value) {
    if (value === null || typeof value !== "object") throw place.refuse(value, "assign an object");
    this.read(place).become(value);
  }
}

class NestedField extends Field {
  /** @param {Record<string, Field>} fields @param {{alias?: string}} options */
  constructor(fields, options) {
    super("o", options);
    this.fields = checkedFields(fields);
    this.Handle = handleOf(this.fields, Fields);
  }

  read(place) {
    return new this.Handle(place);
  }

  assign(place, value) {
    if (value === null || typeof value !== "object") throw place.refuse(value, "assign an object");
    Object.assign(this.read(place), value);
  }
}

/** The fields at a place: what a document and a nested one have in common. */
export class Fields {
  /** @param {Place} place */
  constructor(place) {
    Object.defineProperty(this, "_place", { value: place });
  }

  /** The fields by name. @returns {Record<string, Field>} */
  get fields() {
    throw new BadCall("of no schema");
  }

  /** The field called `name`, and its place; `BadCall`. @param {string} name */
  at(name) {
    const field = Object.hasOwn(this.fields, name) ? this.fields[name] : undefined;
    if (!field) throw new BadCall(`there is no field ${JSON.stringify(name)}`);
    // @ts-ignore - defined above
    return { field, place: this._place.child(field.part(name)) };
  }

  /** All fields as plain values. */
  toJSON() {
    const names = Object.keys(this.fields);
    return Object.fromEntries(
      names.map((name) => {
        const { field, place } = this.at(name);
        return [name, field.plain(place)];
      }),
    );
  }
}

/** A class of handles with a property for each field. @param {Record<string, Field>} fields
 * @param {any} Base @returns {any} */
export function handleOf(fields, Base) {
  const Handle = class extends Base {
    get fields() {
      return fields;
    }
  };
  for (const name of Object.keys(fields)) {
    if (name in Handle.prototype) continue; // the handle's own wins: `handle.at(name)` reaches the field
    Object.defineProperty(Handle.prototype, name, {
      enumerable: true,
      get() {
        const { field, place } = this.at(name);
        return field.read(place);
      },
      set(value) {
        const { field, place } = this.at(name);
        field.assign(place, value);
      },
    });
  }
  return Handle;
}

/** A schema, checked; raises `BadDocument`. @param {any} fields @returns {Record<string, Field>} */
export function checkedFields(fields) {
  if (fields === null || typeof fields !== "object") throw new BadDocument("a schema is an object of fields");
  for (const [name, field] of Object.entries(fields))
    if (!(field instanceof Field))
      throw new BadDocument(`the field ${name} is no field: write ${name}: register(), for example`);
  return { ...fields };
}

/** Of the schema: the field that a path leads to; null where it says nothing.
 * @param {Record<string, Field>} schema @param {readonly string[]} path @returns {Field | null} */
export function fieldAt(schema, path) {
  /** @type {any} */
  let field = null;
  let fields = schema;
  for (const part of path) {
    if (field instanceof MapField || (field instanceof ListField && field.values)) field = field.values;
    else {
      const found = Object.entries(fields).find(([name, one]) => one.part(name) === part);
      if (!found) return null;
      field = found[1];
    }
    fields = field.fields ?? {};
  }
  return field;
}

/** One value, assigned as a whole; of concurrent ones the last is read. @param {{default?: any, alias?: string}} [options] */
export const register = (options = {}) => new RegisterField("r", options);
/** One value; different concurrent ones wait for a person. @param {{default?: any, alias?: string}} [options] */
export const ask = (options = {}) => new RegisterField("q", options);
/** One value that a function merges elsewhere; here the winner is read. @param {{default?: any, alias?: string}} [options] */
export const merge = (options = {}) => new RegisterField("m", options);
/** A number that goes up and down. @param {{alias?: string}} [options] */
export const counter = (options = {}) => new CounterField("c", options);
/** A number that only grows. @param {{alias?: string}} [options] */
export const growCounter = (options = {}) => new CounterField("gc", options);
/** A number that never goes below its minimum. @param {{minimum?: number, alias?: string}} [options] */
export const boundedCounter = (options = {}) => new CounterField("b", options);
/** Yes or no; enabling wins. @param {{alias?: string}} [options] */
export const flag = (options = {}) => new FlagField("ew", options);
/** Yes or no; disabling wins. @param {{alias?: string}} [options] */
export const disableFlag = (options = {}) => new FlagField("dw", options);
/** A set: what is added and removed at the same time stays. @param {{alias?: string}} [options] */
export const addWinsSet = (options = {}) => new SetField("aw", options);
/** A set: what is added and removed at the same time goes. @param {{alias?: string}} [options] */
export const removeWinsSet = (options = {}) => new SetField("rw", options);
/** A set that only grows. @param {{alias?: string}} [options] */
export const growSet = (options = {}) => new SetField("gs", options);
/** A set in which what was removed is never in again. @param {{alias?: string}} [options] */
export const twoPhaseSet = (options = {}) => new SetField("tp", options);
/** Names to fields of one kind. @param {Field} values @param {{alias?: string}} [options] */
export const map = (values, options = {}) => new MapField(values, options);
/** A document in the document. @param {Record<string, Field>} fields @param {{alias?: string}} [options] */
export const nested = (fields, options = {}) => new NestedField(fields, options);
/** A map of anything. @param {{alias?: string}} [options] */
export const json = (options = {}) => new JsonField("o", options);
/** A text that several people edit at once, with marks. @param {{alias?: string}} [options] */
export const text = (options = {}) => new TextField("x", options);
/** A list of values, or of documents: list(nested({...})). @param {any} [documents] @param {{alias?: string}} [options] */
export const list = (documents = null, options = {}) => new ListField(documents, options);
