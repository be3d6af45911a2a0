/**
 * All that this browser keeps for pages of a node: what of it was never sent, and throwing it away.
 *
 * Invariant: only slots that no page holds are looked into, and what was not looked into counts as
 * unsent. Absent: sending it; a page that is signed in does that (`slots.js`).
 */

import { loadReplica } from "./opening.js";
import { SLOTS_MAX, tryLock } from "./slots.js";
import { IndexedStorage, discardStorage } from "./storage.js";

const PREFIX = "plait:";
const NAMES = ["plait", "plait-calendar"]; // where a browser does not say which there are
const PATIENCE_MS = 3000; // for other pages to let go
const LOOK_MS = 100;

/** The names of storages. @returns {Promise<string[]>} */
export async function storages() {
  if (!globalThis.indexedDB) return [];
  const found = await indexedDB.databases?.().catch(() => null);
  if (!found) return NAMES;
  return found.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
}

/** How many edits are nowhere but here. @returns {Promise<number>} */
export async function unsent() {
  let count = 0;
  for (const name of await storages()) count += await unsentIn(name);
  return count;
}

async function unsentIn(name) {
  const storage = await IndexedStorage.open(name);
  let count = 0;
  try {
    const rows = [...(await storage.rows("s")).keys()];
    const prefixes = new Set(rows.map((row) => row.split("/").slice(0, 2).join("/")));
    for (let index = 0; index < SLOTS_MAX; index += 1) {
      const own = [...prefixes].filter((prefix) => prefix.startsWith(`s${index}/`));
      if (own.length) count += await inSlot(name, index, own, storage);
    }
  } finally {
    storage.close();
  }
  return count;
}

async function inSlot(name, index, prefixes, storage) {
  const release = await held(`plait:${name}:${index}`);
  if (!release) return 1;
  let count = 0;
  try {
    for (const prefix of prefixes) {
      const replica = await loadReplica({ name: "browser" }, storage, prefix, Date.now).catch(() => null);
      count += replica?.pending ?? 0;
      await replica?.close();
    }
  } finally {
    release();
  }
  return count;
}

/** The lock of a slot, once the page that has it has let go. */
async function held(name) {
  const { locks } = globalThis.navigator ?? {};
  if (!locks) return () => undefined; // then nobody keeps anything
  for (const began = Date.now(); Date.now() - began < PATIENCE_MS; ) {
    const release = await tryLock(locks, name);
    if (release) return release;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return null;
}

/** Throw all of it away, unsent edits too. */
export async function forgetAll() {
  for (const name of await storages()) await discardStorage(name).catch(() => undefined);
}
