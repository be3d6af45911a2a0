/**
 * Keeping one replica of a scope and its peers at the same history: the sync protocol's core.
 *
 *     links      tells: own batches as they happen, what was seen
 *     asking     gets what is missing, and answers who asks
 *     identity   greets, admits, gives a used-up id up
 *
 * What is told unasked only makes it fast; telling what was seen and asking for what is missing
 * would do. So connections may break, and messages may be lost with them.
 *
 * Every call returns effects, to be carried out in their order: {kind: "send", peer, message},
 * "delivered" {batches}, "joined" {parcel}, "write" {ops}, "restart" {reason, retire}, "adopt"
 * {reason, lost, peer}, "heard" {peer, message}, "found" {notice}. A message leaves when everything
 * before it is durable. Time is an argument: seconds (`now`) and milliseconds since 1970 (`nowMs`).
 * Mirrors graph/exchange.py.
 */

import { Asking } from "./asking.js";
import { BadFrame, WrongLineage } from "./errors.js";
import { sameBytes } from "./event.js";
import { Identity } from "./identity.js";
import { Links } from "./links.js";

const COMPARE_S = 1.0;
const BEAT_S = 4.0; // and up to as much again: many browsers read what one writes

/** One replica's side of every connection of its scope. */
export class Exchange {
  /**
   * @param {import("./scope.js").Scope} scope @param {string} sync
   * @param {string} name of this replica, when it is admitted @param {bigint} incarnation
   */
  constructor(scope, sync, name, incarnation) {
    this.scope = scope;
    this._sync = sync;
    this._name = name;
    this._compareAt = 0;
    this._beatS = BEAT_S * (1 + Number(incarnation % 1000n) / 1000);
    this._begin(incarnation);
  }

  _begin(incarnation) {
    this.links = new Links(this.scope);
    this.asking = new Asking(this.links, this._sync);
    this.identity = new Identity(this.links, this._sync, this._name, incarnation);
  }

  /** The linked peers by name. */
  get peers() {
    return this.links.peers;
  }

  /** When `tick` has something to do. */
  get deadline() {
    const times = [this._compareAt];
    for (const peer of this.peers.values()) if (peer.tellAt !== null) times.push(peer.tellAt);
    if (this.asking.pull) times.push(this.asking.pull.deadline);
    if (this._beats) times.push(this.asking.quietSince + this._beatS);
    return Math.min(...times);
  }

  get _beats() {
    return this.scope.unsaid && this.scope.writable && !this.links.mute && this.peers.size > 0;
  }

  // ----------------------------------------------------------------------------- connections

  /** A connection to `peer` is open. */
  linked(peer, now, nowMs) {
    const known = this.links.add(peer);
    this.identity.greet(known, nowMs);
    return this._flush();
  }

  /** The connection broke. */
  unlinked(peer, now) {
    if (this.peers.delete(peer)) this.asking.unlinked(peer, now);
    return this._flush();
  }

  /** A message arrived. Raises `WrongLineage` or `BadFrame`: close the connection then. */
  received(peer, message, now, nowMs) {
    if (!sameBytes(message.lineage, this.scope.lineage)) {
      throw new WrongLineage("the peer's collection of this name began separately");
    }
    const known = this.peers.get(peer);
    if (!known || !(known.greeted || message.kind === "greeting")) return [];
    const handle = HANDLERS[message.kind];
    if (!handle) throw new BadFrame(`a message of an unknown kind: ${message.kind}`);
    handle(this, known, message, now, nowMs);
    return this._flush();
  }

  // ----------------------------------------------------------------------------- this replica

  /** An own batch was written. */
  wrote(batch, now) {
    this.asking.quietSince = now;
    this.links.spread([batch], null, now);
    this.identity.admitted();
    return this._flush();
  }

  /** Time passes. */
  tick(now, nowMs) {
    this.asking.took(this.scope.release(nowMs), null, now);
    this.asking.tick(now);
    for (const peer of this.peers.values()) {
      if (peer.tellAt !== null && now >= peer.tellAt) this.links.tell(peer, now, nowMs, false);
    }
    if (now >= this._compareAt) {
      this._compareAt = now + COMPARE_S;
      this.links.compare(now, nowMs);
      this.identity.tick(now, nowMs);
      this.asking.ask(now);
    }
    if (this._beats && now >= this.asking.quietSince + this._beatS) {
      this.asking.quietSince = now;
      this.links.out.push({ kind: "write", ops: [] });
    }
    return this._flush();
  }

  /** The scope goes on under a fresh id: link with every peer again. */
  renamed(incarnation) {
    this._begin(incarnation);
  }

  _flush() {
    const effects = this.links.flush();
    for (const effect of effects) if (effect.kind === "found") this.identity.noticed(effect.notice);
    return [...effects, ...this.links.flush()];
  }
}

const HANDLERS = {
  greeting(exchange, peer, message, now, nowMs) {
    exchange.identity.greeted(peer, message, now, nowMs);
    exchange.asking.ask(now);
  },
  standing(exchange, peer, message, now, nowMs) {
    exchange.identity.stands(peer, message, now, nowMs);
    exchange.asking.ask(now);
  },
  join: (exchange, peer, message) => exchange.identity.askedIn(peer, message),
  neighbours: () => undefined, // a leaf relays nothing, so it need not know who is linked
  ops: (exchange, peer, message, now, nowMs) => exchange.asking.ops(peer, message, now, nowMs),
  vector(exchange, peer, message, now, nowMs) {
    peer.saw(message.pairs);
    exchange.identity.clock(peer, message.nowMs, now, nowMs);
    exchange.asking.ask(now);
  },
  want: (exchange, peer, message) => exchange.asking.wanted(peer, message),
  part: (exchange, peer, message, now, nowMs) => exchange.asking.part(peer, message, now, nowMs),
  more(exchange, peer, { number, index }) {
    peer.sendParts(number, index, (part) => exchange.links.send(peer, part));
  },
  nothing: (exchange, peer, message, now) => exchange.asking.nothing(peer, message, now),
  presence: (exchange, peer, message) => exchange.links.out.push({ kind: "heard", peer: peer.name, message }),
  mergedHashes: () => undefined, // merge functions are not run in a browser
};
