/**
 * Events and the batches they travel in.
 *
 * A batch is what one replica wrote in one go: a first sequence number, one HLC stamp for all, what
 * its author had newly seen since its previous batch (`seen`), and its operations; the operation at
 * index i is the event (author, first + i). An operation addresses an object by document key and
 * path; the empty key addresses the scope itself.
 *
 * Invariant: a batch keeps the bytes of its operations as they came (`raw`), so its rolling hash is
 * its author's, whatever JavaScript makes of their values. Mirrors graph/event.py.
 */

import { Reader, Writer, encode } from "./codec.js";
import { byReplica } from "./causality.js";
import { DIGEST_BYTES, blake2b } from "./digest.js";
import { BadFrame } from "./errors.js";
import { HLC_MAX } from "./hlc.js";

export const BATCH_OPS_MAX = 65_536;
export const PATH_MAX = 64;
export const REPLICA_MAX = (1n << 63n) - 1n;
export const SEQ_MAX = Number.MAX_SAFE_INTEGER; // Python's is 2^62 - 1: no stream gets there
export const GENESIS = new Uint8Array(DIGEST_BYTES); // the rolling hash of an empty stream
export { DIGEST_BYTES };

export const APPLY = 0; // the body is for the object's type
export const CLEAR = 1; // reset everything at and below the path that the event has seen
export const DELETE = 2; // hide the document; an edit that has not seen this revives it

// paths of the operations on the scope itself (key "")
export const ADMIT = "admit";
export const RETIRE = "retire";
export const VOID = "void";
export const BEAT = "beat";
export const OPENED = "opened";
export const TOGETHER = "together";

/** One operation on one object. */
export class Op {
  /** @param {string} key @param {readonly string[]} path @param {any} body @param {number} kind */
  constructor(key, path, body, kind = APPLY) {
    this.key = key;
    this.path = path;
    this.body = body;
    this.kind = kind;
  }
}

/** An operation's place in the history, as folds see it. */
export class Event {
  /**
   * @param {bigint} replica @param {number} seq @param {bigint} hlc
   * @param {import("./causality.js").Context} context what its author had seen before; live, and
   *   its own entry may be ahead, never behind
   * @param {string|null} who @param {string|null} message
   */
  constructor(replica, seq, hlc, context, who = null, message = null) {
    this.replica = replica;
    this.seq = seq;
    this.hlc = hlc;
    this.context = context;
    this.who = who;
    this.message = message;
  }

  /** The event's name. @returns {[bigint, number]} */
  get dot() {
    return [this.replica, this.seq];
  }

  /** Whether `dot` comes causally before this event. */
  sees(dot) {
    if (dot[0] === this.replica) return dot[1] < this.seq;
    return dot[1] <= (this.context.get(dot[0]) ?? 0);
  }
}

/** What one replica wrote in one go. */
export class Batch {
  /**
   * @param {bigint} replica @param {number} first @param {bigint} hlc
   * @param {[bigint, number][]} seen @param {Op[]} ops
   * @param {string|null} who @param {string|null} message
   * @param {Uint8Array|null} raw the operations as MessagePack
   */
  constructor(replica, first, hlc, seen, ops, who = null, message = null, raw = null) {
    this.replica = replica;
    this.first = first;
    this.hlc = hlc;
    this.seen = seen;
    this.ops = ops;
    this.who = who;
    this.message = message;
    this.raw = raw ?? encode(ops.map((op) => [op.key, op.path, op.body, op.kind]));
  }

  /** Sequence number of the last operation. */
  get last() {
    return this.first + this.ops.length - 1;
  }
}

/** A batch's content as bytes; equal for equal batches. @param {Batch} batch */
export function batchBytes(batch) {
  return putBatch(new Writer(), batch, batch.replica, batch.seen).bytes();
}

/** The rolling hash of a stream after `batch`, from the one before it. */
export function digestOf(previous, batch) {
  const content = batchBytes(batch);
  const joined = new Uint8Array(previous.length + content.length);
  joined.set(previous);
  joined.set(content, previous.length);
  return blake2b(joined);
}

/** Put a batch, with its author and what it has seen by whatever names them. */
export function putBatch(writer, batch, author, seen) {
  writer.array(7);
  writer.value(author);
  writer.value(batch.first);
  writer.value(batch.hlc);
  writer.value(seen);
  writer.raw(batch.raw);
  writer.value(batch.who);
  writer.value(batch.message);
  return writer;
}

/** `batch`; raises `BadFrame` for one that no replica can have written. */
export function checkBatch(batch) {
  if (!(isReplica(batch.replica) && isSeq(batch.first) && isSeq(batch.last))) {
    throw new BadFrame(`a batch of ${batch.replica} from ${batch.first}: no such dots`);
  }
  if (!(batch.ops.length >= 1 && batch.ops.length <= BATCH_OPS_MAX)) {
    throw new BadFrame(`a batch of ${batch.ops.length} operations`);
  }
  if (!(batch.hlc >= 0n && batch.hlc <= HLC_MAX)) throw new BadFrame("a batch without a stamp");
  let before = 0n;
  for (const [replica, seq] of batch.seen) {
    if (!isReplica(replica) || replica <= before || !isSeq(seq)) {
      throw new BadFrame("a batch has seen what cannot be");
    }
    if (replica === batch.replica) {
      throw new BadFrame("a batch lists its own author among what it has seen");
    }
    before = replica;
  }
  for (const op of batch.ops) {
    if (op.path.length > PATH_MAX || ![APPLY, CLEAR, DELETE].includes(op.kind)) {
      throw new BadFrame(`an operation of kind ${op.kind} on a path of ${op.path.length}`);
    }
  }
  return batch;
}

/** Whether it can be a replica's id. */
export const isReplica = (id) => typeof id === "bigint" && id >= 1n && id <= REPLICA_MAX;

/** Whether it can be a sequence number. */
export const isSeq = (seq) => Number.isSafeInteger(seq) && seq >= 1;

/** A replica id or stamp as it was decoded. @param {any} value @returns {bigint} */
export function bigOf(value) {
  if (typeof value === "bigint") return value;
  if (!Number.isSafeInteger(value)) throw new BadFrame("a number was to come");
  return BigInt(value);
}

/** Each operation with its place; `context` covers what the author had seen before the batch. */
export function* eventsOf(batch, context) {
  let seq = batch.first;
  for (const op of batch.ops) {
    yield [op, new Event(batch.replica, seq, batch.hlc, context, batch.who, batch.message)];
    seq += 1;
  }
}

// ------------------------------------------------------------------------------- packs

/** Batches as [names, batches that name replicas by index], put into a writer. */
export function putPack(writer, batches, put = null) {
  const numbers = new Map();
  const of = (replica) => {
    if (!numbers.has(replica)) numbers.set(replica, numbers.size);
    return numbers.get(replica);
  };
  const packed = new Writer();
  packed.array(batches.length);
  for (const batch of batches) {
    const author = of(batch.replica);
    putBatch(packed, batch, author, batch.seen.map(([replica, seq]) => [of(replica), seq]));
  }
  const names = [...numbers.keys()];
  writer.value(names);
  if (put) put(names);
  writer.raw(packed.bytes());
  return names;
}

/** Batches as bytes, for storage. */
export function encodePack(batches) {
  const writer = new Writer();
  writer.array(2);
  putPack(writer, batches);
  return writer.bytes();
}

/** The batches in `data`; raises `BadFrame`. */
export function decodePack(data) {
  const reader = new Reader(data);
  if (reader.array() < 2) throw new BadFrame("no pack of batches");
  const names = readNames(reader);
  return readBatches(reader, names);
}

/** Replica ids, checked. */
export function readNames(reader) {
  const names = reader.value();
  if (!Array.isArray(names)) throw new BadFrame("no names of replicas");
  return names.map((name) => {
    const id = bigOf(name);
    if (!isReplica(id)) throw new BadFrame("a replica id out of range");
    return id;
  });
}

/** The batches of a pack, each with the bytes of its operations; raises `BadFrame`. */
export function readBatches(reader, names) {
  const named = (number) => {
    if (!Number.isSafeInteger(number) || number < 0 || number >= names.length) {
      throw new BadFrame("a pack names a replica that it does not list");
    }
    return names[number];
  };
  const batches = [];
  for (let left = reader.array(); left > 0; left -= 1) batches.push(readBatch(reader, named));
  return batches;
}

function readBatch(reader, named) {
  const fields = reader.array();
  if (fields < 5) throw new BadFrame("a batch that is cut off");
  const author = named(reader.value());
  const first = reader.value();
  const hlc = bigOf(reader.value());
  const seen = reader.value();
  if (!Array.isArray(seen)) throw new BadFrame("a batch without what it has seen");
  const before = seen.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadFrame("no entry of a vector");
    return [named(pair[0]), pair[1]];
  });
  const start = reader.offset;
  const ops = readOps(reader);
  const raw = reader.slice(start);
  const who = fields > 5 ? text(reader.value()) : null;
  const message = fields > 6 ? text(reader.value()) : null;
  for (let extra = fields - 7; extra > 0; extra -= 1) reader.skip();
  return checkBatch(new Batch(author, first, hlc, before, ops, who, message, raw));
}

function readOps(reader) {
  const decoded = reader.value();
  if (!Array.isArray(decoded)) throw new BadFrame("a batch without operations");
  return decoded.map((one) => {
    if (!Array.isArray(one) || one.length < 3) throw new BadFrame("no operation");
    const [key, path, body, kind = APPLY] = one;
    const named = Array.isArray(path) && path.every((part) => typeof part === "string");
    if (typeof key !== "string" || !named) throw new BadFrame("an operation on no object");
    return new Op(key, Object.freeze(path), body, kind);
  });
}

function text(value) {
  if (value !== null && typeof value !== "string") throw new BadFrame("a name was to come");
  return value;
}

/** The first of a list's entries in the order of replica ids. @param {Iterable<bigint>} ids */
export const sortedReplicas = (ids) => [...ids].sort(byReplica);

/** Whether two byte strings are the same. @param {Uint8Array} one @param {Uint8Array} other */
export function sameBytes(one, other) {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i += 1) if (one[i] !== other[i]) return false;
  return true;
}

/** Whether bytes begin with others. */
export function startsWith(bytes, prefix) {
  return bytes.length >= prefix.length && sameBytes(bytes.subarray(0, prefix.length), prefix);
}
