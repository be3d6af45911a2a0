/**
 * Which documents have something to fold, and folding one. Mirrors types/shelf_folding.py.
 *
 * A fold looks at the documents that were touched since an earlier fold saw all of them stable:
 * they are kept in *generations*, each with a vector that covers every touch.
 *
 * Invariant: a document with an unstable event, or with a marker, is in some generation or fresh.
 */

import { VersionVector, descends } from "./causality.js";
import { HIDDEN, SHOWN, seenByAll } from "./hiding.js";

const GENERATIONS_MAX = 8;
const FEW = 256; // documents

/** @typedef {import("./causality.js").Context} Context */

/** The keys of documents with something to fold. */
export class Unfolded {
  /** @param {VersionVector} seen every event that was applied; live */
  constructor(seen) {
    this.seen = seen;
    /** @type {Set<string>} */
    this.fresh = new Set();
    /** @type {{bound: VersionVector, keys: Set<string>}[]} */
    this.generations = [];
    /** Of documents that stable markers hide. @type {Map<string, VersionVector>} */
    this.bounds = new Map();
  }

  /** A document was written. @param {string} key */
  touch(key) {
    this.fresh.add(key);
  }

  /** The documents to fold: those that are stable as a whole, and the others if they are few.
   * @param {Context} cut */
  due(cut) {
    if (this.fresh.size) {
      this.generations.push({ bound: this.seen.copy(), keys: this.fresh });
      this.fresh = new Set();
    }
    const stable = this.generations.filter(({ bound }) => descends(cut, bound));
    const others = this.generations.filter(({ bound }) => !descends(cut, bound));
    const few = others.reduce((sum, { keys }) => sum + keys.size, 0) <= FEW;
    return new Set([...stable, ...(few ? others : [])].flatMap(({ keys }) => [...keys]));
  }

  /** All that were due are folded to the cut; `marked` have markers still.
   * @param {Context} cut @param {Set<string>} marked */
  done(cut, marked) {
    const kept = this.generations.filter(({ bound }) => !descends(cut, bound));
    if (marked.size) kept.push({ bound: this.seen.copy(), keys: marked });
    while (kept.length > GENERATIONS_MAX) {
      const last = /** @type {any} */ (kept.pop());
      const before = kept[kept.length - 1];
      before.bound.merge(last.bound);
      for (const key of last.keys) before.keys.add(key);
    }
    this.generations = kept;
  }

  /** Whether all that was known of a document when its markers were first found stable is stable.
   * @param {string} key @param {Context} cut */
  mayClear(key, cut) {
    let bound = this.bounds.get(key);
    if (!bound) this.bounds.set(key, (bound = this.seen.copy()));
    return descends(cut, bound);
  }
}

/**
 * Fold one document; whether a deletion was carried out, of which nothing remains.
 * @param {import("./shelved_document.js").ShelvedDocument} document @param {Context} cut
 * @param {Unfolded} unfolded
 */
export function foldDocument(document, cut, unfolded) {
  const settled = document.settled(cut);
  const cleared = settled === HIDDEN && unfolded.mayClear(document.key, cut);
  if (settled !== HIDDEN || cleared) unfolded.bounds.delete(document.key);
  if (cleared || settled === SHOWN)
    for (const key of document.markers.stable(cut).keys()) document.markers.delete(key);
  for (const object of [...document.objects.values()]) {
    if (cleared) object.clear(seenByAll(cut), false);
    object.type.fold(object.state, cut);
    // operations without effect may be touches that keep a document from being hidden
    if (!object.touches?.size && object.empty()) document.drop(object.path);
  }
  return cleared;
}
