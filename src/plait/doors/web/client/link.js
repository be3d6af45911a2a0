/**
 * The connection to a node: one WebSocket for all collections, to any of several nodes, kept up.
 *
 *     -> [0, {protocol, token}]                  <- [0, {protocol, node, cluster, now_ms, who}]
 *     -> [1, id, collection]                     <- [1, id, info]        (again: the link begins anew)
 *     -> [2, id, bytes]                          <- [2, id, bytes]
 *     -> [3, id]                                 <- [4, id, code, message, details]
 *
 * A node that cannot be reached, ends the connection, or says nothing for too long is left for the
 * next one, with ever longer pauses and some chance in them; `online` and a call of `retry` end a
 * pause at once. A node that serves is stayed with.
 *
 * Invariant: there is at most one connection, and a subscriber is told that its link is gone before
 * it is told of another one.
 */

import { decode, encode } from "./codec.js";
import { BadFrame, PlaitError, Unavailable, VersionMismatch, errorOf } from "./errors.js";

export const PROTOCOL = 1;
const OPEN_MS = 5_000;
const SILENCE_MS = 20_000; // a node that is linked tells what it has every five seconds
const WATCH_MS = 5_000;
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 15_000;
const URLS_MAX = 64;
const STEADY_MS = 5_000; // a connection that stood so long began well
const BUFFERED_BYTES_MAX = 32 * 1024 * 1024;
const FATAL = new Set(["NotSignedIn", "VersionMismatch", "WrongCluster"]);

/** @typedef {{linked: (info: any, say: (data: Uint8Array) => void) => void,
 *   heard: (data: Uint8Array) => void, ended: (error: PlaitError|null) => void}} Subscriber */

/** Keeps a connection to one of several nodes. */
export class Connection {
  /**
   * @param {{urls: string[], token: string|null, webSocket: any, changed: () => void,
   *   refused: (error: PlaitError) => void}} options `refused`: no node will serve this page
   */
  constructor({ urls, token, webSocket, changed, refused }) {
    this.urls = urls;
    this.node = null; // the name of the node that is connected
    this.who = null; // who this node takes us for
    this.error = null; // why there is no connection
    this.skewMs = 0; // how far the node's clock is ahead of this machine's
    this._token = token;
    this._WebSocket = webSocket;
    this._changed = changed;
    this._refused = refused;
    this._links = new Map(); // id to {collection, subscriber, linked}
    this._ids = 0;
    this._url = "";
    this._next = Math.floor(Math.random() * urls.length);
    this._failures = 0;
    this._socket = null;
    this._cluster = null;
    this._timer = null;
    this._watch = null;
    this._heardAt = 0;
    this._openedAt = 0;
    this._off = false;
    this._closed = false;
    this._wake = () => this.retry();
    this._sleep = () => this._drop(new Unavailable("this machine is offline"));
    this._seen = () => {
      if (this._socket) this._lookAlive(); // a page that slept may have missed its end
      else if (globalThis.document?.visibilityState === "visible") this.retry();
    };
    globalThis.document?.addEventListener("visibilitychange", this._seen);
    globalThis.addEventListener?.("online", this._wake);
    globalThis.addEventListener?.("offline", this._sleep);
  }

  /** Further nodes, by the addresses of their doors. @param {Iterable<string>} urls */
  learn(urls) {
    this.urls = [...new Set([...this.urls, ...urls])].slice(0, URLS_MAX);
  }

  /** The address of the node that is connected, or null. */
  get url() {
    return this.online ? this._url : null;
  }

  /** Whether a node is connected. */
  get online() {
    return this.node !== null;
  }

  /** Whether it keeps itself cut off. */
  get offline() {
    return this._off;
  }

  set offline(off) {
    if (this._off === Boolean(off)) return;
    this._off = Boolean(off);
    if (this._off) this._drop(new Unavailable("cut off by this page"));
    else this.retry();
  }

  /** Begin; and whenever there is reason to think that it would succeed now. */
  retry() {
    if (this._socket || this._off || this._closed) return;
    clearTimeout(this._timer);
    this._connect();
  }

  /** Leave the node that is connected, which is of no use, for the next one. */
  leave(why) {
    this._failures += 1;
    this._drop(new Unavailable(why));
  }

  /** Say that it serves: the next pause is short again. */
  served() {
    this._failures = 0;
  }

  /**
   * Link a collection, now and on every connection to come; returns how to end that.
   * @param {string} collection @param {Subscriber} subscriber
   */
  link(collection, subscriber) {
    const id = (this._ids += 1);
    this._links.set(id, { collection, subscriber, linked: false });
    if (this.online) this._send([1, id, collection]);
    return () => {
      const known = this._links.get(id);
      this._links.delete(id);
      if (known && this.online) this._send([3, id]);
    };
  }

  /** End for good. */
  close() {
    this._closed = true;
    clearTimeout(this._timer);
    globalThis.document?.removeEventListener("visibilitychange", this._seen);
    globalThis.removeEventListener?.("online", this._wake);
    globalThis.removeEventListener?.("offline", this._sleep);
    this._drop(new Unavailable("closed"));
  }

  // ----------------------------------------------------------------------------- the socket

  _connect() {
    const url = this.urls[this._next % this.urls.length];
    this._url = url;
    this._next += 1;
    let socket;
    try {
      socket = new this._WebSocket(url);
    } catch (error) {
      this.error = new Unavailable(`${url}: ${error.message}`);
      this._pause();
      return;
    }
    socket.binaryType = "arraybuffer";
    this._socket = socket;
    this._heardAt = Date.now();
    const current = (act) => (event) => {
      if (this._socket === socket) act(event);
    };
    socket.onopen = current(() => this._send([0, { protocol: PROTOCOL, token: this._token }]));
    socket.onmessage = current((event) => this._received(event.data));
    socket.onerror = current(() => undefined); // `close` follows
    socket.onclose = current((event) => {
      this._drop(this.error ?? new Unavailable(`${url} ended the connection (${event?.code ?? 0})`));
    });
    this._timer = setTimeout(current(() => this._drop(new Unavailable(`${url} does not answer`))), OPEN_MS);
  }

  _received(data) {
    this._heardAt = Date.now();
    try {
      if (!(data instanceof ArrayBuffer)) throw new BadFrame("the node sent text");
      const message = decode(new Uint8Array(data));
      if (!Array.isArray(message)) throw new BadFrame("the node sent no message");
      this._heard(message);
    } catch (error) {
      if (!(error instanceof PlaitError)) throw error;
      this._failures += 1;
      this._drop(error);
    }
  }

  _heard([kind, id, ...rest]) {
    if (this.node === null && kind !== 0 && !(kind === 4 && id === 0)) {
      throw new BadFrame("the node did not say who it is");
    }
    const link = this._links.get(id);
    if (kind === 0) this._hello(id);
    else if (kind === 1 && link) this._linked(id, link, rest[0]);
    else if (kind === 2 && link?.linked) this._told(link, rest[0]);
    else if (kind === 4) this._ended(id, link, rest);
    else if (![1, 2, 4].includes(kind)) throw new BadFrame("the node sent an unknown message");
  }

  _hello(hello) {
    const said = hello instanceof Map ? hello : new Map();
    if (said.get("protocol") !== PROTOCOL) throw new VersionMismatch("the node speaks another protocol");
    const cluster = said.get("cluster") ?? null;
    if (this._cluster !== null && cluster !== this._cluster) {
      throw errorOf("WrongCluster", "the node belongs to another cluster than before");
    }
    clearTimeout(this._timer);
    this._cluster = cluster;
    this.node = String(said.get("node") ?? "node");
    this.who = said.get("who") ?? null;
    this.error = null;
    const nowMs = said.get("now_ms");
    if (Number.isSafeInteger(nowMs)) this.skewMs = nowMs - Date.now();
    this._openedAt = Date.now();
    this._watch = setInterval(() => this._lookAlive(), WATCH_MS);
    for (const [id, { collection }] of this._links) this._send([1, id, collection]);
    this._changed();
  }

  _linked(id, link, info) {
    if (link.linked) link.subscriber.ended(null);
    link.linked = true;
    link.subscriber.linked(info, (data) => {
      if (this._links.get(id) === link && link.linked) this._send([2, id, data]);
    });
  }

  _told(link, data) {
    if (!(data instanceof Uint8Array)) throw new BadFrame("the node said no bytes");
    link.subscriber.heard(data);
  }

  _ended(id, link, [code, message, details]) {
    const plain = details instanceof Map ? Object.fromEntries(details) : {};
    const error = errorOf(String(code), String(message), plain);
    if (id === 0) {
      this._failures += FATAL.has(error.code) ? 6 : 1; // asked again, but seldom
      this._drop(error);
      if (FATAL.has(error.code)) this._refused(error);
      return;
    }
    if (!link) return;
    link.linked = false;
    link.subscriber.ended(error);
  }

  /** Ask for a link again that a node has ended. @param {Subscriber} subscriber */
  again(subscriber) {
    for (const [id, link] of this._links) {
      if (link.subscriber === subscriber && !link.linked && this.online) {
        this._send([1, id, link.collection]);
      }
    }
  }

  _lookAlive() {
    const linked = [...this._links.values()].some((link) => link.linked);
    if (linked && Date.now() - this._heardAt > SILENCE_MS) {
      this._drop(new Unavailable(`${this.node} says nothing any more`));
    }
  }

  _send(message) {
    const socket = this._socket;
    if (!socket || socket.readyState !== 1) return;
    if (socket.bufferedAmount > BUFFERED_BYTES_MAX) {
      this._drop(new Unavailable(`${this.node} takes nothing in`));
      return;
    }
    socket.send(encode(message));
  }

  _drop(error) {
    const socket = this._socket;
    this._socket = null;
    clearTimeout(this._timer);
    clearInterval(this._watch);
    if (this.online && Date.now() - this._openedAt > STEADY_MS) this._failures = 0;
    const wasOnline = this.online;
    this.node = null;
    this.error = error;
    if (socket) {
      try {
        socket.close();
      } catch {
        // it never opened
      }
    }
    for (const link of this._links.values()) {
      if (!link.linked) continue;
      link.linked = false;
      link.subscriber.ended(error);
    }
    if (wasOnline || socket) this._changed();
    this._pause();
  }

  _pause() {
    clearTimeout(this._timer);
    if (this._closed || this._off) return;
    const longest = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(this._failures, 10));
    this._failures += 1;
    this._timer = setTimeout(() => this.retry(), longest * (0.5 + Math.random() / 2));
  }
}
