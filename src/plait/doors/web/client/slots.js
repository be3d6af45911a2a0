/**
 * Which slot of the browser's storage this page writes: the first that nobody holds.
 *
 * A slot is held by a lock of the Web Locks API, which the browser gives back when the page is gone,
 * however it went. Where there are no locks (an old browser, an insecure address), `locks` may be
 * given, and else the page gets a slot of its own in memory only: see `connect.js`.
 *
 * Invariant: a slot has one writer.
 */

import { StorageError } from "./errors.js";

export const SLOTS_MAX = 32;

/**
 * Hold the first free slot. Raises `StorageError` if there is none, or no way to hold one.
 * @param {string} persist @param {any} locks like `navigator.locks`
 * @returns {Promise<{prefix: string, index: number, release: () => void}>}
 */
export async function holdSlot(persist, locks = globalThis.navigator?.locks) {
  if (!locks) {
    throw new StorageError("this page cannot be sure to be its storage's only writer: no Web Locks");
  }
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
