/**
 * What two replicas, or a replica and its storage, tell each other of a scope besides documents.
 *
 * Replica ids repeat: each portable part lists them once, and everything else names them by index.
 * Mirrors graph/portable.py.
 */

import { VersionVector, byPair, byReplica } from "./causality.js";
import { BadFrame } from "./errors.js";
import { DIGEST_BYTES, bigOf, isReplica, isSeq } from "./event.js";
import { openingsOf, unknownTo } from "./openings.js";
import { Stream } from "./streams.js";

/** Numbers for replica ids, given as they are met. */
export class Names {
  constructor() {
    this.numbers = new Map();
  }

  /** The id's number. */
  of(replica) {
    if (!this.numbers.has(replica)) this.numbers.set(replica, this.numbers.size);
    return this.numbers.get(replica);
  }

  /** Dots by number. */
  dots(dots) {
    return [...dots].map(([replica, seq]) => [this.of(replica), seq]);
  }

  /** A vector by number. */
  pairs(context) {
    return this.dots([...context].sort(byPair));
  }

  /** The ids in the order of their numbers. */
  listed() {
    return [...this.numbers.keys()];
  }
}

/** An array, or `BadFrame`. */
export function arrayOf(data, least = 0) {
  if (!Array.isArray(data) || data.length < least) throw new BadFrame("a list was to come");
  return data;
}

/** Ids that came from outside. */
export function checkedNames(data) {
  return arrayOf(data).map((name) => {
    const id = bigOf(name);
    if (!isReplica(id)) throw new BadFrame("a replica id out of range");
    return id;
  });
}

/** The id of a number. */
export function nameAt(names, number) {
  if (!Number.isSafeInteger(number) || number < 0 || number >= names.length) {
    throw new BadFrame("a replica is named that is not listed");
  }
  return names[number];
}

/** A numbered dot. */
export function dotAt(data, names, least = 1) {
  const [number, seq] = arrayOf(data, 2);
  if (!Number.isSafeInteger(seq) || seq < least) throw new BadFrame("no such event");
  return [nameAt(names, number), seq];
}

/** The vector of numbered pairs. */
export function vectorAt(pairs, names) {
  const vector = new VersionVector();
  for (const pair of arrayOf(pairs)) vector.saw(...dotAt(pair, names));
  return vector;
}

/** The stream by number; its own entry of the context goes without saying. */
export function headOf(stream, names) {
  const context = new VersionVector(stream.context);
  context.delete(stream.replica);
  return [
    names.of(stream.replica), stream.last, stream.digest, stream.hlc, stream.spoke,
    names.pairs(context), stream.openings.data(),
  ];
}

/** A stream of its own; raises `BadFrame`. */
export function streamOf(head, names) {
  const [number, last, digest, hlc, spoke, context, opened = null] = arrayOf(head, 6);
  const whole = digest instanceof Uint8Array && digest.length === DIGEST_BYTES;
  if (!isSeq(last) || !whole || !(Number.isSafeInteger(spoke) && spoke >= 0 && spoke <= last)) {
    throw new BadFrame("no stream has such a head");
  }
  const openings = opened === null ? unknownTo(last) : openingsOf(opened);
  if (!openings || !openings.fits(last)) throw new BadFrame("no stream has such openings");
  const seen = vectorAt(context, names);
  const replica = nameAt(names, number);
  seen.set(replica, last);
  return new Stream(replica, last, digest, bigOf(hlc), spoke, seen, openings);
}

/** The members by number. */
export function rollOf(members, names) {
  const admitted = [...members.sponsors]
    .sort((one, other) => byReplica(one[0], other[0]))
    .flatMap(([replica, dots]) =>
      dots.map(([sponsor, seq]) => [
        names.of(replica), members.names.get(replica), names.of(sponsor), seq,
      ]),
    );
  const retired = [...members.retired]
    .sort((one, other) => byReplica(one[0], other[0]))
    .map(([replica, known]) => [names.of(replica), known.last, known.said, names.dots(known.dots)]);
  return [names.of(members.founder), admitted, retired];
}

/** A roll read: {admitted: [[replica, name, dot]], retired: [[replica, last, said, dots]]}. */
export function readRoll(data, names) {
  const [founder, admitted, retired] = arrayOf(data, 3);
  return {
    founder: nameAt(names, founder),
    admitted: arrayOf(admitted).map((one) => {
      const [number, name, sponsor, seq] = arrayOf(one, 4);
      if (typeof name !== "string") throw new BadFrame("a member without a name");
      return [nameAt(names, number), name, dotAt([sponsor, seq], names)];
    }),
    retired: arrayOf(retired).map((one) => {
      const [number, last, said, dots] = arrayOf(one, 4);
      if (!Number.isSafeInteger(last) || !Number.isSafeInteger(said)) {
        throw new BadFrame("a retirement without a number");
      }
      return [nameAt(names, number), last, said, arrayOf(dots).map((dot) => dotAt(dot, names))];
    }),
  };
}

/** Learn of a roll what `members` does not know. */
export function callRoll(members, roll) {
  for (const [replica, name, dot] of roll.admitted) members.admit(replica, name, dot);
  for (const one of roll.retired) members.learn(...one);
}

/** A refusal by number; `by_seq` 0: nobody has said it yet. */
export function voidData(dot, refusal, names) {
  const by = refusal.by ? [names.of(refusal.by[0]), refusal.by[1]] : [names.of(dot[0]), 0];
  return [names.of(dot[0]), dot[1], refusal.reason, refusal.key, ...by];
}

/** A refusal read: [dot, refusal]. */
export function voidOf(data, names) {
  const [number, seq, reason, key, by, bySeq] = arrayOf(data, 6);
  if (typeof reason !== "string" || typeof key !== "string") throw new BadFrame("no refusal");
  const who = bySeq === 0 ? null : dotAt([by, bySeq], names);
  return [dotAt([number, seq], names), { reason, key, by: who }];
}
