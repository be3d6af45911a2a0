/**
 * Presence: who is here and what they point at. It is told, never stored.
 *
 * Each replica has one entry. Whoever sets it says it again within the time that it lives, and
 * everybody forgets it when that has passed, so nobody has to leave in an orderly way. The count,
 * which begins at the wall clock so that a reload goes on above what was said before, tells what is
 * new. A browser passes nothing on. Mirrors engines/graph/presence.py.
 */

import { byReplica } from "./causality.js";
import { encode } from "./codec.js";
import { sameBytes } from "./event.js";

export const TTL_S = 30.0;
const TTL_MAX_S = 3600.0;
const REFRESHES = 3;
const ENTRIES_MAX = 4096;

/** What is known of everybody, own entry included. Time is an argument, in seconds. */
export class Presences {
  constructor() {
    this.listeners = new Set(); // of (replica, value; null: it left)
    this._heard = new Map(); // replica to {count, value, ends}
    this._mine = null;
    this._refreshAt = Infinity;
  }

  /** Say something of oneself, null to leave; the message for every peer. */
  set(replica, value, now, nowMs, livesS = TTL_S) {
    const count = this._mine ? Math.max(nowMs, this._mine.count + 1) : nowMs;
    this._mine = { replica, count, value, livesS };
    this._refreshAt = value === null ? Infinity : now + livesS / REFRESHES;
    this._hear(replica, count, value, livesS, now);
    return message(replica, count, value, livesS);
  }

  /** This replica has another id now: it leaves under the old one, and says the same. */
  renamed(replica, now, nowMs) {
    const mine = this._mine;
    if (!mine || mine.value === null || mine.replica === replica) return [];
    const left = this.set(mine.replica, null, now, nowMs);
    return [left, this.set(replica, mine.value, now, nowMs, mine.livesS)];
  }

  /** What somebody says of itself. */
  hear({ replica, entries }, now) {
    for (const [, said, livesMs] of entries) {
      if (!Array.isArray(said) || said.length !== 2 || !Number.isSafeInteger(said[0])) continue;
      this._hear(replica, said[0], said[1], Math.min(livesMs / 1000, TTL_MAX_S), now);
    }
  }

  /** Value by replica, in the order of ids. */
  everybody() {
    const known = [...this._heard].sort((one, other) => byReplica(one[0], other[0]));
    return new Map(known.map(([replica, { value }]) => [replica, value]));
  }

  /** The own entry, for a peer that has just come. */
  messages(now) {
    const mine = this._mine && this._heard.get(this._mine.replica);
    return mine ? [message(this._mine.replica, mine.count, mine.value, mine.ends - now)] : [];
  }

  /** Forget who was not heard of; the own entry if it is time to say it again, else null. */
  tick(now, nowMs) {
    for (const [replica, { ends }] of [...this._heard]) {
      if (ends > now) continue;
      this._heard.delete(replica);
      this._tell(replica, null);
    }
    if (!this._mine || now < this._refreshAt) return null;
    return this.set(this._mine.replica, this._mine.value, now, nowMs, this._mine.livesS);
  }

  /** When `tick` is next of use. */
  get deadline() {
    return Math.min(this._refreshAt, ...[...this._heard.values()].map(({ ends }) => ends));
  }

  _hear(replica, count, value, livesS, now) {
    const known = this._heard.get(replica);
    if (known && known.count >= count) return;
    if (!known && (value === null || this._heard.size >= ENTRIES_MAX)) return;
    if (value === null) this._heard.delete(replica);
    else this._heard.set(replica, { count, value, ends: now + livesS });
    if (!known || value === null || !sameBytes(encode(known.value), encode(value))) {
      this._tell(replica, value);
    }
  }

  _tell(replica, value) {
    for (const tell of [...this.listeners]) tell(replica, value);
  }
}

function message(replica, count, value, livesS) {
  const livesMs = Math.max(0, Math.trunc(livesS * 1000));
  return { kind: "presence", replica, entries: [["", [count, value], livesMs]] };
}
