/**
 * Writing: an operation takes effect at once, a tick's operations become one batch.
 *
 * While a batch is open its operations are in the shelf and counted in the vector's own entry
 * (which may be ahead), and nobody outside has heard of them. It is sealed before anything of
 * another replica is delivered, unless a draft is open: then deliveries wait.
 *
 * Invariant: outside an open batch the vector is what the scope says. Mirrors engines/graph/writer.py.
 */

import { BadValue, Busy, ChangeOpen } from "./errors.js";
import { Event, Op, TOGETHER } from "./event.js";

const BATCH_OPS = 4096; // then a batch is sealed in the middle of a tick
const DRAFT_OPS_MAX = 60_000;

/** The open batch of one replica. */
export class Writer {
  /**
   * @param {{now: () => number, dirty: () => void, sealed: (batch: any) => void,
   *   discarded: () => void}} owner
   */
  constructor(owner) {
    this.error = null; // why nothing can be written now
    this.who = null; // the person, for what is written from now on
    this.drafting = false;
    this._message = null;
    this._owner = owner;
    this._ops = [];
  }

  /** The scope, its id or the shelf was exchanged. */
  bind(scope, shelf) {
    this._scope = scope;
    this._shelf = shelf;
    this._first = this._seq = scope.nextSeq;
    this._hlc = 0n;
    this._ops = [];
    this.drafting = false;
  }

  /** How many operations wait to be sealed. */
  get open() {
    return this._ops.length;
  }

  // ----------------------------------------------------------------------------- operations

  /** Prepare and apply; the event's dot, or null if nothing changed. */
  mutate(key, path, mutation, note = undefined) {
    this._look(key);
    const here = { replica: this._scope.replica, context: this._scope.vector };
    const noted = [];
    const keep = note && ((one) => noted.push(one));
    const ops = this._shelf.prepare(key, path, mutation, here, keep);
    if (!ops.length) return null;
    const dot = this._write(ops);
    if (noted.length) note(noted[0]);
    return dot;
  }

  /** Reset everything at and below the path. */
  clear(key, path) {
    this._look(key);
    const ops = this._shelf.prepareClear(key, path);
    if (ops.length) this._write(ops);
  }

  /** Hide the document, if it is there. */
  delete(key) {
    this._look(key);
    const ops = this._shelf.prepareDelete(key);
    if (ops.length) this._write(ops);
  }

  /** Apply an operation that was prepared elsewhere, as it is. @param {Op} op */
  write(op) {
    this._look(op.key);
    this._write([op]);
  }

  /** Write a batch that concerns the scope itself (or a beat), at once. */
  say(ops) {
    this.seal();
    const batch = this._scope.write(ops, this._scope.stamp(this._owner.now()));
    this._first = this._seq = this._scope.nextSeq;
    this._owner.sealed(batch);
    return batch;
  }

  _write(ops) {
    const { replica, vector } = this._scope;
    if (!this._ops.length) {
      this._hlc = this._scope.stamp(this._owner.now());
      this._owner.dirty();
    }
    for (const op of ops) {
      this._shelf.apply(op, new Event(replica, this._seq, this._hlc, vector));
      vector.set(replica, this._seq);
      this._seq += 1;
      this._ops.push(op);
    }
    if (this._ops.length >= BATCH_OPS && !this.drafting) this.seal();
    return [replica, this._seq - 1];
  }

  /** The open batch takes its place, if there is one and no draft holds it open. */
  seal() {
    if (this._ops.length && !this.drafting) this._seal(null, []);
  }

  _seal(message, more) {
    const ops = [...this._ops, ...more];
    this._ops = [];
    this._rewind();
    const batch = this._scope.write(ops, this._hlc, this.who, message);
    this._first = this._seq = this._scope.nextSeq;
    this._owner.sealed(batch);
  }

  /** Take the open batch out of the vector. */
  _rewind() {
    const { replica, vector } = this._scope;
    if (this._first > 1) vector.set(replica, this._first - 1);
    else vector.delete(replica);
  }

  // ----------------------------------------------------------------------------- drafts

  /** Open a draft. `ChangeOpen` if there is one. */
  begin(message) {
    this._look("");
    if (this.drafting) throw new ChangeOpen("a change of this collection is open already");
    this.seal();
    this._shelf.mark();
    this.drafting = true;
    this._message = message;
  }

  /** The draft becomes an ordinary batch. */
  commit() {
    this.drafting = false;
    this._shelf.keep();
    if (!this._ops.length) return;
    const several = new Set(this._ops.map((op) => op.key)).size > 1;
    this._seal(this._message, several ? [new Op("", [TOGETHER], null)] : []);
  }

  /** The draft never happened. */
  discard() {
    if (!this.drafting) return;
    this.drafting = false;
    this._shelf.rollback();
    this._rewind();
    this._ops = [];
    this._seq = this._first;
    this._owner.discarded();
  }

  _look(key) {
    if (this.error) throw this.error;
    if (key && this._scope.voids.unclean.has(key)) {
      throw new Busy(`document ${JSON.stringify(key)} is being rolled back: an edit was refused`);
    }
    if (this.drafting && this._ops.length >= DRAFT_OPS_MAX) {
      throw new BadValue(`a change has at most ${DRAFT_OPS_MAX} operations`);
    }
  }
}
