/**
 * What replicas of a scope say to each other: see graph/messages.py for the dialogue.
 *
 * A message is an object with a `kind`; on the wire it is a MessagePack array of tag, lineage and
 * fields, in a zlib stream if whoever sent it found it long.
 *
 * Invariant: whatever bytes come in, the answer is a message that fits its shape, or `BadFrame`.
 */

import { Reader, Writer, decode } from "./codec.js";
import { BadFrame } from "./errors.js";
import { GENESIS, bigOf, isReplica, isSeq, putPack, readBatches, readNames } from "./event.js";
import { inflate } from "./inflate.js";
import { VersionVector } from "./causality.js";
import { NONE, openingsOf } from "./openings.js";

export const PAGE_BYTES = 256 * 1024;
export const PAGE_BYTES_MAX = 1 << 20;
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const ZLIB = 0x78; // how its streams begin, and no array of MessagePack does

export const FINE = 0; // what the peer has of it is a beginning of it, as far as can be told
export const BEHIND = 1; // the peer has more of it: its author lost state
export const FORKED = 2; // the peer has something else of it

const TAGS = {
  greeting: 80, standing: 81, join: 82, neighbours: 83, ops: 84, vector: 85, want: 86, part: 87,
  more: 88, nothing: 89, presence: 90, mergedHashes: 91,
};
const KINDS = new Map(Object.entries(TAGS).map(([kind, tag]) => [tag, kind]));

/** The message as bytes. @param {Uint8Array} lineage @param {Object<string, any>} message */
export function encodeMessage(lineage, message) {
  const writer = new Writer();
  if (message.kind === "ops") return encodeOps(writer, lineage, message);
  const fields = FIELDS[message.kind](message);
  writer.array(fields.length + 2);
  writer.value(TAGS[message.kind]);
  writer.value(lineage);
  for (const field of fields) writer.value(field);
  return writer.bytes();
}

const FIELDS = {
  greeting: (m) => [
    m.replica, m.vector, m.held, m.seq, m.digest, m.roots, m.neighbours, m.sync, m.incarnation,
    m.nowMs, m.flock, m.openings.data(),
  ],
  standing: (m) => [m.member, m.retired, m.verdict, m.seq, m.digest, m.complete, m.tail, m.about],
  join: (m) => [m.name],
  neighbours: (m) => [m.replicas],
  vector: (m) => [m.pairs, m.nowMs],
  want: (m) => [m.number, m.since, m.held, m.road, m.bytesMax, m.keys],
  part: (m) => [m.number, m.index, m.last, m.data],
  more: (m) => [m.number, m.index],
  nothing: (m) => [m.number],
  presence: (m) => [m.replica, m.entries],
};

function encodeOps(writer, lineage, message) {
  writer.array(7);
  for (const field of [TAGS.ops, lineage, message.number, message.more]) writer.value(field);
  const none = new Uint8Array(0);
  putPack(writer, message.batches, (names) =>
    writer.value(names.map((name) => message.marks.get(name) ?? none)),
  );
  return writer.bytes();
}

/** The message in `data`, and its lineage; raises `BadFrame`. @param {Uint8Array} data */
export function decodeMessage(data) {
  const plain = data[0] === ZLIB ? inflate(data, MESSAGE_BYTES_MAX) : data;
  try {
    const reader = new Reader(plain);
    const fields = reader.array();
    const kind = KINDS.get(reader.value());
    const lineage = reader.value();
    if (!kind || !isBytes(lineage)) throw new BadFrame("no message of a graph");
    if (kind === "ops") return readOps(reader, fields, lineage);
    const values = decode(plain).slice(2);
    return { kind, lineage, ...READERS[kind](values) };
  } catch (error) {
    if (error instanceof BadFrame) throw error;
    throw new BadFrame(`no message of a graph: ${error.message}`);
  }
}

function readOps(reader, fields, lineage) {
  if (fields < 7) throw new BadFrame("batches that are cut off");
  const number = count(reader.value());
  const more = reader.value() === true;
  const names = readNames(reader);
  const marks = arrayOf(reader.value()).map((mark) => check(isBytes(mark), mark));
  const batches = readBatches(reader, names);
  const named = new Map(names.map((name, i) => [name, marks[i]]).filter(([, mark]) => mark));
  return { kind: "ops", lineage, number, more, marks: named, batches };
}

const READERS = {
  greeting: ([replica, vector, held, seq, digest, roots, near, sync, number, nowMs, flock, opened]) => ({
    replica: replicaOf(replica),
    vector: checkedVector(vector),
    held: checkedVector(held),
    seq: count(seq),
    digest: digestOf(digest),
    roots: arrayOf(roots).map((one) => {
      const [admitted, sponsor, at] = arrayOf(one);
      return [replicaOf(admitted), replicaOf(sponsor), count(at)];
    }),
    neighbours: arrayOf(near).map(replicaOf),
    sync: string(sync),
    incarnation: bigOf(number),
    nowMs: count(nowMs),
    flock: flock === undefined ? 0n : bigOf(flock),
    openings: opened === undefined || opened === null ? null : (openingsOf(opened) ?? NONE),
  }),
  standing: ([member, retired, verdict, seq, digest, complete, tail = [], about = 0]) => ({
    member: member === true,
    retired: retired === null ? null : count(retired),
    verdict: count(verdict),
    seq: count(seq),
    digest: digestOf(digest),
    complete: complete === true,
    tail: arrayOf(tail).map((one) => {
      const [at, mark] = arrayOf(one);
      return [count(at), check(isBytes(mark), mark)];
    }),
    about: bigOf(about),
  }),
  join: ([name]) => ({ name: string(name) }),
  neighbours: ([replicas]) => ({ replicas: arrayOf(replicas).map(replicaOf) }),
  vector: ([pairs, nowMs]) => ({ pairs: checkedVector(pairs), nowMs: count(nowMs) }),
  want: ([number, since, held, road, bytesMax, keys = []]) => ({
    number: count(number),
    since: checkedVector(since),
    held: checkedVector(held),
    road: string(road),
    bytesMax: count(bytesMax),
    keys: arrayOf(keys).map(string),
  }),
  part: ([number, index, last, data]) => ({
    number: count(number), index: count(index), last: last === true, data: check(isBytes(data), data),
  }),
  more: ([number, index]) => ({ number: count(number), index: count(index) }),
  nothing: ([number]) => ({ number: count(number) }),
  presence: ([replica, entries]) => ({
    replica: replicaOf(replica),
    entries: arrayOf(entries).map((one) => {
      const [key, value, livesMs] = arrayOf(one);
      return [string(key), value, count(livesMs)];
    }),
  }),
  mergedHashes: () => ({}),
};

/** A vector that came from outside; raises `BadFrame`. */
export function checkedVector(pairs) {
  const vector = new VersionVector();
  for (const pair of arrayOf(pairs)) {
    const [replica, seq] = arrayOf(pair);
    if (!isSeq(seq)) throw new BadFrame("a vector with an entry that cannot be");
    vector.saw(replicaOf(replica), seq);
  }
  return vector;
}

const isBytes = (value) => value instanceof Uint8Array;

function check(fits, value) {
  if (!fits) throw new BadFrame("a message of a graph with a field that cannot be");
  return value;
}

const arrayOf = (value) => check(Array.isArray(value), value);
const string = (value) => check(typeof value === "string", value);
const count = (value) => check(Number.isSafeInteger(value) && value >= 0, value);
const digestOf = (value) => check(isBytes(value) && value.length === GENESIS.length, value);

function replicaOf(value) {
  const id = bigOf(value);
  return check(isReplica(id), id);
}
