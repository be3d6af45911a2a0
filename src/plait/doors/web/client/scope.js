/**
 * A scope: one replica's part in one partially ordered history. It decides which events count, and
 * when; the fold (the shelf) decides what they mean.
 *
 *     write --------------------------------+
 *                                           v
 *     receive -> waiting -> quarantine -> deliver -> fold, history, members, voids
 *                  |                        ^
 *                  +-- something before it --+
 *
 * Delivery is causal, exactly once and batch by batch: a batch is delivered after its author's
 * previous one and everything that it has seen. The scope's version vector is the causal context
 * of everything in it.
 *
 * Invariants: `vector[r]` is `streams[r].last` for every author, and no batch is delivered whose
 * author does not count. Own sequence numbers have no gaps. Mirrors graph/scope.py; absent: what
 * only a node does (refusing, claiming a membership, accepting a quarantined stream).
 */

import { NOTHING, VersionVector, byReplica, dotKey, meetAll } from "./causality.js";
import { BEAT, Batch, GENESIS, Op, RETIRE, ADMIT, SEQ_MAX, batchBytes, bigOf, checkBatch, eventsOf, isReplica, sameBytes, sortedReplicas, startsWith } from "./event.js";
import { ClockWrong, ReadOnly } from "./errors.js";
import { HybridClock, aheadMs } from "./hlc.js";
import { History } from "./history.js";
import { Members, isInt } from "./members.js";
import { openedOps, opens } from "./openings.js";
import { AHEAD_MS_MAX, Quarantine } from "./quarantine.js";
import { Stream } from "./streams.js";
import { Voids, voidedBy } from "./voids.js";
import { Waiting } from "./waiting.js";

const NO_MARKS = new Map();
const NO_MARK = new Uint8Array(0);

/** Whether others say that they have seen it: it tells more than that its author is there. */
export const speaks = (op) => Boolean(op.key) || !(op.path[0] === BEAT || opens(op));

/** One replica of one scope. */
export class Scope {
  /**
   * @param {Uint8Array} lineage 16 bytes: graphs with others are never joined
   * @param {bigint} replica @param {bigint} founder @param {any} fold the shelf
   */
  constructor(lineage, replica, founder, fold) {
    this.lineage = lineage;
    this.replica = replica;
    this.fold = fold;
    this.vector = new VersionVector(); // this object, for good: events' contexts refer to it
    this.clock = new HybridClock();
    this.clockWrong = ""; // why this machine's clock is known to be out of bounds
    this.streams = new Map();
    this.members = new Members(founder);
    this.history = new History();
    this.waiting = new Waiting();
    this.quarantine = new Quarantine();
    this.voids = new Voids();
    this.stable = new VersionVector(); // what was folded
    this.former = null; // [id given up, last], to be retired when so much is here
    this.opening = 0n; // this process's random number, until a batch has said that it writes
    this.disputed = false; // others know own dots as something else: nothing is stable
    this.unsaid = false; // something was delivered since the own latest batch that is no beat
    this.news = new Set(); // authors that advanced since the own latest batch
    this._notices = [];
  }

  // ----------------------------------------------------------------------------- writing

  /** Of the next own event. */
  get nextSeq() {
    return (this.vector.get(this.replica) ?? 0) + 1;
  }

  /** Every batch that this vector does not cover is retained. */
  get floor() {
    return this.history.floor;
  }

  /** Whether this replica is a member. */
  get writable() {
    return this.members.isMember(this.replica);
  }

  /** A stamp for a new batch. Raises `ClockWrong`, or `ReadOnly` if this is no member. */
  stamp(nowMs) {
    if (!this.writable) throw new ReadOnly("this replica is not a member yet: a node admits it");
    if (this.clockWrong) throw new ClockWrong(this.clockWrong);
    const ahead = aheadMs(this.clock.last, nowMs);
    if (ahead > AHEAD_MS_MAX) {
      throw new ClockWrong(`the clock went back: the latest stamp is ${ahead} ms ahead of it`);
    }
    return this.clock.stamp(nowMs);
  }

  /**
   * The own batch of operations that the caller has applied to the fold already, at the events from
   * `nextSeq` on. What this replica owes is added; without anything it is a beat.
   */
  write(ops, hlc, who = null, message = null) {
    let said = [...ops, ...this.owed(), ...openedOps(this.opening)];
    if (!said.length) said = [this.beat()];
    const seen = sortedReplicas(this.news)
      .filter((replica) => replica !== this.replica)
      .map((replica) => [replica, this.vector.get(replica)]);
    const batch = new Batch(this.replica, this.nextSeq, hlc, seen, said, who, message);
    this.clock.observe(hlc);
    this._deliver(batch, true);
    this.news.clear();
    this.opening = 0n;
    this.unsaid = false;
    return batch;
  }

  /** What the next own batch must say: who retired amended. */
  owed() {
    const owed = [];
    const { former, members, vector } = this;
    if (former && this.writable && vector.contains(former) && members.isMember(former[0])) {
      owed.push(this.retire(former[0]));
    }
    if (members.retired.size && this.writable) {
      for (const [replica, last] of members.unsaid(vector)) owed.push(this.retire(replica, last));
    }
    return owed;
  }

  /** The operation that makes a replica a member (another tab of this browser). */
  admit(replica, name) {
    return new Op("", [ADMIT], [replica, name]);
  }

  /** The operation that ends a membership; `last`: what was delivered of it here. */
  retire(replica, last = null) {
    return new Op("", [RETIRE], [replica, last ?? this.vector.get(replica) ?? 0]);
  }

  /** The operation that only tells what was seen. */
  beat() {
    return new Op("", [BEAT], null);
  }

  // ----------------------------------------------------------------------------- receiving

  /**
   * What could be delivered, in the order of delivery; the rest waits, or is ignored. `marks`: by a
   * batch's first dot, how the rolling hash of its stream before it begins. Raises `BadFrame` for
   * what no replica can have written, and then nothing happened.
   * @param {Batch[]} batches @param {number} nowMs @param {Map<string, Uint8Array>} marks
   */
  receive(batches, nowMs, marks = NO_MARKS) {
    for (const batch of batches) checkBatch(batch);
    this.voids.foretell(batches, this.vector);
    return this._take(batches, nowMs, marks);
  }

  /** Deliver again, from disk, what was delivered before: own batches too, at any stamp. */
  replay(batches) {
    this.voids.foretell(batches, this.vector);
    return this._take(batches, null, NO_MARKS);
  }

  /** Deliver what the clock has reached. */
  release(nowMs) {
    const due = this.quarantine.due(nowMs);
    return due.length ? this._drain(due, nowMs) : [];
  }

  /** The vector, and what is held for the clock: what need not be asked for. */
  known() {
    const held = this.quarantine.held.size ? this.quarantine.known(this.vector) : [];
    return held.length ? this.vector.merged(held) : this.vector;
  }

  /** Whether a replica that has seen this has seen anything that counts and is not here. */
  lacks(theirs) {
    const known = this.known();
    for (let [replica, seq] of theirs) {
      if (!this.members.names.has(replica)) continue; // then its admission was not seen either
      const retirement = this.members.retired.get(replica);
      if (retirement) seq = Math.min(seq, retirement.last);
      if (seq > (known.get(replica) ?? 0)) return true;
    }
    return false;
  }

  /** What was found since this was last asked. */
  notices() {
    const notices = this._notices;
    this._notices = [];
    return notices;
  }

  /** Something was found: {kind: "forked"|"behind"|"refused"|"verdict"|"below"|"split", ...}. */
  notice(notice) {
    this._notices.push(notice);
  }

  _take(batches, nowMs, marks) {
    const fresh = batches.filter((batch) => this._keep(batch, nowMs === null, marks));
    return this._drain(fresh.map((batch) => batch.replica), nowMs);
  }

  /** Put a batch where it can wait; whether it is new. */
  _keep(batch, replay, marks) {
    const { replica, first } = batch;
    const last = this.vector.get(replica) ?? 0;
    const mark = marks.get(dotKey(replica, first)) ?? NO_MARK;
    if (first <= last) {
      const known = this.history.batchAt([replica, first]);
      if (batch.last > last || (known && !sameBytes(batchBytes(known), batchBytes(batch)))) {
        this.notice({ kind: "forked", replica, seq: first });
      }
      return false;
    }
    if (replica === this.replica && !replay) {
      const ours = first === last + 1 && startsWith(this._digest(replica), mark);
      this.notice(
        !mark.length || ours
          ? { kind: "behind", seq: batch.last }
          : { kind: "forked", replica, seq: first },
      );
      return false;
    }
    const waits = this.waiting.get(replica, first);
    if (waits) {
      if (!sameBytes(batchBytes(waits), batchBytes(batch))) {
        this.notice({ kind: "forked", replica, seq: first });
      }
      return false;
    }
    return this.waiting.put(batch, first === last + 1, mark);
  }

  /** Deliver what can be, beginning with these authors. */
  _drain(authors, nowMs) {
    const delivered = [];
    const queue = [...new Set(authors)];
    while (queue.length) {
      const author = queue.pop();
      for (let batch; (batch = this._next(author, nowMs, queue)); ) {
        this.waiting.pop(batch);
        this.quarantine.release(batch);
        this._deliver(batch, false);
        delivered.push(batch);
        queue.push(...this.waiting.unblock(author));
      }
      const last = this.vector.get(author) ?? 0;
      if (this.waiting.forget(author, last)) {
        this.notice({ kind: "forked", replica: author, seq: last });
      }
    }
    if (this.quarantine.starts.size) this.quarantine.spread(this.waiting);
    return delivered;
  }

  /** The author's next batch if it can be delivered now. */
  _next(author, nowMs, queue) {
    const batch = this.waiting.get(author, (this.vector.get(author) ?? 0) + 1);
    if (!batch) return null;
    const { members } = this;
    const missing = batch.seen.filter(([replica, seq]) => seq > (this.vector.get(replica) ?? 0));
    if (nowMs === null) members.seen(author, batch.last); // it was delivered before
    const counts = members.counts(author, batch.last) || members.believes(this.replica, batch);
    if (!counts && (members.retired.has(author) || !missing.length)) {
      return this._refuse(batch, { kind: "refused", replica: author, seq: batch.first });
    }
    for (const [replica, seq] of missing) {
      this.waiting.block(author, replica);
      if (counts && members.seen(replica, seq)) queue.push(replica);
    }
    if (missing.length) return null;
    const mark = this.waiting.mark(batch);
    if (mark.length && !startsWith(this._digest(author), mark)) {
      return this._refuse(batch, { kind: "forked", replica: author, seq: batch.first });
    }
    if (nowMs !== null && this.quarantine.holds(batch, nowMs)) return null;
    return batch;
  }

  _digest(author) {
    return this.streams.get(author)?.digest ?? GENESIS;
  }

  _refuse(batch, notice) {
    this.waiting.pop(batch);
    this.quarantine.release(batch);
    this.notice(notice);
    return null;
  }

  // ----------------------------------------------------------------------------- delivering

  /** A batch takes its place; `applied`: the fold has its operations already. */
  _deliver(batch, applied) {
    const author = batch.replica;
    let stream = this.streams.get(author);
    if (!stream) this.streams.set(author, (stream = new Stream(author)));
    stream.advance(batch);
    this.vector.set(author, batch.last);
    this.clock.observe(batch.hlc);
    this.history.add(batch, stream.digest);
    this.news.add(author);
    for (const [op, event] of eventsOf(batch, stream.context)) {
      if (speaks(op)) stream.spoke = event.seq;
      if (!op.key) this._govern(op, event);
      else if (!applied && !this.voids.has(author, event.seq)) this.fold.apply(op, event);
    }
    if (author !== this.replica && stream.spoke >= batch.first) this.unsaid = true;
    this.voids.settle(this.history, this.fold);
  }

  /** Carry out an operation on the scope itself; one that makes no sense has no effect. */
  _govern(op, event) {
    const [name] = op.path;
    const body = Array.isArray(op.body) ? op.body : [];
    if (name === "void") {
      const voided = voidedBy(op);
      if (!voided || !voided.key) return;
      const applied = this.vector.contains(voided.dot);
      const refusal = { reason: voided.reason, key: voided.key, by: event.dot };
      if (this.voids.void(voided.dot, refusal, applied)) {
        const { dot, reason } = voided;
        this.notice({ kind: "verdict", dot, reason, judge: event.replica });
      }
      return;
    }
    if (body.length !== 2 || !isInt(body[0])) return;
    const replica = bigOf(body[0]);
    if (name === ADMIT && typeof body[1] === "string" && isReplica(replica)) {
      this.members.admit(replica, body[1], event.dot);
    } else if (name === RETIRE && Number.isSafeInteger(body[1]) && body[1] >= 0 && body[1] <= SEQ_MAX) {
      const had = replica === this.replica ? 0 : (this.vector.get(replica) ?? 0);
      this.members.retire(replica, body[1], had, event.dot);
    }
  }

  // ----------------------------------------------------------------------------- garbage

  /** What every member that is waited for has seen: no event to come is concurrent with it. */
  cut() {
    const awaited = this.members.awaited(this.streams);
    const contexts = awaited.map((replica) => this.streams.get(replica)?.context ?? NOTHING);
    return meetAll(contexts).merged(this.stable);
  }

  /** Fold what is stable, and drop its batches; whether anything has become stable. */
  collect() {
    const cut = this.disputed ? this.stable : this.cut();
    if (this.stable.equals(cut) && !this.history.holdsBelow(cut)) return false;
    this.stable = cut;
    this.fold.fold(cut);
    this.history.drop(cut);
    this.voids.drop(cut);
    return true;
  }

  // ----------------------------------------------------------------------------- other roads

  /** A stream came by a parcel, without its batches. @param {Stream} stream */
  overtake(stream) {
    const { replica } = stream;
    const known = this.streams.get(replica);
    if (stream.spoke > (known?.last ?? 0)) this.unsaid = true;
    this.streams.set(replica, stream);
    this.vector.set(replica, stream.last);
    this.clock.observe(stream.hlc);
    this.history.begin(stream.copy());
    this.waiting.forget(replica, stream.last);
    this.quarantine.forget(replica, stream.last);
    this.news.add(replica);
  }

  /** Streams were overtaken: what waited for them may be delivered. */
  resume(authors, nowMs) {
    return this._drain(authors.flatMap((one) => [one, ...this.waiting.unblock(one)]), nowMs);
  }

  /** Go on under a fresh id; what was written under the old one is now another's. */
  renamed(replica, retire = 0) {
    this.former = retire ? [this.replica, retire] : null;
    this.replica = replica;
    this.opening = 0n;
    this.disputed = false;
    this.news = new Set(this.vector.keys());
    this.unsaid = true;
  }
}

/** Streams in the order of their authors. */
export const sortedStreams = (streams) =>
  [...streams.values()].sort((one, other) => byReplica(one.replica, other.replica));
