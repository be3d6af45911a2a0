/**
 * A browser's store: the connection to a node, the storage, and a replica for each collection.
 *
 * Every tab has a durable *slot* of its own in the browser's storage, which nobody else may use
 * while it is open (the Web Locks API sees to that): a second tab takes the second slot. Tabs of one
 * browser are linked with each other (`tabs.js`), so they show each other's edits offline too. Where
 * there are no locks (a page that came over plain HTTP from another machine) nothing is kept, and
 * the status says so.
 *
 * Invariant: a slot has one writer. A replica is linked with at most one node at a time.
 */

import { readInfo } from "./collection_info.js";
import { Closed, NotLoaded, PlaitError, Unavailable, WrongLineage } from "./errors.js";
import { sameBytes } from "./event.js";
import { Connection } from "./link.js";
import { loadReplica, newReplica } from "./opening.js";
import { Drain, holdSlot } from "./slots.js";
import { NODE } from "./status.js";
import { IndexedStorage, MemoryStorage } from "./storage.js";
import { Tabs } from "./tabs.js";

const OPEN_S = 15;
const LOOK_MS = 1000;
const TAKEN_MS = 6_000; // for a node to make this replica a member
const KEPT_MS = 20_000; // for a node to get anything of what is written here onto its disk
const AGAIN_MS = 5_000; // after a node ended a link
const LEARN_MS = 60_000;
const DRAIN_MS = 120_000;
const DRAINED_S = 20; // for a node to take what a page that is gone has left
const LEAVE_S = 2; // for a node to take what a page that keeps nothing wrote last
const LASTING = new Set(["NotSignedIn", "NotAllowed", "NoSuchCollection", "BadSettings"]);

/**
 * @typedef {{urls?: string[], name?: string|null, token?: string|null, persist?: string|null,
 *   offline?: boolean, storage?: any, webSocket?: any, locks?: any, channel?: any}} Options
 */

/** Connect this page. @param {Options} options @returns {Promise<Core>} */
export async function connectCore(options = {}) {
  const persist = options.persist ?? null;
  const locks = options.locks ?? globalThis.navigator?.locks;
  if (persist === null || !locks) {
    const slot = { prefix: "s0", release: () => undefined };
    return new Core({ ...options, persist: null }, new MemoryStorage(), slot);
  }
  const slot = await holdSlot(persist, locks);
  try {
    const storage = options.storage ?? (await IndexedStorage.open(persist));
    return new Core(options, storage, slot);
  } catch (error) {
    slot.release();
    throw error;
  }
}

/** Where the page came from, as a node's address. */
function origin() {
  const { location } = globalThis;
  if (!location?.host) throw new Unavailable("no address of a node: give `urls`");
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}`;
}

const SOCKET = "/v1/replica";
const addressOf = (url) => `${url.replace(/^http/, "ws").replace(/\/+$/, "")}${SOCKET}`;

/** One page's store. */
export class Core {
  constructor(options, storage, slot) {
    this.name = options.name ?? null;
    this.error = null;
    this._token = options.token ?? null;
    this._learnAt = 0;
    this.durable = options.persist !== null && options.persist !== undefined;
    this._storage = storage;
    this._slot = slot;
    this._holders = new Map(); // collection to Holder
    this._opening = new Map();
    this._fetching = new Set(); // Holders of what nobody has given yet
    this._listeners = new Set();
    this._told = "";
    const given = options.urls?.length ? options.urls : [origin()];
    this.connection = new Connection({
      urls: given.map(addressOf),
      token: options.token ?? null,
      webSocket: options.webSocket ?? globalThis.WebSocket,
      changed: () => {
        this._learn();
        this._changed();
      },
      refused: (error) => {
        for (const holder of [...this._fetching]) holder.failed(error);
      },
    });
    this.tabs = options.persist ? new Tabs(options.persist, this, options.channel) : null;
    this._look = setInterval(() => this._lookAll(), LOOK_MS);
    this._drainAt = 0;
    this._drain = null;
    if (this.durable && !options.storage) {
      const locks = options.locks ?? globalThis.navigator.locks;
      this._drain = new Drain(options.persist, locks, storage, (...slot) => this._drained(...slot));
    }
    this._hide = (event) => {
      if (!event.persisted) this._leave();
    };
    globalThis.addEventListener?.("pagehide", this._hide);
    this.connection.offline = options.offline ?? false;
    this.connection.retry();
  }

  /** The wall clock, as near to the nodes' as is known: a browser's own may be wrong. */
  now() {
    return Date.now() + Math.round(this.connection.skewMs);
  }

  /** Whether it keeps itself cut off from every node. */
  get offline() {
    return this.connection.offline;
  }

  set offline(off) {
    this.connection.offline = off;
    this._changed();
  }

  /** {online, node, who, durable, pending, saved, refused, readOnly, error} of all collections together;
   * `durable`: whether what is written outlives this page; `online`: a node is connected, and serves;
   * `who`: the user that nodes take this page for, null where nobody is asked; `readOnly`: names of
   * collections of which that user may write nothing. */
  get status() {
    const { connection } = this;
    const status = {
      online: connection.online, node: connection.node, who: connection.who,
      durable: this.durable,
      pending: 0, saved: 0, refused: 0, readOnly: /** @type {string[]} */ ([]), error: connection.online ? null : connection.error,
    };
    let linked = this._holders.size === 0;
    for (const [collection, { replica, error }] of this._holders) {
      if (replica.writes?.length === 0) status.readOnly.push(collection);
      const its = replica.status;
      linked ||= its.online;
      for (const count of ["pending", "saved", "refused"]) status[count] += its[count];
      status.error ??= its.error ?? error;
    }
    status.online &&= linked;
    return status;
  }

  /** Be told of every change of the status; returns how to stop. */
  subscribe(tell) {
    this._listeners.add(tell);
    return () => this._listeners.delete(tell);
  }

  /** The replica of a collection: at once if this browser has it, else once a node has given it.
   * @param {string} collection @param {{timeoutS?: number}} options */
  async open(collection, { timeoutS = OPEN_S } = {}) {
    if (this.error) throw this.error;
    const known = this._holders.get(collection);
    if (known) return known.replica;
    if (!this._opening.has(collection)) {
      const opening = this._open(collection, timeoutS);
      this._opening.set(collection, opening);
      opening.finally(() => this._opening.delete(collection)).catch(() => undefined);
    }
    return this._opening.get(collection);
  }

  async _open(collection, timeoutS) {
    const prefix = this._prefix(collection);
    const options = { name: this._admittedAs() };
    const loaded = await loadReplica(options, this._storage, prefix, () => this.now());
    if (this.error) throw this.error;
    const holder = loaded ? new Holder(this, collection, loaded) : await this._fetch(collection, prefix, timeoutS);
    this._holders.set(collection, holder);
    holder.replica.author = this.name;
    holder.replica.subscribe(() => this._changed());
    this.tabs?.opened(collection, holder.replica);
    this._changed();
    return holder.replica;
  }

  /** A collection that this slot does not have: from a node, or from another tab. */
  async _fetch(collection, prefix, timeoutS) {
    let holder = null;
    try {
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Unavailable(`nobody gave the documents ${collection} yet`)),
          timeoutS * 1000,
        );
        const done = (settle) => (value) => {
          clearTimeout(timer);
          settle(value);
        };
        holder = new Holder(this, collection, null, (info) => {
          const options = { name: this._admittedAs() };
          const replica = newReplica(options, info, this._storage, prefix, () => this.now());
          replica.ready(timeoutS).then(done(() => resolve(holder)), done(reject));
          return replica;
        });
        holder.failed = done(reject);
        this._fetching.add(holder);
        this.tabs?.wanted(collection, (info) => holder.learn(info) && holder.replica);
      });
    } catch (error) {
      holder?.end();
      throw error;
    } finally {
      this._fetching.delete(holder);
    }
  }

  /** End: what is written is on the disk, what is unsent stays there. */
  async close() {
    if (this.error) return;
    this.error = new Closed("this store was closed");
    clearInterval(this._look);
    globalThis.removeEventListener?.("pagehide", this._hide);
    this.tabs?.close();
    if (!this.durable) await this._sent();
    this._leave();
    for (const { replica } of this._holders.values()) await replica.close();
    for (const holder of this._holders.values()) holder.end();
    this.connection.close();
    this._storage.close();
    this._slot.release();
  }

  /** A page that keeps nothing leaves for good: its replicas will not come back. */
  _leave() {
    if (this.durable) return;
    for (const { replica } of this._holders.values()) if (!replica.pending) replica.leave();
  }

  /** Give what is unsent a moment. */
  async _sent() {
    const holders = this.connection.online ? [...this._holders.values()] : [];
    await Promise.allSettled(holders.map(({ replica }) => replica.sent(LEAVE_S)));
  }

  _prefix(collection) {
    return `${this._slot.prefix}/${encodeURIComponent(collection)}`;
  }

  _admittedAs() {
    return this.name ? `${this.name} (browser)` : "browser";
  }

  _lookAll() {
    for (const holder of this._holders.values()) holder.look();
    if (!this._drain || !this.connection.online || Date.now() < this._drainAt) return;
    this._drainAt = Date.now() + DRAIN_MS;
    this._drain.run().catch((error) => {
      if (!this.error) console.warn("plait: what another page left is still unsent:", error.message);
    });
  }

  /** Ask the node that is connected where the others are: this page may need one of them. */
  async _learn() {
    const { url } = this.connection;
    if (url === null || Date.now() < this._learnAt || typeof fetch !== "function") return;
    const door = url.replace(/^ws/, "http").slice(0, -SOCKET.length);
    const { location } = globalThis;
    if (location?.origin && location.origin !== door) return; // pages may ask their own node only
    this._learnAt = Date.now() + LEARN_MS;
    try {
      const headers = this._token ? { Authorization: `Bearer ${this._token}` } : {};
      const answer = await fetch(`${door}/v1/status`, { headers });
      const { nodes = {} } = answer.ok ? await answer.json() : {};
      const doors = Object.values(nodes).map((node) => node?.doors?.http);
      this.connection.learn(doors.filter((one) => typeof one === "string").map(addressOf));
    } catch {
      // it may not say; then those that were given have to do
    }
  }

  /** A replica that another page left, linked, if it has anything to send. */
  async _drained(prefix, collection) {
    const at = `${prefix}/${encodeURIComponent(collection)}`;
    const options = { name: this._admittedAs() };
    const replica = await loadReplica(options, this._storage, at, () => this.now());
    if (!replica || replica.pending === 0) {
      await replica?.close();
      return null;
    }
    const holder = new Holder(this, collection, replica);
    return {
      sent: () => replica.sent(DRAINED_S),
      end: async () => {
        holder.end();
        await replica.close();
      },
    };
  }

  _changed() {
    const { status } = this;
    const told = JSON.stringify([{ ...status, error: status.error?.message ?? null }]);
    if (told === this._told) return;
    this._told = told;
    for (const tell of [...this._listeners]) tell(status);
  }
}

/** One replica, and its link with whichever node is connected. */
class Holder {
  /** @param {Core} core @param {any} replica or null, then `make` makes it of what a node says */
  constructor(core, collection, replica, make = null) {
    this.replica = replica;
    this.error = null; // why a node does not link it
    this.failed = () => undefined; // called with an error that will last
    this._core = core;
    this._make = make;
    this._linkedAt = 0;
    this._keptAt = 0;
    this._saved = -1;
    this._again = null;
    this._unlink = core.connection.link(collection, this);
  }

  /** A node linked it. @param {Map<string, any>} said */
  linked(said, say) {
    const info = readInfo(said);
    if (!this.learn(info)) return;
    this.error = null;
    this.replica.writes = info.writes;
    this._linkedAt = this._keptAt = Date.now();
    this.replica.linked(NODE, say);
  }

  /** What this collection is; false if it is not what is known here. */
  learn(info) {
    if (this.replica === null) this.replica = this._make(info);
    if (sameBytes(info.lineage, this.replica.info.lineage)) return true;
    this.error = new WrongLineage(
      `documents ${info.name} were dropped and made anew since: what is here belongs to the old ones`,
    );
    this.failed(this.error);
    return false;
  }

  heard(data) {
    if (this.replica) this.replica.received(NODE, data);
  }

  ended(error) {
    this.replica?.unlinked(NODE);
    if (error === null || !this._core.connection.online) return;
    this.error = error;
    if (LASTING.has(error.code)) this.failed(error);
    clearTimeout(this._again);
    this._again = setTimeout(() => {
      if (LASTING.has(error.code)) this._core.connection.again(this);
      else this._core.connection.leave(error.message); // another node may serve
    }, LASTING.has(error.code) ? AGAIN_MS : LOOK_MS);
    this._core._changed();
  }

  /** Whether the node is of any use: it takes this replica in, and keeps what is written. */
  look() {
    const { replica } = this;
    const { connection } = this._core;
    if (!connection.online || replica.syncing.vectorOf(NODE) === null) return;
    const now = Date.now();
    const { pending, saved, ready } = replica.status;
    if (ready && (pending === 0 || saved !== this._saved)) this._keptAt = now;
    this._saved = saved;
    if (!ready && now - this._linkedAt > TAKEN_MS) {
      connection.leave(`${connection.node} does not take this replica in`);
    } else if (now - this._keptAt > KEPT_MS) {
      connection.leave(`${connection.node} puts nothing of what is written here on its disk`);
    } else if (now - this._linkedAt > TAKEN_MS) connection.served();
  }

  end() {
    clearTimeout(this._again);
    this._unlink();
  }
}

export { NotLoaded, PlaitError };
