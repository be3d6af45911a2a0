/**
 * How a replica stands: what of its own no node has yet, whether one is linked, what was refused.
 *
 * Invariant: `pending` is the operations that are open, written and not on a node's disk, or owed
 * anew; counting it costs what is new.
 */

import { Unavailable } from "./errors.js";

export const NODE = "node"; // the peer that is a node; the others are tabs of this browser

/** The status of one replica. */
export class Status {
  /** @param {any} replica */
  constructor(replica) {
    this._replica = replica;
    this._listeners = new Set();
    this._unsaved = []; // own batches that no node has: [last number, operations on documents]
    this._unsavedOps = 0;
    this._told = "";
  }

  // ----------------------------------------------------------------------------- what is unsaved

  /** How many own operations no node has on its disk yet. */
  get pending() {
    const { writer, renewal } = this._replica;
    return writer.open + renewal.owed + this._unsavedOps;
  }

  /** The scope or its id was exchanged: count what no node has. */
  recount() {
    const { scope, journal } = this._replica;
    this._unsaved = [];
    this._unsavedOps = 0;
    const own = scope.history.ofAuthor(scope.replica, journal?.saved ?? 0);
    for (const batch of own) this.wrote(batch);
  }

  /** An own batch was written. */
  wrote(batch) {
    let count = 0;
    for (const op of batch.ops) if (op.key) count += 1;
    this._unsaved.push([batch.last, count]);
    this._unsavedOps += count;
  }

  /** Something was heard: perhaps what a node has. */
  look() {
    const { scope, journal, syncing } = this._replica;
    const has = syncing.vectorOf(NODE);
    if (!has) return;
    const seq = Math.min(has.get(scope.replica) ?? 0, scope.nextSeq - 1);
    journal.noteSaved(seq);
    while (this._unsaved.length && this._unsaved[0][0] <= seq) {
      this._unsavedOps -= this._unsaved.shift()[1];
    }
  }

  // ----------------------------------------------------------------------------- telling

  /** {online, ready, pending, saved, refused, writes, quarantined, members, error, notices} */
  now() {
    const { scope, syncing, journal, writer, error } = this._replica;
    return {
      online: syncing.vectorOf(NODE) !== null,
      ready: scope.writable, // a member, which may write
      pending: this.pending,
      saved: journal.saved,
      refused: this._replica.refused().length,
      writes: this._replica.writes, // what keys may begin with, for a node to take what is written; null: anything
      quarantined: scope.quarantine.held.size, // batches that wait for the clock
      members: scope.members.remaining().length,
      error: error ?? writer.error,
      notices: [...syncing.notices],
    };
  }

  /** Be told when the status is another one; `always`: and whenever it may be. */
  subscribe(tell, always) {
    const listener = { tell, always };
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  /** Tell whoever wants to know, if there is news. */
  tell() {
    const { scope, syncing, writer, error } = this._replica;
    const told = JSON.stringify([
      syncing.vectorOf(NODE) !== null, scope.writable, this.pending,
      this._replica.refused().length, (error ?? writer.error)?.message,
      this._replica.writes,
    ]);
    const news = told !== this._told;
    this._told = told;
    for (const { tell, always } of [...this._listeners]) if (news || always) tell(this.now());
  }

  /** Resolves when something is so. `Unavailable`, with why, after `timeoutS`. */
  until(done, timeoutS, why) {
    if (done()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      let stop = () => undefined;
      const timer = setTimeout(() => end(() => reject(new Unavailable(why))), timeoutS * 1000);
      const look = () => {
        const { error } = this._replica;
        if (error) end(() => reject(error));
        else if (done()) end(resolve);
      };
      const end = (act) => {
        clearTimeout(timer);
        stop();
        act();
      };
      stop = this.subscribe(look, true);
    });
  }
}
