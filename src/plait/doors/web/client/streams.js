/**
 * What is known of each author: how far its stream was delivered, and what it had seen by then.
 *
 * Invariants: `digest` is the rolling hash of every batch up to `last`; `context` covers what the
 * author had seen before its latest delivered batch, and its own entry is `last`. Contexts are
 * live: whoever keeps one copies it. Mirrors graph/streams.py.
 */

import { VersionVector } from "./causality.js";
import { GENESIS, digestOf } from "./event.js";
import { NONE, opens } from "./openings.js";

/** One author's stream, as far as it was delivered here. */
export class Stream {
  /**
   * @param {bigint} replica @param {number} last @param {Uint8Array} digest
   * @param {bigint} hlc of the latest batch
   * @param {number} spoke sequence number of its latest event that was no beat
   * @param {Iterable<[bigint, number]>} context
   */
  constructor(replica, last = 0, digest = GENESIS, hlc = 0n, spoke = 0, context = [], openings = NONE) {
    this.replica = replica;
    this.last = last;
    this.digest = digest;
    this.hlc = hlc;
    this.spoke = spoke;
    this.context = new VersionVector(context);
    this.openings = openings;
  }

  /** The stream's next batch was delivered. */
  advance(batch) {
    if (batch.first !== this.last + 1) throw new Error("a stream has no gaps");
    this.digest = digestOf(this.digest, batch);
    if (opens(batch.ops[batch.ops.length - 1])) {
      this.openings = this.openings.more(batch.first, this.digest);
    }
    this.last = batch.last;
    this.hlc = batch.hlc;
    for (const [replica, seq] of batch.seen) this.context.saw(replica, seq);
    this.context.set(this.replica, batch.last);
  }

  /** Another with the same content, and a context of its own. */
  copy() {
    const { replica, last, digest, hlc, spoke, context, openings } = this;
    return new Stream(replica, last, digest, hlc, spoke, context, openings);
  }
}
