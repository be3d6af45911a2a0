/**
 * Syncing: the exchange of one replica, its peers' connections, and its effects on storage.
 *
 * What the exchange delivers goes into the journal before the messages that tell of it may leave,
 * and these wait until it is durable. While a draft is open whatever arrives waits. Empty bytes
 * instead of a message ask the other side to begin the link anew. Mirrors engines/graph/syncing.py.
 */

import { BadFrame, ClockWrong, PlaitError, Refused } from "./errors.js";
import { encodePack } from "./event.js";
import { Exchange } from "./exchange.js";
import { DELIVERED, JOINED } from "./journal.js";
import { decodeMessage, encodeMessage } from "./messages.js";

const RELINK = new Uint8Array(0);
const HELD_MESSAGES_MAX = 4096; // that arrived while a draft is open
const NOTICES_MAX = 32;

/** One replica's peers. */
export class Syncing {
  /** @param {any} owner the replica */
  constructor(owner) {
    this.notices = []; // for people
    this._owner = owner;
    this._says = new Map();
    this._arrived = [];
    this._timer = null;
    this._closed = false;
    this.begin();
  }

  /** Another scope, or another id: every link begins anew. */
  begin() {
    const { scope, options } = this._owner;
    this.exchange = new Exchange(scope, options.sync, options.name, this._owner.randomId());
  }

  /** Link with every peer anew, on the connections that stand. */
  greetAgain() {
    for (const [peer, say] of this._says) {
      this._owner.journal.when(() => say(RELINK));
      this._do((now, nowMs) => this.exchange.linked(peer, now, nowMs));
    }
  }

  // ----------------------------------------------------------------------------- connections

  /** A connection is open, or begins anew. @param {string} peer @param {(data: Uint8Array) => void} say */
  linked(peer, say) {
    if (this._says.has(peer)) this.unlinked(peer);
    this._says.set(peer, say);
    this._do((now, nowMs) => this.exchange.linked(peer, now, nowMs));
  }

  /** The connection broke. */
  unlinked(peer) {
    if (!this._says.delete(peer)) return;
    this._arrived = this._arrived.filter(([from]) => from !== peer);
    this._do((now) => this.exchange.unlinked(peer, now));
  }

  /** A message arrived. Raises `BadFrame` or `WrongLineage`: close the connection then. */
  received(peer, data) {
    if (!this._says.has(peer)) return;
    if (!this._owner.settle()) {
      if (this._arrived.length >= HELD_MESSAGES_MAX) {
        throw new BadFrame("too many messages while a change is open");
      }
      this._arrived.push([peer, data]);
      return;
    }
    if (!data.length) {
      this._do((now) => this.exchange.unlinked(peer, now));
      this._do((now, nowMs) => this.exchange.linked(peer, now, nowMs));
      return;
    }
    const message = decodeMessage(data);
    this._do((now, nowMs) => this.exchange.received(peer, message, now, nowMs));
  }

  /** The draft is closed: hear what arrived meanwhile. */
  resume() {
    const arrived = this._arrived;
    this._arrived = [];
    for (const [peer, data] of arrived) {
      try {
        this.received(peer, data);
      } catch (error) {
        if (!(error instanceof PlaitError)) throw error;
        this.note(`${peer}: ${error.message}`);
        this.unlinked(peer);
      }
    }
  }

  /** An own batch was sealed, and is in the journal. */
  wrote(batch) {
    if (this._closed) return;
    this._carryOut(this.exchange.wrote(batch, this._now()));
    this._arm();
  }

  /** Tell every peer something that rides along. */
  broadcast(message) {
    for (const peer of this._says.keys()) this._send(peer, message);
  }

  // ----------------------------------------------------------------------------- what is known

  /** What a peer said that it has, or null. */
  vectorOf(peer) {
    const known = this.exchange.peers.get(peer);
    return known?.greeted ? known.vector : null;
  }

  /** Whether no peer is known to have more, and at least one was heard. */
  caughtUp() {
    const heard = [...this.exchange.peers.values()].filter((peer) => peer.greeted);
    return heard.length > 0 && !heard.some((peer) => this._owner.scope.lacks(peer.vector));
  }

  /** Something for people. */
  note(text) {
    this.notices.push(text);
    if (this.notices.length > NOTICES_MAX) this.notices.shift();
  }

  /** Say nothing any more. */
  close() {
    this._closed = true;
    this._says.clear();
    clearTimeout(this._timer);
  }

  // ----------------------------------------------------------------------------- effects

  _now() {
    return performance.now() / 1000;
  }

  _do(step) {
    if (this._closed) return;
    this._owner.settle();
    let effects;
    try {
      effects = step(this._now(), this._owner.now());
    } catch (error) {
      if (error instanceof PlaitError) throw error;
      this._owner.torn(error);
      return;
    }
    this._carryOut(effects);
    this._arm();
  }

  _carryOut(effects) {
    const owner = this._owner;
    for (const effect of effects) {
      if (this._closed) return;
      if (effect.kind === "send") this._send(effect.peer, effect.message);
      else if (effect.kind === "delivered") {
        owner.journal.add(DELIVERED, encodePack(effect.batches));
        owner.took();
      } else if (effect.kind === "joined") {
        owner.journal.add(JOINED, effect.parcel.data);
        owner.took();
      } else if (effect.kind === "write") this._write(effect.ops);
      else if (effect.kind === "restart") owner.renewal.restart(effect.reason, effect.retire);
      else if (effect.kind === "adopt") owner.renewal.adopt(effect.reason, effect.lost);
      else if (effect.kind === "heard") owner.presence.heard(effect.message);
      else if (effect.kind === "found") owner.found(effect.notice);
    }
  }

  _send(peer, message) {
    const say = this._says.get(peer);
    if (!say) return;
    const data = encodeMessage(this._owner.scope.lineage, message);
    this._owner.journal.when(() => {
      if (this._says.get(peer) === say) say(data);
    });
  }

  _write(ops) {
    try {
      this._owner.say(ops);
    } catch (error) {
      if (!(error instanceof ClockWrong || error instanceof Refused)) throw error;
      this.note(`cannot write what is owed: ${error.message}`);
    }
  }

  _tick() {
    this._timer = null;
    if (this._owner.settle()) this._do((now, nowMs) => this.exchange.tick(now, nowMs));
    else this._arm();
    this._owner.looked();
  }

  _arm() {
    clearTimeout(this._timer);
    this._timer = null;
    if (this._closed || !(this._says.size || this._owner.scope.quarantine.starts.size)) return;
    const delayMs = Math.max((this.exchange.deadline - this._now()) * 1000, 1);
    this._timer = setTimeout(() => this._tick(), Math.min(delayMs, 60_000));
  }
}
