/**
 * Deltas and states: what the roads other than operations carry, and how it is joined.
 *
 * A parcel has fragments of documents, and everything else that the sender knew at the same vector:
 * the heads of all streams, the members, the voids. Joining it is as if everything between the two
 * vectors had been delivered, but the batches are not retained: the receiver's floor rises.
 *
 * A browser makes states (for another tab of it), and joins deltas and states. Mirrors
 * graph/parcels.py.
 */

import { decode, encode } from "./codec.js";
import { VersionVector, descends } from "./causality.js";
import { BadFrame } from "./errors.js";
import { sameBytes } from "./event.js";
import { aheadMs } from "./hlc.js";
import { parted } from "./openings.js";
import { Names, arrayOf, callRoll, checkedNames, headOf, readRoll, rollOf, streamOf, vectorAt, voidData, voidOf } from "./portable.js";
import { AHEAD_MS_MAX } from "./quarantine.js";
import { sortedStreams } from "./scope.js";
import { Stream } from "./streams.js";

/** Everything that a replica has, as bytes. @param {import("./scope.js").Scope} scope */
export function stateParcel(scope) {
  const names = new Names();
  const fragments = [...scope.fold.state()].map((f) => [f.key, f.path, f.whole, f.data]);
  const heads = sortedStreams(scope.streams).map((stream) => headOf(stream, names));
  const roll = rollOf(scope.members, names);
  const said = [...scope.voids.known.values()].filter(({ refusal }) => refusal.by);
  const voids = said.map(({ dot, refusal }) => voidData(dot, refusal, names));
  const stable = names.pairs(scope.stable);
  return encode([names.listed(), true, [], heads, roll, voids, stable, fragments, []]);
}

/** A parcel read; raises `BadFrame` for what no replica can have sent. */
export class Parcel {
  /** @param {Uint8Array} data */
  constructor(data) {
    const fields = arrayOf(decode(data), 8);
    const [listed, whole, since, heads, roll, voids, stable, fragments, keys = []] = fields;
    const names = checkedNames(listed);
    this.data = data;
    this.whole = whole === true;
    this.streams = arrayOf(heads).map((head) => streamOf(head, names));
    this.since = vectorAt(since, names);
    this.stable = vectorAt(stable, names);
    this.roll = readRoll(roll, names);
    this.voids = arrayOf(voids).map((one) => voidOf(one, names));
    this.fragments = arrayOf(fragments).map(fragmentOf);
    this.keys = arrayOf(keys);
    this.vector = new VersionVector(this.streams.map((stream) => [stream.replica, stream.last]));
    const admitted = this.roll.admitted;
    this.flock = admitted.filter(([one, , [by]]) => one === by).map(([one]) => one);
    this.said = new Map(this.roll.retired.map(([replica, , said]) => [replica, said]));
  }
}

/** A fragment as it was encoded. */
export function fragmentOf(data) {
  const [key, path, whole, content] = arrayOf(data, 4);
  if (typeof key !== "string" || !Array.isArray(path) || typeof whole !== "boolean") {
    throw new BadFrame("no fragment of a document");
  }
  return { key, path, whole, data: content };
}

/** Whether a parcel can be joined; what was found if not is in the scope's notices. */
function joinable(scope, parcel, nowMs) {
  const mine = scope.vector;
  const theirs = parcel.vector;
  const own = (vector) => vector.get(scope.replica) ?? 0;
  if (!parcel.whole && !descends(mine, parcel.since)) return false;
  if (own(theirs) > own(mine) && nowMs !== null) {
    scope.notice(ahead(scope, parcel));
    return false;
  }
  for (const stream of parcel.streams) {
    const known = scope.streams.get(stream.replica);
    if (known && known.last === stream.last && !sameBytes(known.digest, stream.digest)) {
      scope.notice({ kind: "forked", replica: stream.replica, seq: stream.last });
      return false;
    }
    const early = nowMs !== null && aheadMs(stream.hlc, nowMs) > AHEAD_MS_MAX;
    if (early && stream.last > (mine.get(stream.replica) ?? 0)) return false;
  }
  const names = scope.members.names;
  if (names.has(scope.replica) && parcel.flock.some((one) => !names.has(one))) return false;
  for (const [replica, retirement] of scope.members.retired) {
    const last = Math.max(retirement.last, parcel.said.get(replica) ?? 0);
    if (nowMs !== null && (theirs.get(replica) ?? 0) > last) return false;
  }
  if (!descends(mine, parcel.stable) && !descends(theirs, mine)) {
    const found = ahead(scope, parcel);
    scope.notice(found.kind === "behind" ? { kind: "below" } : found);
    return false;
  }
  return true;
}

/** What a parcel that cannot be joined says of the own stream: the end of it, or another one. */
function ahead(scope, parcel) {
  const { replica } = scope;
  const theirs = parcel.streams.find((one) => one.replica === replica) ?? new Stream(replica);
  const mine = scope.streams.get(replica) ?? new Stream(replica);
  const shared = parted(mine.openings, mine.last, theirs.openings, theirs.last);
  if (shared === null) return { kind: "behind", seq: theirs.last };
  return { kind: "forked", replica, seq: shared + 1 };
}

/**
 * Join a parcel; what could be delivered after it, or null if it was not joined. `nowMs` null: it
 * was joined before, and comes from storage. Raises `BadFrame`, and then nothing happened.
 * @param {import("./scope.js").Scope} scope @param {Parcel} parcel @param {number|null} nowMs
 */
export function join(scope, parcel, nowMs) {
  if (parcel.keys.length) return replace(scope, parcel);
  if (!joinable(scope, parcel, nowMs)) return null;
  const mine = scope.vector.copy();
  for (const [dot, refusal] of parcel.voids) {
    if (scope.voids.void(dot, refusal, mine.contains(dot)) && refusal.by) {
      scope.notice({ kind: "verdict", dot, reason: refusal.reason, judge: refusal.by[0] });
    }
  }
  scope.voids.settle(scope.history, scope.fold);
  scope.fold.join(parcel.fragments, mine, parcel.vector, parcel.whole);
  callRoll(scope.members, parcel.roll);
  const advanced = parcel.streams.filter((one) => one.last > (mine.get(one.replica) ?? 0));
  for (const stream of advanced) scope.overtake(stream);
  scope.stable = scope.stable.merged(parcel.stable);
  scope.fold.fold(scope.stable);
  return scope.resume(advanced.map((stream) => stream.replica), nowMs);
}

/** Put clean documents in the place of unclean ones: theirs, and the events that they lack. */
function replace(scope, parcel) {
  const theirs = parcel.vector;
  if (!descends(scope.vector, theirs) || !descends(theirs, scope.floor)) return null;
  for (const key of parcel.keys) {
    if (!scope.voids.unclean.has(key) || !scope.voids.said(key, theirs)) continue;
    const own = [...scope.voids.effective(key, scope.history)];
    const since = own.filter(([, event]) => !theirs.contains(event.dot));
    const fragments = parcel.fragments.filter((fragment) => fragment.key === key);
    scope.fold.refold(key, since, fragments, theirs);
    scope.voids.unclean.delete(key);
  }
  return [];
}
