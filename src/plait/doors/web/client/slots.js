/**
 * Which slot of the browser's storage this page writes: the first that nobody holds.
 *
 * A slot is held by a lock of the Web Locks API, which the browser gives back when the page is gone,
 * however it went. A slot that another page left with unsent edits is *drained* by whoever is
 * online: opened, linked until a node has everything, and closed again.
 *
 * Invariant: a slot has one writer.
 */

import { StorageError } from "./errors.js";

export const SLOTS_MAX = 32;

/**
 * Hold the first free slot. Raises `StorageError` if there is none.
 * @param {string} persist @param {any} locks like `navigator.locks`
 * @returns {Promise<{prefix: string, index: number, release: () => void}>}
 */
export async function holdSlot(persist, locks) {
  for (let index = 0; index < SLOTS_MAX; index += 1) {
    const release = await tryLock(locks, `plait:${persist}:${index}`);
    if (release) return { prefix: `s${index}`, index, release };
  }
  throw new StorageError(`${SLOTS_MAX} pages of this browser use this storage already`);
}

/** Hold a lock if it is free: how to give it back, or null. */
export function tryLock(locks, name) {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(null);
          return undefined;
        }
        return new Promise((release) => resolve(() => release(undefined)));
      })
      .catch(reject);
  });
}

/** Sends what pages that are gone have left unsent. */
export class Drain {
  /**
   * @param {string} persist @param {any} locks @param {any} storage
   * @param {(prefix: string, collection: string) => Promise<{sent: () => Promise<void>,
   *   end: () => Promise<void>}|null>} open a replica of a slot, linked; null if it has nothing
   */
  constructor(persist, locks, storage, open) {
    this._persist = persist;
    this._locks = locks;
    this._storage = storage;
    this._open = open;
    this._running = false;
  }

  /** Look at every slot that nobody holds. Resolves when they are looked at, or nothing more can be
   * done now. */
  async run() {
    if (this._running) return;
    this._running = true;
    try {
      for (let index = 0; index < SLOTS_MAX; index += 1) await this._slot(index);
    } finally {
      this._running = false;
    }
  }

  async _slot(index) {
    const release = await tryLock(this._locks, `plait:${this._persist}:${index}`);
    if (!release) return;
    try {
      const names = [...(await this._storage.rows(`s${index}/`)).keys()];
      for (const collection of new Set(names.map((name) => name.split("/")[1]))) {
        const replica = await this._open(`s${index}`, decodeURIComponent(collection));
        if (!replica) continue;
        try {
          await replica.sent();
        } finally {
          await replica.end();
        }
      }
    } finally {
      release();
    }
  }
}
