/**
 * What has been seen: dots, version vectors, and what follows from what.
 *
 * A dot names one event: `[replica, seq]`, a BigInt and a number. Sequence numbers of a replica
 * begin at 1 and have no gaps, so a version vector says exactly which events were seen.
 *
 * Invariant: a version vector holds no zero and no negative number. Mirrors base/causality.py.
 *
 * @typedef {[bigint, number]} Dot
 * @typedef {ReadonlyMap<bigint, number>} Context  a version vector that is only read
 */

/** How a dot is named where a Map needs one key. @param {bigint} replica @param {number} seq */
export const dotKey = (replica, seq) => `${replica}:${seq}`;

/** Order of replica ids. @param {bigint} a @param {bigint} b */
export const byReplica = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Order of pairs that begin with a replica id. */
export const byPair = (a, b) => byReplica(a[0], b[0]) || a[1] - b[1];

/** {replica: last sequence seen}; a Map, because the hot paths read it as one. */
export class VersionVector extends Map {
  /** Everything of `replica` up to `seq` was seen. */
  saw(replica, seq) {
    if (seq > (this.get(replica) ?? 0)) this.set(replica, seq);
  }

  /** See everything that `other` saw. @param {Iterable<[bigint, number]>} other */
  merge(other) {
    for (const [replica, seq] of other) this.saw(replica, seq);
    return this;
  }

  /** Whether the event was seen. @param {Dot} dot */
  contains(dot) {
    return dot[1] <= (this.get(dot[0]) ?? 0);
  }

  /** Whether everything that `other` saw was seen here. @param {Context} other */
  descends(other) {
    return descends(this, other);
  }

  /** The least vector that descends from both. @param {Context} other */
  merged(other) {
    return new VersionVector(this).merge(other);
  }

  /** The greatest vector that both descend from. @param {Context} other */
  met(other) {
    const result = new VersionVector();
    for (const [replica, seq] of this) {
      const least = Math.min(seq, other.get(replica) ?? 0);
      if (least) result.set(replica, least);
    }
    return result;
  }

  /** Another with the same entries. */
  copy() {
    return new VersionVector(this);
  }

  /** The entries in one order, for encoding. @returns {[bigint, number][]} */
  pairs() {
    return [...this].sort(byPair);
  }

  /** How many events it covers. */
  count() {
    let total = 0;
    for (const seq of this.values()) total += seq;
    return total;
  }

  /** Whether both cover the same events. @param {Context} other */
  equals(other) {
    if (this.size !== other.size) return false;
    for (const [replica, seq] of this) if (other.get(replica) !== seq) return false;
    return true;
  }
}

/** The vector of who has seen nothing. @type {Context} */
export const NOTHING = new VersionVector();

/** Whether `one` saw everything that `other` saw. @param {Context} one @param {Context} other */
export function descends(one, other) {
  for (const [replica, seq] of other) if (seq > (one.get(replica) ?? 0)) return false;
  return true;
}

/** Whether each saw something that the other did not. */
export function concurrent(one, other) {
  return !descends(one, other) && !descends(other, one);
}

/** The entries of `newer` that are beyond `older`, in one order. */
export function advances(newer, older) {
  return [...newer].filter(([replica, seq]) => seq > (older.get(replica) ?? 0)).sort(byPair);
}

/** A vector from pairs; the highest of repeated ones counts, zeros are left out. */
export function vectorOf(pairs) {
  return new VersionVector().merge(pairs);
}

/** The greatest vector that all descend from; empty for none. @param {Iterable<Context>} vectors */
export function meetAll(vectors) {
  let result = null;
  for (const vector of vectors) {
    result = result === null ? new VersionVector(vector) : result.met(vector);
  }
  return result ?? new VersionVector();
}
