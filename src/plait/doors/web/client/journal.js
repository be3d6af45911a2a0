/**
 * One replica on its storage: a checkpoint, and a log of what happened since.
 *
 *     PREFIX/meta          what collection this is, and which buckets there are
 *     PREFIX/scope         the checkpoint: the scope, with the batches that it retains
 *     PREFIX/b/NN          the checkpoint: documents, in buckets by their keys
 *     PREFIX/l/000000012   the log since then, a row for each transaction
 *     PREFIX/tail          where the log begins and ends, and how far a node has the own stream
 *
 * Records gather while a transaction is under way (group commit). A checkpoint is written when the
 * log is long; it costs what was changed. Whoever may speak only of what is durable waits in `when`.
 *
 * Invariant: memory is the fold of the checkpoint and the log. A row that is damaged or missing
 * raises `Corrupt`. A write that fails is tried again, nothing is lost meanwhile, and the owner is
 * told.
 */

import { decode, encode } from "./codec.js";
import { BadFrame, Corrupt, PlaitError, StorageError, UnknownFormat } from "./errors.js";
import { sealed, unsealed } from "./storage.js";

export const WROTE = 0; // an own batch, as a pack
export const DELIVERED = 1; // others' batches, as a pack
export const JOINED = 2; // a parcel
export const RENAMED = 3; // [fresh id, retire]
export const NOTED = 4; // [name, value or null]: what is to be kept for people

const VERSION = 1;
const LOG_BYTES_MAX = 128 * 1024; // then a checkpoint is due
const LOG_ROWS_MAX = 512;
const RETRY_MS = 1000;
const SAVED_MS = 500;
const DRAFT_MS = 10;
const DIGITS = 12;

/** The journal of one replica. */
export class Journal {
  /**
   * @param {any} storage @param {string} prefix of its rows
   * @param {{checkpoint: () => {rows: Map<string, Uint8Array|null>, keep: () => void},
   *   settle: () => boolean, failed: (error: Error|null) => void}} owner `checkpoint` makes the rows of all that is in
   *   memory now; `keep` is called if they could not be written
   * @param {{head: number, tail: number, saved: number}|null} found on the storage
   */
  constructor(storage, prefix, owner, found = null) {
    this.position = 0; // of records, and whatever else is to be written
    this.durable = 0;
    this.saved = found ? found.saved : 0; // up to where a node has the own stream
    this.error = null;
    this._storage = storage;
    this._prefix = prefix;
    this._owner = owner;
    this._head = found ? found.head : 0; // of the log's rows
    this._tail = found ? found.tail : 0;
    this._logBytes = 0;
    this._due = found === null; // a checkpoint
    this._begun = found !== null; // there is one on the storage
    this._records = [];
    this._waiting = []; // [position, function]
    this._running = false;
    this._savedTimer = null;
    this._closed = false;
  }

  /** Note a record; it is on its way to the disk by the end of the tick. */
  add(kind, data) {
    this._records.push([kind, data]);
    this._more();
  }

  /** Have a checkpoint written next, instead of the log. */
  checkpoint() {
    this._due = true;
    this._more();
  }

  /** Call when everything that was added so far is durable. */
  when(act) {
    if (this.durable >= this.position) act();
    else this._waiting.push([this.position, act]);
  }

  /** Resolves when everything that was added so far is durable. */
  flush() {
    return new Promise((resolve) => this.when(resolve));
  }

  /** A node has the own stream up to there; told to the disk at leisure. */
  noteSaved(seq) {
    if (seq === this.saved) return;
    this.saved = seq;
    this._savedTimer ??= setTimeout(() => {
      this._savedTimer = null;
      this._more();
    }, SAVED_MS);
  }

  /** Write nothing more; what waits for the disk is never called. */
  close() {
    this._closed = true;
    this._waiting = [];
    clearTimeout(this._savedTimer);
  }

  _more() {
    this.position += 1;
    if (this._running || this._closed) return;
    this._running = true;
    queueMicrotask(() => this._run());
  }

  async _run() {
    while (this.durable < this.position && !this._closed) {
      const due = this._due && this._owner.settle(); // what is half done is not for a checkpoint
      if (this._due && !due && !this._begun) {
        await new Promise((resolve) => setTimeout(resolve, DRAFT_MS)); // a log has one before it
        continue;
      }
      const upTo = this.position;
      const write = due ? this._checkpointed() : this._logged();
      try {
        await this._storage.write(write.rows);
      } catch (error) {
        write.undo();
        this._fail(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        continue;
      }
      write.done();
      this._wrote(upTo);
    }
    this._running = false;
  }

  /** The next row of the log. */
  _logged() {
    const records = this._records;
    this._records = [];
    const rows = new Map();
    let bytes = 0;
    const tail = this._tail + (records.length ? 1 : 0);
    if (records.length) {
      const data = encode(records);
      bytes = data.length;
      rows.set(rowName(this._prefix, this._tail), sealed(data));
    }
    this._putTail(rows, this._head, tail);
    return {
      rows,
      undo: () => (this._records = [...records, ...this._records]),
      done: () => {
        this._tail = tail;
        this._logBytes += bytes;
      },
    };
  }

  /** A checkpoint in the place of the log: what was to be logged is in it. */
  _checkpointed() {
    const { rows: made, keep } = this._owner.checkpoint();
    const records = this._records;
    this._records = [];
    this._due = false;
    const rows = new Map();
    for (const [name, data] of made) rows.set(`${this._prefix}/${name}`, data && sealed(data));
    for (let at = this._head; at < this._tail; at += 1) rows.set(rowName(this._prefix, at), null);
    this._putTail(rows, this._tail, this._tail);
    return {
      rows,
      undo: () => {
        keep();
        this._due = true;
        this._records = [...records, ...this._records];
      },
      done: () => {
        this._head = this._tail;
        this._logBytes = 0;
        this._begun = true;
      },
    };
  }

  _putTail(rows, head, tail) {
    rows.set(`${this._prefix}/tail`, sealed(encode([head, tail, this.saved])));
  }

  _wrote(upTo) {
    this.durable = upTo;
    if (this.error) {
      this.error = null;
      this._owner.failed(null);
    }
    if (this._logBytes > LOG_BYTES_MAX || this._tail - this._head > LOG_ROWS_MAX) this.checkpoint();
    while (this._waiting.length && this._waiting[0][0] <= upTo && !this._closed) {
      this._waiting.shift()[1]();
    }
  }

  _fail(error) {
    this.error = error instanceof PlaitError ? error : new StorageError(String(error));
    this._owner.failed(this.error);
  }
}

const rowName = (prefix, at) => `${prefix}/l/${String(at).padStart(DIGITS, "0")}`;

/**
 * The row that says what a collection is.
 * @param {any} info @param {string[]} buckets @param {any} notes what is kept for people, by name
 */
export const metaRow = (info, buckets, notes) => encode([VERSION, info, buckets, notes]);

/**
 * What a storage has of a replica: {info, notes, scope, documents, buckets, records, found}, or null if it has
 * nothing. Raises `Corrupt` and `UnknownFormat`.
 * @param {any} storage @param {string} prefix
 */
export async function readJournal(storage, prefix) {
  const rows = await storage.rows(`${prefix}/`);
  if (!rows.size) return null;
  const names = new Set(rows.keys());
  const read = (name) => {
    const data = rows.get(`${prefix}/${name}`);
    if (data === undefined) throw new Corrupt(`a row of ${prefix} is missing here: ${name}`);
    names.delete(`${prefix}/${name}`);
    return unsealed(name, data);
  };
  try {
    const [version, info, buckets, notes] = decode(read("meta"));
    if (version !== VERSION) throw new UnknownFormat(`storage of version ${version}`);
    const [head, tail, saved] = decode(read("tail"));
    const records = [];
    for (let at = head; at < tail; at += 1) {
      records.push(...decode(read(rowName("", at).slice(1))));
    }
    const documents = buckets.map((name) => decode(read(name)));
    const scope = read("scope");
    if (names.size) throw new Corrupt(`${prefix} has rows that it does not know: ${[...names][0]}`);
    const found = { head, tail, saved };
    return { info, notes, scope, documents, buckets, records, found };
  } catch (error) {
    if (error instanceof BadFrame) throw new Corrupt(`a row of ${prefix} cannot be read: ${error.message}`);
    throw error;
  }
}
