/**
 * What a mutation needs before its type can say what to tell everybody. Mirrors types/preparing.py.
 *
 * The object may not be there yet, its document may be deleted (it begins anew then, with a CLEAR),
 * and a deletion may have been carried out here that others only know as a marker.
 */

import { KEY_BYTES_MAX, isWellFormed, utf8Bytes } from "./codec.js";
import { BadCall, BadKey } from "./errors.js";
import { CLEAR, Event, Op } from "./event.js";
import { checkPath } from "./nesting.js";
import { tagOf } from "./paths.js";

const OBJECTS_MAX = 1_000_000; // of one document

/** @typedef {import("./paths.js").Path} Path @typedef {import("./graph_type.js").Here} Here */

/**
 * What an operation is prepared on: the type, the state after the clear, which goes before it.
 * @param {import("./shelf.js").Shelf} shelf @param {string} key @param {Path} path @param {Here} here
 * @returns {{type: any, state: any, clear: Op | null}}
 */
export function ground(shelf, key, path, here) {
  const document = shelf.documents.get(key);
  const object = document?.find(path);
  if (!object) {
    checkPath(path);
    if (document && document.objects.size >= OBJECTS_MAX)
      throw new BadCall(`a document has at most ${OBJECTS_MAX} objects`);
  }
  const type = object ? object.type : shelf.typeOf(tagOf(path[path.length - 1]));
  const state = object ? object.state : type.zero();
  if (document?.hidden()) {
    const clear = new Op(key, [], document.clearing([], here), CLEAR);
    return { type, state: object ? cleared(object, clear, here) : state, clear };
  }
  // others may hold, hidden, what was folded here
  const begins = shelf.forgot && !document?.there();
  return { type, state, clear: begins ? new Op(key, [], null, CLEAR) : null };
}

/** A copy of the object's state as it is after the clear. */
function cleared(/** @type {any} */ object, /** @type {Op} */ clear, /** @type {Here} */ here) {
  const seq = (here.context.get(here.replica) ?? 0) + 1;
  const event = new Event(here.replica, seq, 0n, here.context);
  const copy = object.copy();
  for (const [path, said] of clear.body ?? []) if (path === object.path) copy.sayClearing(said, event);
  copy.clear(event, true);
  return copy.state;
}

/** Whether a document can have this key: said of every key, at every replica. @param {any} key */
export function isKey(key) {
  if (typeof key !== "string" || !key.length || key.length > KEY_BYTES_MAX || !isWellFormed(key)) return false;
  return key.length * 3 <= KEY_BYTES_MAX || utf8Bytes(key).length <= KEY_BYTES_MAX;
}

/** Raise `BadKey` for what is none. @param {any} key */
export function checkKey(key) {
  if (!isKey(key)) throw new BadKey(`a key is a string of 1 to ${KEY_BYTES_MAX} bytes of UTF-8`);
}
