/**
 * Batches that cannot be delivered yet: something before them is missing.
 *
 * Bounded by operations; what does not fit is dropped, is outside the vector, and so is asked for
 * again. Invariant: a batch here begins after what was delivered of its author. Mirrors
 * graph/waiting.py.
 */

import { dotKey } from "./causality.js";

const WAITING_OPS_MAX = 1 << 16;
const NO_MARK = new Uint8Array(0);

/** Batches by author and first sequence number. */
export class Waiting {
  constructor(opsMax = WAITING_OPS_MAX) {
    this.opsMax = opsMax;
    this.ops = 0;
    this.authors = new Map(); // author to Map of first to batch
    this._marks = new Map();
    this._blocked = new Map(); // stream to the authors that wait for it
  }

  *[Symbol.iterator]() {
    for (const batches of this.authors.values()) yield* batches.values();
  }

  /** The batch that begins there, or undefined. */
  get(replica, first) {
    return this.authors.get(replica)?.get(first);
  }

  /** How the rolling hash of the stream before the batch begins, as its sender said. */
  mark(batch) {
    return this._marks.get(dotKey(batch.replica, batch.first)) ?? NO_MARK;
  }

  /** Keep a batch; false if there is no room and it is not `needed` (next of its author). */
  put(batch, needed, mark) {
    if (!needed && this.ops + batch.ops.length > this.opsMax) return false;
    if (!this.authors.has(batch.replica)) this.authors.set(batch.replica, new Map());
    this.authors.get(batch.replica).set(batch.first, batch);
    this.ops += batch.ops.length;
    if (mark.length) this._marks.set(dotKey(batch.replica, batch.first), mark);
    return true;
  }

  /** It was delivered, or it never will be. */
  pop(batch) {
    const batches = this.authors.get(batch.replica);
    batches.delete(batch.first);
    if (!batches.size) this.authors.delete(batch.replica);
    this.ops -= batch.ops.length;
    this._marks.delete(dotKey(batch.replica, batch.first));
  }

  /** Drop what begins at or below `last`, which came another way; whether there was any. */
  forget(replica, last) {
    const batches = [...(this.authors.get(replica)?.values() ?? [])];
    const stale = batches.filter((batch) => batch.first <= last);
    for (const batch of stale) this.pop(batch);
    return stale.length > 0;
  }

  /** The author's next batch waits until `stream` advances. */
  block(author, stream) {
    if (!this._blocked.has(stream)) this._blocked.set(stream, new Set());
    this._blocked.get(stream).add(author);
  }

  /** The stream advanced: who waited for it, in the order of waiting. */
  unblock(stream) {
    const blocked = this._blocked.get(stream);
    this._blocked.delete(stream);
    return blocked ? [...blocked] : [];
  }
}
