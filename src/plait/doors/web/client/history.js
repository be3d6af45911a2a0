/**
 * The batches that are retained, by author.
 *
 * Each author's batches are consecutive from the floor to what was delivered; below the floor they
 * were dropped, or never came (a state was joined instead). With them goes what the author's stream
 * was at the floor. A stamp is greater than those of everything that its author had seen, so the
 * order of stamps is a causally legal order of batches. Mirrors graph/history.py.
 */

import { VersionVector, byReplica } from "./causality.js";
import { eventsOf } from "./event.js";
import { Stream } from "./streams.js";

/** The retained batches of one author. */
class Retained {
  /** @param {Stream} base the stream as it was at the floor */
  constructor(base) {
    this.base = base;
    this.batches = [];
    this.digests = []; // the stream's after each batch
  }

  /** Index of the batch that begins at `seq`, or of the first one after. */
  find(seq) {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle].first < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const byStamp = (one, other) =>
  one.hlc < other.hlc ? -1 : one.hlc > other.hlc ? 1 : byReplica(one.replica, other.replica) || one.first - other.first;

/** Retained batches of every author. */
export class History {
  constructor() {
    this.authors = new Map();
    this.events = 0; // how many are retained
  }

  /** Everything after this vector is retained. */
  get floor() {
    const floor = new VersionVector();
    for (const [replica, kept] of this.authors) {
      if (kept.base.last) floor.set(replica, kept.base.last);
    }
    return floor;
  }

  /** Retain the author's next batch; `digest` is the stream's after it. */
  add(batch, digest) {
    let kept = this.authors.get(batch.replica);
    if (!kept) this.authors.set(batch.replica, (kept = new Retained(new Stream(batch.replica))));
    kept.batches.push(batch);
    kept.digests.push(digest);
    this.events += batch.ops.length;
  }

  /** Retain nothing of an author but what comes after `base` (a private copy). */
  begin(base) {
    for (const batch of this.authors.get(base.replica)?.batches ?? []) {
      this.events -= batch.ops.length;
    }
    this.authors.set(base.replica, new Retained(base));
  }

  /** Whether a batch that the vector covers is retained. */
  holdsBelow(cut) {
    for (const [replica, kept] of this.authors) {
      if (kept.batches.length && kept.batches[0].last <= (cut.get(replica) ?? 0)) return true;
    }
    return false;
  }

  /** Forget the batches that a vector covers. */
  drop(cut) {
    for (const [replica, kept] of this.authors) {
      const seq = cut.get(replica) ?? 0;
      if (seq <= kept.base.last) continue;
      const count = kept.find(seq + 1);
      for (const batch of kept.batches.splice(0, count)) {
        kept.base.advance(batch);
        this.events -= batch.ops.length;
      }
      kept.digests.splice(0, count);
    }
  }

  /** Whether everything after `since` is retained. */
  reaches(since) {
    for (const [replica, kept] of this.authors) {
      if ((since.get(replica) ?? 0) < kept.base.last) return false;
    }
    return true;
  }

  /** The retained batches that a vector does not cover, in a causally legal order. */
  since(vector) {
    const found = [];
    for (const [replica, kept] of this.authors) {
      for (let i = kept.find((vector.get(replica) ?? 0) + 1); i < kept.batches.length; i += 1) {
        found.push(kept.batches[i]);
      }
    }
    return found.sort(byStamp);
  }

  /** The retained batches of one author after `seq`. */
  ofAuthor(replica, seq) {
    const kept = this.authors.get(replica);
    return kept ? kept.batches.slice(kept.find(seq + 1)) : [];
  }

  /** The rolling hash of a stream after `dot`; null if no retained batch ends there. */
  digestAt(dot) {
    const kept = this.authors.get(dot[0]);
    if (!kept) return null;
    if (dot[1] === kept.base.last) return kept.base.digest;
    const index = kept.find(dot[1] + 1) - 1;
    if (index < 0 || kept.batches[index].last !== dot[1]) return null;
    return kept.digests[index];
  }

  /** The retained batch that holds an event, or null. */
  batchAt(dot) {
    const kept = this.authors.get(dot[0]);
    if (!kept) return null;
    const index = kept.find(dot[1] + 1) - 1;
    if (index < 0 || kept.batches[index].last < dot[1]) return null;
    return kept.batches[index];
  }

  /** Up to `count` latest (last sequence number, rolling hash) of an author, oldest first. */
  tail(replica, count) {
    const kept = this.authors.get(replica);
    if (!kept) return [];
    const marks = kept.batches.map((batch, i) => [batch.last, kept.digests[i]]);
    return [[kept.base.last, kept.base.digest], ...marks].slice(-count);
  }

  /** Every retained event with its place, in a legal order. Contexts are live. */
  *replay() {
    const contexts = new Map();
    for (const [replica, kept] of this.authors) contexts.set(replica, kept.base.context.copy());
    for (const batch of this.since(new VersionVector())) {
      const context = contexts.get(batch.replica);
      for (const [replica, seq] of batch.seen) context.saw(replica, seq);
      context.set(batch.replica, batch.last);
      yield* eventsOf(batch, context);
    }
  }
}
