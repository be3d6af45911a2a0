/**
 * Who writes in a scope: the founder, the admitted, and until where the retired.
 *
 * A retirement names the last sequence number that counts; whoever had delivered more says so with
 * one of its own, and the greatest number counts. A browser never claims a membership by its own
 * word, but it knows those who do (a copy of a store, see graph/members.py).
 *
 * Invariant: once every remaining member has said something that covers a retirement, no later
 * number can come to count.
 */

import { byPair } from "./causality.js";
import { ADMIT, bigOf, sortedReplicas } from "./event.js";

const ROOTS_MAX = 256;

const sameDot = (one, other) => one[0] === other[0] && one[1] === other[1];

/** The founder, the admitted and the retired. */
export class Members {
  /** @param {bigint} founder */
  constructor(founder) {
    this.founder = founder;
    this.names = new Map([[founder, ""]]); // everybody who was ever admitted
    this.sponsors = new Map(); // replica to admissions (dots, sorted), of all but the founder
    this.retired = new Map(); // replica to {last, said, dots}
    this._certain = null; // of `_rooted`; null when it may have changed
  }

  /** Whether it may write now, as far as is known here. */
  isMember(replica) {
    if (!this.names.has(replica) || this.retired.has(replica)) return false;
    if (!this.retired.size) return true;
    this._certain ??= this._rooted();
    return this._certain.has(replica);
  }

  /** Whether a newcomer takes an author at its word: its stream begins with a claim. */
  believes(replica, batch) {
    const op = batch.ops[0];
    if (batch.first !== 1 || op.key || op.path[0] !== ADMIT || this.names.has(replica)) return false;
    const body = op.body;
    if (!Array.isArray(body) || !isInt(body[0])) return false;
    return bigOf(body[0]) === batch.replica;
  }

  /** The least replica that is a member here by its own word only, or 0n. */
  flock() {
    return sortedReplicas([...this.sponsors.keys()].filter((one) => this._claims(one)))[0] ?? 0n;
  }

  _rooted() {
    const rooted = new Set([this.founder]);
    for (const one of this.sponsors.keys()) if (this._claims(one)) rooted.add(one);
    for (let fresh = true; fresh; ) {
      fresh = false;
      for (const [admitted, dots] of this.sponsors) {
        if (rooted.has(admitted)) continue;
        if (dots.some(([sponsor, seq]) => rooted.has(sponsor) && this._said(sponsor, seq))) {
          rooted.add(admitted);
          fresh = true;
        }
      }
    }
    return rooted;
  }

  _claims(replica) {
    return this.sponsors.get(replica).some(([sponsor]) => sponsor === replica);
  }

  _said(sponsor, seq) {
    const known = this.retired.get(sponsor);
    return known === undefined || seq <= known.said;
  }

  /** An admission was delivered. The first name stays; a retired id does not come back. */
  admit(replica, name, dot) {
    if (!this.names.has(replica)) this.names.set(replica, name);
    const dots = this.sponsors.get(replica) ?? [];
    if (replica !== this.founder && !dots.some((one) => sameDot(one, dot))) {
      this.sponsors.set(replica, [...dots, dot].sort(byPair));
      this._certain = null;
    }
  }

  /** Why it is a member: (admitted, sponsor, number) of it, of its sponsors, and so on. */
  roots(replica) {
    const roots = [];
    const queue = [replica];
    const known = new Set(queue);
    while (queue.length && roots.length < ROOTS_MAX) {
      const admitted = queue.shift();
      for (const [sponsor, seq] of this.sponsors.get(admitted) ?? []) {
        if (sponsor === admitted) continue;
        roots.push([admitted, sponsor, seq]);
        if (!known.has(sponsor)) {
          known.add(sponsor);
          queue.push(sponsor);
        }
      }
    }
    return roots;
  }

  /** A retirement was delivered; `had`: what was delivered here of the retired stream. */
  retire(replica, last, had, dot) {
    this.learn(replica, Math.max(last, had), last, [dot]);
  }

  /** Somebody else knows this of a retirement. */
  learn(replica, last, said, dots) {
    const known = this.retired.get(replica) ?? { last: 0, said: 0, dots: [] };
    const fresh = dots.filter((dot) => !known.dots.some((one) => sameDot(one, dot)));
    this.retired.set(replica, {
      last: Math.max(known.last, last),
      said: Math.max(known.said, said),
      dots: [...known.dots, ...fresh].sort(byPair),
    });
    this._certain = null;
  }

  /** The retired of whom more was delivered than any retirement named: how far. */
  unsaid(vector) {
    return sortedReplicas(this.retired.keys())
      .map((replica) => [replica, vector.get(replica) ?? 0])
      .filter(([replica, last]) => last > this.retired.get(replica).said);
  }

  /** Whether an event of `replica` is one of this scope's. */
  counts(replica, seq) {
    const retirement = this.retired.get(replica);
    if (retirement !== undefined && seq > retirement.last) return false;
    return this.names.has(replica);
  }

  /** A batch that counts has seen this; whether a retired replica counts further for it. */
  seen(replica, seq) {
    const retirement = this.retired.get(replica);
    if (retirement === undefined || seq <= retirement.last) return false;
    retirement.last = seq;
    return true;
  }

  /** The members, in one order. */
  remaining() {
    return sortedReplicas([...this.names.keys()].filter((replica) => this.isMember(replica)));
  }

  /** Whether every remaining member has heard of a retirement: its number stands. */
  final(replica, streams) {
    const retirement = this.retired.get(replica);
    if (retirement === undefined) return false;
    const streamsOf = this.remaining().map((one) => streams.get(one));
    if (streamsOf.includes(undefined)) return false;
    return retirement.dots.some((dot) => streamsOf.every((one) => one.context.contains(dot)));
  }

  /** Whose word stability needs: the remaining, and those whose retirement is not known to all. */
  awaited(streams) {
    const going = sortedReplicas(this.retired.keys());
    return [
      ...this.remaining(),
      ...going.filter((one) => this.names.has(one) && !this.final(one, streams)),
    ];
  }
}

/** Whether a decoded value is an integer. */
export const isInt = (value) => typeof value === "bigint" || Number.isSafeInteger(value);
