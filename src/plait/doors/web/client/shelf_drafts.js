/**
 * A draft: what objects and documents were before it touched them, to put that back. Mirrors
 * types/shelf_drafts.py.
 *
 * Invariant: a document or object is noted before its first change in the draft, and only then.
 */

import { Markers } from "./hiding.js";
import { pathKey } from "./paths.js";

/** @typedef {import("./shelved_document.js").ShelvedDocument} ShelvedDocument */
/** @typedef {import("./shelved_document.js").ShelvedObject} ShelvedObject */
/** @typedef {{object: ShelvedObject, mark: any, touches: any}} ObjectMark */
/** @typedef {{document: ShelvedDocument, markers: Markers, objects: Map<string, ObjectMark>,
 *             added: Map<string, readonly string[]>}} DocumentMark */

/** The marks of one draft. */
export class Draft {
  constructor() {
    /** @type {Map<string, DocumentMark>} */
    this.documents = new Map();
  }

  /** The document will change. @param {ShelvedDocument} document */
  noteDocument(document) {
    if (this.documents.has(document.key)) return;
    const markers = new Markers(document.markers);
    this.documents.set(document.key, { document, markers, objects: new Map(), added: new Map() });
  }

  /** The object of a noted document will change. @param {ShelvedDocument} document @param {ShelvedObject} object */
  noteObject(document, object) {
    const noted = /** @type {DocumentMark} */ (this.documents.get(document.key));
    const key = pathKey(object.path);
    if (noted.objects.has(key) || noted.added.has(key)) return;
    const mark = object.type.mark(object.state);
    noted.objects.set(key, { object, mark, touches: object.touches });
  }

  /** The object did not exist. @param {ShelvedDocument} document @param {readonly string[]} path */
  noteAdded(document, path) {
    this.documents.get(document.key)?.added.set(pathKey(path), path);
  }

  /** Everything as it was. */
  rollback() {
    for (const { document, markers, objects, added } of this.documents.values()) {
      for (const { object, mark, touches } of objects.values()) {
        object.state = object.type.rollback(object.state, mark);
        object.touches = touches;
      }
      for (const path of added.values()) document.drop(path);
      document.markers = markers;
    }
  }

  /** The draft was kept. */
  keep() {
    for (const { objects } of this.documents.values())
      for (const { object, mark } of objects.values()) object.type.keep(object.state, mark);
  }
}
