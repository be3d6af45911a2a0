/**
 * Documents as fragments, and fragments joined into documents: the delta and state roads. Mirrors
 * types/shelf_roads.py.
 *
 *     whole, data [objects, markers]        everything at and below the path, as it is
 *     not whole, data [data, form, touches, markers]     one object: touched slots, or all of it
 *     key "" and data true                  the sender has folded markers
 *
 * Invariant: a fragment that no replica can have sent raises `BadFrame`; the caller takes back what
 * was joined before it.
 *
 * @typedef {{key: string, path: readonly string[], whole: boolean, data: any}} Fragment
 * @typedef {import("./shelved_document.js").ShelvedDocument} ShelvedDocument
 * @typedef {{mine: any, theirs: any, wake: (d: ShelvedDocument, path: readonly string[]) => ShelvedObject,
 *            wakeDocument: (d: ShelvedDocument) => void}} Joining
 */

import { byPair } from "./causality.js";
import { slotKey } from "./cells.js";
import { compareBytes, encode } from "./codec.js";
import { BadFrame } from "./errors.js";
import { APPLY } from "./event.js";
import { dotsJoined, readDots } from "./hiding.js";
import { holds } from "./nesting.js";
import { Opaque, readLog, realise } from "./opaque.js";
import { comparePaths, isBelow, pathKey, tagOf } from "./paths.js";
import { ShelvedObject } from "./shelved_document.js";

const SLOTS = 0; // forms: some slots of an object
const OBJECT = 1; // all of an object
const LOG = 2; // what a replica heard that does not know the type

/** @type {Fragment} */
export const FORGOT = Object.freeze({ key: "", path: [], whole: false, data: true });

/** What operations touched in one document. */
export class Touched {
  constructor() {
    /** @type {Map<string, readonly string[]>} */
    this.whole = new Map();
    /** @type {Map<string, {path: readonly string[], slots: Map<string, any> | null}>} */
    this.slots = new Map();
  }

  /** Add what an operation touched. @param {any} op @param {any} dot @param {(tag: string) => any} typeOf */
  touch(op, dot, typeOf) {
    const key = pathKey(op.path);
    if (op.kind !== APPLY) {
      this.whole.set(key, op.path);
      return;
    }
    if (!holds(op.path)) return;
    const slots = touchedSlots(typeOf(tagOf(op.path[op.path.length - 1])), op.body, dot);
    const known = this.slots.get(key) ?? { path: op.path, slots: new Map() };
    this.slots.set(key, known);
    if (slots === null) known.slots = null;
    else for (const slot of slots) known.slots?.set(slotKey(slot), slot);
  }

  /** What stands there now. @param {ShelvedDocument} document @param {(tag: string) => any} typeOf
   * @returns {Generator<Fragment>} */
  *fragments(document, typeOf) {
    const prefixes = [...this.whole.values()];
    const whole = prefixes.filter(
      (path) => !prefixes.some((other) => other.length < path.length && isBelow(path, other)),
    );
    for (const path of whole) yield bundle(document, path);
    for (const { path, slots } of this.slots.values())
      if (!whole.some((prefix) => isBelow(path, prefix)))
        yield part(document, path, slots && [...slots.values()], typeOf);
  }
}

/** `eventSlots`, also for bodies that make no sense. */
export function touchedSlots(/** @type {any} */ type, /** @type {any} */ body, /** @type {any} */ dot) {
  try {
    return type.eventSlots(body, dot);
  } catch {
    return null;
  }
}

/** Everything at and below a path. @param {ShelvedDocument} document @param {readonly string[]} prefix
 * @returns {Fragment} */
export function bundle(document, prefix) {
  const objects = document
    .below(prefix)
    .filter((object) => !object.empty())
    .sort((a, b) => comparePaths(a.path, b.path))
    .map((object) => [object.path, ...content(object, null)]);
  return { key: document.key, path: prefix, whole: true, data: [objects, document.markers.data()] };
}

/** @returns {Fragment} */
function part(
  /** @type {ShelvedDocument} */ document, /** @type {readonly string[]} */ path,
  /** @type {any[] | null} */ slots, /** @type {(tag: string) => any} */ typeOf,
) {
  const object = document.find(path) ?? new ShelvedObject(path, typeOf(tagOf(path[path.length - 1])));
  const data = [...content(object, slots), document.markers.data()];
  return { key: document.key, path, whole: false, data };
}

function content(/** @type {ShelvedObject} */ object, /** @type {any[] | null} */ slots) {
  const form = object.opaque ? LOG : slots === null ? OBJECT : SLOTS;
  const touches = object.touches && [...object.touches.values()].sort(byPair);
  return [object.type.delta(object.state, slots), form, touches];
}

// ----------------------------------------------------------------------------- joining

/** Join one fragment into its document; raises `BadFrame`, perhaps half-way.
 * @param {ShelvedDocument} document @param {Fragment} fragment @param {Joining} joining */
export function join(document, fragment, joining) {
  const { path: prefix, whole, data } = fragment;
  if (!Array.isArray(data) || data.length !== (whole ? 2 : 4)) throw new BadFrame("no fragment");
  const listed = whole ? data[0] : [[prefix, data[0], data[1], data[2]]];
  const markers = data[data.length - 1];
  if (!Array.isArray(listed)) throw new BadFrame("no fragment");
  const known = new Set();
  for (const entry of listed) {
    if (!Array.isArray(entry) || entry.length !== 4) throw new BadFrame("no object of a fragment");
    const [path, its, form, touches] = entry;
    if (!isPath(path) || !isBelow(path, prefix)) throw new BadFrame("a path that is not below its fragment's");
    known.add(pathKey(path));
    joinObject(joining.wake(document, path), its, form, touches, joining);
  }
  if (whole) dropOthers(document, prefix, known, joining);
  if (!document.markers.size && Array.isArray(markers) && !markers.length) return;
  if (compareBytes(encode(markers), encode(document.markers.data()))) {
    joining.wakeDocument(document);
    document.markers.join(markers, joining.mine, joining.theirs);
  }
}

/** The sender has nothing else below the prefix: what it has seen of that was removed.
 * @param {ShelvedDocument} document @param {readonly string[]} prefix @param {Set<string>} listed
 * @param {Joining} joining */
export function dropOthers(document, prefix, listed, joining) {
  const { mine, theirs } = joining;
  for (const { path } of document.below(prefix)) {
    const found = document.find(path);
    if (listed.has(pathKey(path)) || !found || found.empty()) continue;
    const object = joining.wake(document, path);
    const { type, state } = object;
    if (type instanceof Opaque) type.gone(state, theirs);
    else type.join(state, type.delta(type.zero(), null), mine, theirs, true);
    if (object.touches) object.touches = dotsJoined(object.touches, new Map(), mine, theirs);
  }
}

function joinObject(
  /** @type {ShelvedObject} */ object, /** @type {any} */ data, /** @type {any} */ form,
  /** @type {any} */ touches, /** @type {Joining} */ joining,
) {
  if (form !== SLOTS && form !== OBJECT && form !== LOG) throw new BadFrame(`${form} is no form of an object`);
  const { type, state } = object;
  const { mine, theirs } = joining;
  if (type instanceof Opaque) {
    if (form === LOG) type.join(state, data, mine, theirs, true);
    else type.take(state, data, theirs, form === OBJECT);
  } else if (form === LOG) {
    type.join(state, type.delta(realise(type, readLog(data)), null), mine, theirs, true);
  } else {
    type.join(state, data, mine, theirs, form === OBJECT);
  }
  if (object.touches) object.touches = dotsJoined(object.touches, readDots(touches ?? []), mine, theirs);
}

/** @param {any} path */
const isPath = (path) =>
  Array.isArray(path) && path.every((part) => typeof part === "string") && holds(path);
