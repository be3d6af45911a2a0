/**
 * Telling linked peers: own batches as they happen, and what was seen.
 *
 * A browser is a leaf: it sends what it wrote, and what others wrote only to a peer that asks for
 * it (`asking.js`) or that is another tab of this browser. A batch goes only to a peer that has
 * what comes before it in the stream: any other will ask. What was seen is gathered for a moment,
 * and all of it is told now and then. Mirrors graph/links.py.
 */

import { advances } from "./causality.js";
import { Peer } from "./peers.js";

const TELL_S = 0.1; // how long what was seen is gathered
const TELL_AUTHOR_S = 0.002; // for who sent it, and may be waiting to hear that it is safe
const TELL_ALL_S = 5.0;
const MARK_BYTES = 4;

/** The linked peers of one scope, and the effects for them. */
export class Links {
  /** @param {import("./scope.js").Scope} scope */
  constructor(scope) {
    this.scope = scope;
    this.peers = new Map();
    this.out = [];
    this.mute = false; // this replica's id is given up: it says nothing under it any more
  }

  /** The effects so far. */
  flush() {
    const { out } = this;
    this.out = [];
    return out;
  }

  /** A peer of that name is linked. */
  add(name) {
    const peer = new Peer(name);
    peer.told = this.scope.vector.copy();
    peer.rootsTold = String(this.scope.members.roots(this.scope.replica));
    this.peers.set(name, peer);
    return peer;
  }

  /** Send a message to one peer. */
  send(peer, message) {
    this.out.push({ kind: "send", peer: peer.name, message });
  }

  // ----------------------------------------------------------------------------- batches

  /** Batches were delivered: pass own ones on, and soon what was seen. */
  spread(batches, source, now) {
    for (const peer of this.peers.values()) {
      if (!peer.greeted) continue;
      const at = now + (peer === source ? TELL_AUTHOR_S : TELL_S);
      peer.tellAt = Math.min(peer.tellAt ?? at, at);
      if (peer.sync === "auto" || peer.sync === "ops") {
        this.sendBatches(peer, batches.filter((batch) => this._owes(peer, batch)));
      }
    }
  }

  _owes(peer, batch) {
    return batch.replica === this.scope.replica && peer.standing !== null && !this.mute;
  }

  /** Send what a peer has not got, if it has what comes before. */
  sendBatches(peer, batches) {
    const fresh = [];
    for (const batch of batches) {
      if ((peer.sent.get(batch.replica) ?? 0) !== batch.first - 1) continue;
      peer.sent.set(batch.replica, batch.last);
      fresh.push(batch);
    }
    if (fresh.length) this.send(peer, this.opsMessage(0, false, fresh));
  }

  /** Batches with a mark of what their streams were before the first of each. */
  opsMessage(number, more, batches) {
    const marks = new Map();
    for (const { replica, first } of batches) {
      if (marks.has(replica)) continue;
      const before = this.scope.history.digestAt([replica, first - 1]) ?? new Uint8Array(0);
      marks.set(replica, before.slice(0, MARK_BYTES));
    }
    return { kind: "ops", number, more, marks, batches };
  }

  // ----------------------------------------------------------------------------- what was seen

  /** Tell a peer what was seen since it was last told. */
  tell(peer, now, nowMs, everything) {
    const { vector } = this.scope;
    const pairs = everything ? vector.pairs() : advances(vector, peer.told);
    peer.tellAt = null;
    if (everything) peer.toldAllAt = now;
    if (pairs.length || everything) {
      peer.told = vector.copy();
      this.send(peer, { kind: "vector", pairs, nowMs });
    }
  }

  /** Tell everything to peers that have seen something else, and now and then to all. */
  compare(now, nowMs) {
    for (const peer of this.peers.values()) {
      if (!peer.greeted) continue;
      if (!peer.vector.equals(this.scope.vector) || now >= peer.toldAllAt + TELL_ALL_S) {
        this.tell(peer, now, nowMs, true);
      }
    }
  }
}
