/**
 * Where a browser keeps what it must not lose: rows of bytes by name, written in transactions.
 *
 * The port, implemented over IndexedDB here, in memory for `persist: null`, and over files for tests
 * in Node:
 *
 *     rows(prefix) -> Promise<Map<string, Uint8Array>>     every row whose name begins so
 *     write(rows) -> Promise<void>                         all of them (null: removed) or none;
 *                                                          resolves when they are on disk
 *     close()
 *
 * Invariant: `write` resolves only when the transaction is as durable as the browser can make it
 * (`durability: "strict"`), and writes take effect in the order of the calls. Each row carries a
 * checksum: a damaged one raises `Corrupt`, and is never taken for one that is not there.
 */

import { checksum } from "./codec.js";
import { Closed, Corrupt, DiskFull, StorageError } from "./errors.js";

const STORE = "rows";
const VERSION = 1;
const SUM_BYTES = 4;
const PREFIX_END = "\uffff";

/** Rows in this page's memory: gone when it is. */
export class MemoryStorage {
  constructor() {
    this._rows = new Map();
  }

  async rows(prefix) {
    return new Map([...this._rows].filter(([name]) => name.startsWith(prefix)));
  }

  async write(rows) {
    for (const [name, data] of rows) {
      if (data === null) this._rows.delete(name);
      else this._rows.set(name, data);
    }
  }

  close() {}
}

/** Rows in an IndexedDB database of this origin. */
export class IndexedStorage {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this._database = database;
    this._lost = null;
    database.onversionchange = () => this.close();
    database.onclose = () => {
      this._lost = new StorageError("the browser closed this page's storage");
    };
  }

  /** Open or make the database. Raises `StorageError`. @param {string} name */
  static open(name) {
    return new Promise((resolve, reject) => {
      let request;
      try {
        request = indexedDB.open(`plait:${name}`, VERSION);
      } catch (error) {
        reject(new StorageError(`this browser keeps no storage here: ${error.message}`));
        return;
      }
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(new IndexedStorage(request.result));
      request.onerror = () => reject(storageError(request.error));
      request.onblocked = () => reject(new StorageError("another page holds an older storage open"));
    });
  }

  rows(prefix) {
    return new Promise((resolve, reject) => {
      const transaction = this._begin("readonly");
      const store = transaction.objectStore(STORE);
      const range = IDBKeyRange.bound(prefix, prefix + PREFIX_END, false, true);
      const names = store.getAllKeys(range);
      const values = store.getAll(range);
      transaction.oncomplete = () =>
        resolve(new Map(names.result.map((name, i) => [name, values.result[i]])));
      transaction.onerror = transaction.onabort = () => reject(storageError(transaction.error));
    });
  }

  write(rows) {
    return new Promise((resolve, reject) => {
      const transaction = this._begin("readwrite");
      const store = transaction.objectStore(STORE);
      for (const [name, data] of rows) {
        if (data === null) store.delete(name);
        else store.put(data, name);
      }
      transaction.oncomplete = () => resolve();
      transaction.onerror = transaction.onabort = () => reject(storageError(transaction.error));
      transaction.commit?.();
    });
  }

  _begin(mode) {
    if (this._lost) throw this._lost;
    try {
      return this._database.transaction(STORE, mode, { durability: "strict" });
    } catch (error) {
      throw storageError(error);
    }
  }

  close() {
    this._lost ??= new Closed("this storage was closed");
    this._database.close();
  }
}

/** Forget everything that a browser keeps under a name: unsent edits are lost. @param {string} name */
export function discardStorage(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(`plait:${name}`);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(storageError(request.error));
    request.onblocked = () => reject(new StorageError("another page uses this storage: close it"));
  });
}

function storageError(error) {
  const why = error ? `${error.name}: ${error.message}` : "the transaction was aborted";
  if (error?.name === "QuotaExceededError") return new DiskFull(`no room for more here (${why})`);
  return new StorageError(`this browser's storage failed (${why})`);
}

// ------------------------------------------------------------------------------- rows

/** A row with its checksum in front. @param {Uint8Array} data */
export function sealed(data) {
  const row = new Uint8Array(SUM_BYTES + data.length);
  new DataView(row.buffer).setUint32(0, checksum(data));
  row.set(data, SUM_BYTES);
  return row;
}

/** The row without it; raises `Corrupt`. @param {string} name @param {any} row */
export function unsealed(name, row) {
  if (!(row instanceof Uint8Array) || row.length < SUM_BYTES) {
    throw new Corrupt(`the row ${name} of this browser's storage is damaged`);
  }
  const data = row.subarray(SUM_BYTES);
  const sum = new DataView(row.buffer, row.byteOffset).getUint32(0);
  if (sum !== checksum(data)) {
    throw new Corrupt(`the row ${name} of this browser's storage is damaged`);
  }
  return data.slice();
}
