/**
 * A page's store: its replicas of collections, and their connection to a node.
 *
 * Invariant: everything written is kept in this browser (unless `persist` is null) before any node
 * hears of it, and a collection that is known here opens without a node.
 */

import { connectCore } from "./connect.js";
import { Documents } from "./documents.js";

/**
 * Connect this page.
 * @param {{urls?: string[], name?: string | null, token?: string | null, persist?: string | null,
 *   offline?: boolean}} [options] urls: of nodes, where the page came from unless given; name: who,
 *   for the history; persist: what the browser's storage is called, null to keep nothing
 * @returns {Promise<Store>}
 */
export async function connect(options = {}) {
  const persist = options.persist === undefined && globalThis.indexedDB ? "plait" : options.persist;
  return new Store(await connectCore({ ...options, persist: persist ?? null }));
}

export class Store {
  /** @param {any} core */
  constructor(core) {
    this._core = core;
  }

  /** The documents of a collection: at once if it is known here, else after the first sync.
   * @param {string} name @param {Record<string, import("./schema.js").Field>} schema
   * @param {{timeoutS?: number}} [options] @returns {Promise<Documents>} */
  async documents(name, schema, options = {}) {
    return new Documents(await this._core.open(name, options), schema);
  }

  /** {online, node, who, pending, saved, refused, readOnly, ...}: `pending` events are not saved by a
   * node yet; `who`: the user that nodes take this page for; `readOnly`: collections that it may not write. */
  get status() {
    return this._core.status;
  }

  /** Be told when the status is another one. @param {(status: any) => void} tell @returns {() => void} how to stop */
  subscribe(tell) {
    return this._core.subscribe(tell);
  }

  /** Whether this page is cut off, by itself. */
  get offline() {
    return this._core.offline;
  }

  set offline(off) {
    this._core.offline = off;
  }

  /** End it; what was written is kept. */
  close() {
    return this._core.close();
  }
}
