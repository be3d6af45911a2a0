/**
 * Streams whose clock is too far ahead: from the first such batch on they wait, and whatever has
 * seen them waits with them, outside the vector, until this machine's clock reaches it.
 *
 * A browser relays nothing of it, keeps it in memory only, and asks again after a reload.
 * Invariant: a wrong clock elsewhere never moves this one. Mirrors graph/quarantine.py.
 */

import { VersionVector, byReplica, dotKey } from "./causality.js";
import { aheadMs, hlcMs } from "./hlc.js";

export const AHEAD_MS_MAX = 60_000;
const HELD_OPS_MAX = 1 << 16;

const byDot = (one, other) => byReplica(one.replica, other.replica) || one.first - other.first;

/** Which streams wait for the clock, and what waits because of them. */
export class Quarantine {
  constructor() {
    this.starts = new Map(); // author to [first number held, milliseconds]
    this.held = new Map(); // by dot
    this.ops = 0;
  }

  /** Whether a batch that could be delivered has to wait for the clock. */
  holds(batch, nowMs) {
    if (aheadMs(batch.hlc, nowMs) <= AHEAD_MS_MAX) {
      this.starts.delete(batch.replica);
      return false;
    }
    this.starts.set(batch.replica, [batch.first, hlcMs(batch.hlc) - AHEAD_MS_MAX]);
    return true;
  }

  /** Hold everything that waits for a held stream, directly or not. */
  spread(waiting) {
    const starts = new Map([...this.starts].map(([replica, [first]]) => [replica, first]));
    let batches = [...waiting].filter((b) => !this.held.has(dotKey(b.replica, b.first)));
    for (let found = starts.size > 0; found; ) {
      found = false;
      const rest = [];
      for (const batch of batches.sort(byDot)) {
        const own = batch.first >= (starts.get(batch.replica) ?? Infinity);
        if (own || batch.seen.some(([r, seq]) => seq >= (starts.get(r) ?? Infinity))) {
          found = true;
          starts.set(batch.replica, Math.min(batch.first, starts.get(batch.replica) ?? Infinity));
          this._hold(batch);
        } else rest.push(batch);
      }
      batches = rest;
    }
  }

  /** The held streams that the clock has reached. */
  due(nowMs) {
    return [...this.starts].filter(([, [, dueMs]]) => dueMs <= nowMs).map(([replica]) => replica);
  }

  /** It was delivered, or came another way. */
  release(batch) {
    if (this.held.delete(dotKey(batch.replica, batch.first))) this.ops -= batch.ops.length;
  }

  /** Drop what begins at or below `last`. */
  forget(replica, last) {
    for (const batch of [...this.held.values()]) {
      if (batch.replica === replica && batch.first <= last) this.release(batch);
    }
    const start = this.starts.get(replica);
    if (start && start[0] <= last) this.starts.delete(replica);
  }

  /** How far held streams reach without a gap beyond the vector, in one order. */
  known(vector) {
    const reach = new VersionVector();
    for (const batch of this.batches()) {
      const { replica } = batch;
      const last = Math.max(reach.get(replica) ?? 0, vector.get(replica) ?? 0);
      if (batch.first === last + 1) reach.set(replica, batch.last);
    }
    return reach.pairs();
  }

  /** Everything held, in the order of authors and numbers. */
  batches() {
    return [...this.held.values()].sort(byDot);
  }

  _hold(batch) {
    if (this.ops + batch.ops.length > HELD_OPS_MAX) return;
    this.held.set(dotKey(batch.replica, batch.first), batch);
    this.ops += batch.ops.length;
  }
}
