/**
 * What a replica says of itself, to every peer and again before it is forgotten; what is known of
 * everybody is in `presence.js`, which is told the time here.
 *
 * Invariant: one timer, for whatever is due next, and none once this has ended.
 */

import { Presences } from "./presence.js";

const now = () => performance.now() / 1000;

/** One replica's part in presence. */
export class Presence {
  /** @param {any} owner the replica */
  constructor(owner) {
    this.known = new Presences();
    this._owner = owner;
    this._timer = null;
    this._ended = false;
  }

  /** Tell everybody something, null to leave. */
  say(value, livesS = undefined) {
    this._rename();
    const { replica, syncing } = this._owner;
    syncing.broadcast(this.known.set(replica, value, now(), this._owner.now(), livesS));
    this._arm();
  }

  /** A peer has just come. */
  greet() {
    for (const message of this.known.messages(now())) this._owner.syncing.broadcast(message);
  }

  /** What somebody says of itself. */
  heard(message) {
    this.known.hear(message, now());
    this._arm();
  }

  /** Be told (replica, value) of every change, null as value: it left; how to stop. */
  subscribe(tell) {
    this.known.listeners.add(tell);
    return () => this.known.listeners.delete(tell);
  }

  /** End; nothing is said any more. */
  close() {
    this._ended = true;
    clearTimeout(this._timer);
  }

  /** The replica may go on under another id. */
  _rename() {
    const { replica, syncing } = this._owner;
    for (const said of this.known.renamed(replica, now(), this._owner.now())) syncing.broadcast(said);
  }

  _arm() {
    clearTimeout(this._timer);
    const { deadline } = this.known;
    if (deadline === Infinity || this._ended) return;
    this._timer = setTimeout(() => {
      this._rename();
      const said = this.known.tick(now(), this._owner.now());
      if (said) this._owner.syncing.broadcast(said);
      this._arm();
    }, Math.max(1, (deadline - now()) * 1000));
  }
}
