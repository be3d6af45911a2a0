/**
 * What another replica sent, joined into a shelf: documents and objects that it touches are woken,
 * and whoever watches is told what is other than it was.
 *
 * Invariant: all of it or nothing; whatever raises `BadFrame` on the way is rolled back. Mirrors the
 * other roads of types/shelf.py.
 *
 * @typedef {import("./shelf_roads.js").Fragment} Fragment
 * @typedef {import("./shelf.js").Shelf} Shelf
 * @typedef {import("./shelved_document.js").ShelvedDocument} ShelvedDocument
 * @typedef {import("./causality.js").Context} Context
 * @typedef {import("./paths.js").Path} Path
 */

import { BadFrame } from "./errors.js";
import { sameBytes } from "./event.js";
import { isKey } from "./preparing.js";
import { dropOthers, join } from "./shelf_roads.js";

/** Join fragments of a replica at vector `theirs` into a shelf at `mine`.
 * @param {Shelf} shelf @param {Iterable<Fragment>} fragments
 * @param {{mine: Context, theirs: Context}} vectors
 * @param {boolean} whole whether what was not sent is not there either */
export function joinFragments(shelf, fragments, { mine, theirs }, whole) {
  const watched = shelf.joinObserver !== null;
  const before = new Map(); // values of what the join changed
  const shown = new Map();
  const wakeDocument = (/** @type {ShelvedDocument} */ document) => {
    if (watched && !shown.has(document)) shown.set(document, document.visible());
    shelf.wakeDocument(document);
  };
  const wake = (/** @type {ShelvedDocument} */ document, /** @type {Path} */ path) => {
    wakeDocument(document);
    const object = shelf.wake(document, path);
    if (watched && !before.has(object)) {
      const { type, state } = object;
      before.set(object, { document, data: type.encode(state), value: type.value(state) });
    }
    return object;
  };
  const forgot = shelf.forgot;
  shelf.mark();
  try {
    joinAll(shelf, fragments, { mine, theirs, wake, wakeDocument }, whole);
  } catch (error) {
    shelf.forgot = forgot;
    shelf.rollback();
    throw error;
  }
  shelf.keep();
  shelf.seen.merge(theirs);
  if (watched) tellJoined(shelf.joinObserver, shown, before);
}

function joinAll(/** @type {Shelf} */ shelf, /** @type {Iterable<Fragment>} */ fragments, /** @type {any} */ joining, /** @type {boolean} */ whole) {
  const sent = new Set();
  for (const fragment of fragments) {
    if (fragment.key === "" && fragment.data === true) {
      shelf.forgot = true;
      continue;
    }
    if (!isKey(fragment.key)) throw new BadFrame("no key of a document");
    sent.add(fragment.key);
    join(shelf.documents.get(fragment.key) ?? shelf.make(fragment.key), fragment, joining);
  }
  if (!whole) return;
  // documents that the sender of everything did not send
  for (const [key, document] of shelf.documents) {
    if (sent.has(key)) continue;
    dropOthers(document, [], new Set(), joining);
    if (!document.markers.size) continue;
    joining.wakeDocument(document);
    document.markers.join([], joining.mine, joining.theirs);
  }
}

function tellJoined(/** @type {any} */ tell, /** @type {Map<any, boolean>} */ shown, /** @type {Map<any, any>} */ before) {
  for (const [document, was] of shown) {
    const is = document.visible();
    if (was !== is) tell(document.key, [], was, is);
  }
  for (const [object, { document, data, value }] of before) {
    const { type, state, path } = object;
    if (!sameBytes(type.encode(state), data)) tell(document.key, path, value, type.value(state));
  }
}
