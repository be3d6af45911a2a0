/**
 * A document as a shelf holds it: objects by path, markers. Mirrors types/shelved_document.py.
 *
 * An object's *live dots* decide whether a deletion covers it. For types of cells they are the dots
 * of the cells; other objects keep *touches*: the operations that no later one has seen.
 *
 * Invariant: `nesting` has exactly the paths of `objects`.
 * Absent: rows; the replica saves what `shelf.state` gives.
 */

import { dotKey } from "./causality.js";
import { compareBytes } from "./codec.js";
import { HIDDEN, Markers, OPEN, seenByAll, wiping } from "./hiding.js";
import { Nesting } from "./nesting.js";
import { CLEARS, Opaque, WIPES } from "./opaque.js";
import { comparePaths, isBelow, pathKey } from "./paths.js";

/** @typedef {import("./paths.js").Path} Path @typedef {import("./event.js").Event} Event */
/** @typedef {import("./graph_type.js").GraphType} GraphType @typedef {import("./causality.js").Dot} Dot */

/** One object of a document. */
export class ShelvedObject {
  /** @param {Path} path @param {GraphType} type @param {any} [state] */
  constructor(path, type, state = type.zero()) {
    this.path = path;
    this.type = type;
    this.state = state;
    /** @type {Map<string, Dot> | null} */
    this.touches = type.ofCells ? null : new Map();
  }

  get opaque() {
    return this.type instanceof Opaque;
  }

  /** An operation was applied to an object without cells. @param {Event} event */
  touch(event) {
    if (!this.touches) return;
    this.touches = new Map([...this.touches].filter(([, dot]) => !event.sees(dot)));
    this.touches.set(dotKey(event.replica, event.seq), event.dot);
  }

  /** What the author of a clear said for a type that cannot tell what was seen. @param {any} body
   * @param {Event} event */
  sayClearing(body, event) {
    if (this.type.clearing !== null) this.type.apply(this.state, body, event);
  }

  /** Take back what the event has seen; types that cannot keep it. @param {Event} event @param {boolean} wipes */
  clear(event, wipes) {
    const { type, state } = this;
    if (type instanceof Opaque) type.hear(state, null, event, wipes ? WIPES : CLEARS);
    else if (type.clears) type.clear(state, wipes && !type.ofEvents ? wiping(event) : event);
    if (this.touches) this.touches = new Map([...this.touches].filter(([, dot]) => !event.sees(dot)));
  }

  alive() {
    return this.type.alive(this.state);
  }

  /** The live dots. @returns {Iterable<readonly any[]>} */
  dots() {
    // @ts-ignore - types of cells have `dots`
    return this.touches ? this.touches.values() : this.type.dots(this.state);
  }

  /** Whether it is as if it had never been written. */
  empty() {
    const { type, state } = this;
    if (type.ofCells) return !state.slots.size;
    return !type.alive(state) && !compareBytes(type.encode(state), type.encode(type.zero()));
  }

  /** Another with an equal state. */
  copy() {
    const other = new ShelvedObject(this.path, this.type, this.type.decode(this.type.encode(this.state)));
    if (this.touches) other.touches = new Map(this.touches);
    return other;
  }

  get canGo() {
    return !this.opaque && (this.type.clears || !this.alive());
  }
}

/** The objects under one key. */
export class ShelvedDocument {
  /** @param {string} key */
  constructor(key) {
    this.key = key;
    /** @type {Map<string, ShelvedObject>} */
    this.objects = new Map();
    this.nesting = new Nesting();
    this.markers = new Markers();
    this.shown = false; // counted as visible
  }

  /** @param {Path} path @returns {ShelvedObject | undefined} */
  find(path) {
    return this.objects.get(pathKey(path));
  }

  /** A new object. @param {Path} path @param {GraphType} type */
  add(path, type) {
    const object = new ShelvedObject(path, type);
    this.objects.set(pathKey(path), object);
    this.nesting.add(path);
    return object;
  }

  /** Forget an object. @param {Path} path */
  drop(path) {
    this.objects.delete(pathKey(path));
    this.nesting.drop(path, this.objects);
  }

  /** The objects at and below a path. @param {Path} prefix @returns {ShelvedObject[]} */
  below(prefix) {
    if (!prefix.length) return [...this.objects.values()];
    const found = [];
    for (const path of this.nesting.below(prefix)) {
      const object = this.find(path);
      if (object) found.push(object);
    }
    return found;
  }

  /** Components of the children that are alive, sorted. @param {Path} path */
  children(path) {
    return this.nesting.children(path, (below) => this.find(below)?.alive() ?? false);
  }

  /** The body of a CLEAR of all at and below a path. @param {Path} prefix @param {any} here */
  clearing(prefix, here) {
    const said = [];
    for (const { path, type, state } of this.below(prefix)) {
      if (type.clearing === null) continue;
      const body = type.prepare(state, type.clearing, here);
      if (body !== undefined && body !== null) said.push([path, body]);
    }
    return said.length ? said : null;
  }

  /** A CLEAR, with its body. @param {Path} prefix @param {any} body @param {Event} event */
  clear(prefix, body, event) {
    for (const [path, said] of saidBy(body)) {
      const object = this.find(path);
      if (object && isBelow(path, prefix)) object.sayClearing(said, event);
    }
    for (const object of this.below(prefix)) object.clear(event, !prefix.length);
  }

  /** The live dots of all that is alive. */
  dots() {
    const dots = [];
    for (const object of this.objects.values()) if (object.alive()) dots.push(...object.dots());
    return dots;
  }

  /** Whether anything is alive, hidden or not. */
  there() {
    for (const object of this.objects.values()) if (object.alive()) return true;
    return false;
  }

  /** Whether anything is alive and the document is not hidden. */
  visible() {
    return this.there() && !(this.markers.size && this.markers.hide(this.dots()));
  }

  /** Whether the document is deleted. */
  hidden() {
    return this.markers.size > 0 && this.markers.hide(this.dots());
  }

  /** What folding to the cut does to the markers and what they cover. @param {any} cut */
  settled(cut) {
    if (!this.markers.size) return OPEN;
    const settled = this.markers.settled(this.dots(), cut);
    if (settled === HIDDEN && ![...this.objects.values()].every((object) => object.canGo)) return OPEN;
    return settled;
  }

  /** The document as canonical data: what it is once it is folded to the cut. @param {any} cut */
  image(cut) {
    const settled = this.settled(cut);
    const objects = [];
    const sorted = [...this.objects.values()].sort((a, b) => comparePaths(a.path, b.path));
    for (let object of sorted) {
      if (settled === HIDDEN) {
        object = object.copy();
        object.clear(seenByAll(cut), false);
      }
      const { type } = object;
      const data = type.canonical(object.state, cut);
      if (compareBytes(data, type.canonical(type.zero(), cut))) objects.push([object.path, data]);
    }
    let markers = this.markers;
    if (settled !== OPEN) {
      const stable = markers.stable(cut);
      markers = new Markers([...markers].filter(([key]) => !stable.has(key)));
    }
    return objects.length || markers.size ? [this.key, markers.data(), objects] : [];
  }
}

/** The body of a CLEAR; nothing for one that makes no sense. @param {any} body @returns {[string[], any][]} */
function saidBy(body) {
  if (!Array.isArray(body)) return [];
  const pairs = body.every((said) => Array.isArray(said) && said.length === 2 && Array.isArray(said[0]));
  if (!pairs) return [];
  return body.filter(([path]) => path.every((/** @type {any} */ part) => typeof part === "string"));
}
