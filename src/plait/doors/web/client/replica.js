/**
 * A browser's replica of one collection: it is read and written by plain calls, works without a
 * node, keeps what it has in the browser's storage, and syncs with whoever is linked.
 *
 *     mutate -> writer -> journal -> (durable) -> syncing -> peers
 *     peers -> syncing -> scope -> shelf, journal -> listeners
 *
 * Invariant: nothing of an own event leaves before it is durable, and memory is what the journal
 * holds. Mirrors engines/graph/replica.py and the port in engines/graph_port.py. Absent: merge
 * functions, and reading the past.
 */

import { Closed, PlaitError, StorageError } from "./errors.js";
import { encodePack } from "./event.js";
import { hlcMs } from "./hlc.js";
import { NOTED, WROTE } from "./journal.js";
import { Listeners } from "./listeners.js";
import { Presence } from "./presence_saying.js";
import { randomId } from "./random_id.js";
import { Refused } from "./refused.js";
import { writeAgain } from "./reissue.js";
import { Renewal } from "./renewal.js";
import { Saver } from "./saver.js";
import { NODE, Status } from "./status.js";
import { Syncing } from "./syncing.js";
import { Writer } from "./writer.js";

const COLLECT_MS = 2000;

/** @typedef {{name: string, lineage: Uint8Array, founder: bigint, sync: string, node: string}} Info */

/** This page's replica of one collection; made by `opening.js`. */
export class Replica {
  /**
   * @param {{name: string, sync: string}} options `name`: what others call this replica
   * @param {Info} info @param {any} scope @param {any} shelf @param {() => number} now wall clock
   */
  constructor(options, info, scope, shelf, now) {
    this.options = options;
    this.info = info;
    this.name = info.name;
    this.scope = scope;
    this.shelf = shelf; // what is read: for a moment not what the scope folds, see `renewal.js`
    this.now = now;
    this.randomId = randomId;
    this.error = null; // why nothing is synced or written
    this.writes = /** @type {string[]|null} */ (null); // what keys may begin with, to be taken; null: anything, as far as is known
    this.ids = [scope.replica]; // own ones, the latest last
    this.journal = /** @type {any} */ (null);
    this.listeners = new Listeners();
    this.presence = new Presence(this);
    this.standing = new Status(this);
    this._ticking = false;
    this._collectTimer = null;
    this._refused = new Refused((data) => this.journal.add(NOTED, ["refused", data]));
    this.writer = new Writer({
      now,
      dirty: () => this._soon(),
      sealed: (batch) => this._sealed(batch),
      discarded: () => this.listeners.forget(),
    });
    this.saver = new Saver(this, this._refused);
    this.renewal = new Renewal(this);
    this.bind();
  }

  /** Go on with a journal; from here on it syncs. */
  attach(journal) {
    this.journal = journal;
    this.syncing = new Syncing(this);
  }

  /** The scope, its id or the shelf was exchanged. */
  bind() {
    this.writer.bind(this.scope, this.scope.fold);
    this.listeners.watch(this.scope.fold, this.scope);
    this.standing.recount();
  }

  // ----------------------------------------------------------------------------- reading

  /** The person who is named for what is written from now on. */
  get author() {
    return this.writer.who;
  }

  set author(who) {
    this.settle();
    this.writer.who = who;
  }

  /** This replica's id now. */
  get replica() {
    return this.scope.replica;
  }

  /** What was delivered here, own writes included. Live: whoever keeps it copies it. */
  get vector() {
    return this.scope.vector;
  }

  /** Raise what keeps anything from being read. */
  check() {
    if (this.error instanceof Closed) throw this.error;
  }

  object(key, path) {
    return this.shelf.object(key, path);
  }

  children(key, path) {
    return this.shelf.children(key, path);
  }

  exists(key) {
    return this.shelf.exists(key);
  }

  keys(start = null, stop = null) {
    return this.shelf.keys(start, stop);
  }

  count() {
    return this.shelf.count();
  }

  contended(tags, key = null) {
    return this.shelf.contended(tags, key);
  }

  /** Be told of every batch that takes effect here, after it has; returns how to stop. */
  listen(tell) {
    return this.listeners.listen(tell);
  }

  /** The name that a replica was admitted under, or of an event the author that it names. */
  who(replica, seq = 0) {
    const batch = seq ? this.scope.history.batchAt([replica, seq]) : null;
    if (batch?.who) return batch.who;
    if (this.ids.includes(replica)) return this.writer.who ?? this.options.name;
    const founder = replica === this.scope.members.founder ? this.info.node : "";
    return this.scope.members.names.get(replica) || founder || replica.toString(16);
  }

  /** When an event was stamped, in milliseconds since 1970; null if its batch is not kept. */
  when(replica, seq) {
    const batch = this.scope.history.batchAt([replica, seq]);
    return batch ? hlcMs(batch.hlc) : null;
  }

  // ----------------------------------------------------------------------------- writing

  mutate(key, path, mutation, note = undefined) {
    return this.writer.mutate(key, path, mutation, note);
  }

  clear(key, path) {
    this.writer.clear(key, path);
  }

  delete(key) {
    this.writer.delete(key);
  }

  write(op) {
    this.writer.write(op);
  }

  /** Open a draft: what is written until `commit` becomes one batch. `ChangeOpen`. */
  begin(message = null) {
    this.writer.begin(message);
  }

  /** The draft becomes an ordinary batch. */
  commit() {
    this.writer.commit();
    this.syncing.resume();
  }

  /** The draft never happened. */
  discard() {
    this.writer.discard();
    this.syncing.resume();
  }

  /** Write a batch that concerns the scope itself. */
  say(ops) {
    if (this.writer.error) throw this.writer.error;
    this.writer.say(ops);
  }

  /** Resolves when everything written so far is on this browser's disk. */
  async flush() {
    this.settle();
    await this.journal.flush();
  }

  /** Resolves when a node has everything that was written so far. `Unavailable` after `timeoutS`. */
  async sent(timeoutS = 30) {
    await this.flush();
    await this.standing.until(() => this.pending === 0, timeoutS, "no node took what was written yet");
  }

  /** Resolves once this replica may write, and has what a peer had. */
  async ready(timeoutS = 15) {
    const has = () => this.scope.writable && this.syncing.caughtUp() && !this.renewal.adopting;
    await this.standing.until(has, timeoutS, `nobody gave the documents ${this.name} yet`);
  }

  // ----------------------------------------------------------------------------- status

  /** How many own operations no node has on its disk yet. */
  get pending() {
    return this.standing.pending;
  }

  /** See `status.js`. */
  get status() {
    return this.standing.now();
  }

  /** Be told when the status is another one; returns how to stop. */
  subscribe(tell) {
    return this.standing.subscribe(tell, false);
  }

  /** Something happened that the status may tell of. */
  looked() {
    this.standing.look();
    this.renewal.look();
    this.standing.tell();
  }

  /** Whether a node would take an edit of this document, as far as is known. @param {string} key */
  mayWrite(key) {
    return this.writes === null || this.writes.some((prefix) => key.startsWith(prefix));
  }

  // ----------------------------------------------------------------------------- refused edits

  /** Own edits that were refused elsewhere and rolled back here, oldest first. */
  refused() {
    return this._refused.listed();
  }

  /** A person is done with a refused edit. */
  dismiss(number) {
    this._refused.dismiss(number);
    this.looked();
  }

  /** Write a refused edit once more, on what there is now. */
  again(number) {
    for (const op of this._refused.get(number)?.ops ?? []) writeAgain(this, op);
  }

  /** Be told of every edit that is refused from now on; returns how to stop. */
  onRefused(tell) {
    this._refused.listeners.add(tell);
    return () => this._refused.listeners.delete(tell);
  }

  /** Something was found: a verdict on an own edit is kept for its person. */
  found(notice) {
    if (notice.kind !== "verdict") {
      this.syncing.note(`${notice.kind} ${notice.seq ?? ""}`);
      return;
    }
    const batch = this.scope.history.batchAt(notice.dot);
    if (batch && this.ids.includes(notice.dot[0])) this._refused.judged(batch, notice);
    this._soon();
  }

  // ----------------------------------------------------------------------------- presence

  /** Tell everybody something of this replica that is never stored, null to leave. */
  present(value, ttlS = undefined) {
    this.presence.say(value, ttlS);
  }

  /** What each replica says of itself now, this one included. @returns {Map<bigint, any>} */
  everybody() {
    return this.presence.known.everybody();
  }

  /** Be told (replica, value) of every change, null as value: it left; how to stop. */
  onPresence(tell) {
    return this.presence.subscribe(tell);
  }

  // ----------------------------------------------------------------------------- peers

  /** A connection to a peer is open; `say` sends it bytes, in order. */
  linked(peer, say) {
    if (this.error) return;
    this.syncing.linked(peer, say);
    this.presence.greet();
    this.looked();
  }

  /** The connection broke. */
  unlinked(peer) {
    this.syncing.unlinked(peer);
    this.looked();
  }

  /** A message arrived. Raises `BadFrame` or `WrongLineage`: close the connection then. */
  received(peer, data) {
    if (this.error) return;
    this.syncing.received(peer, data);
    this.looked();
  }

  // ----------------------------------------------------------------------------- life

  /** Seal the open batch; false if a draft is open. */
  settle() {
    if (this.writer.drafting) return false;
    this.writer.seal();
    return true;
  }

  /** Something of others took effect and is in the journal. */
  took() {
    this.listeners.tell();
    this._soon();
  }

  _sealed(batch) {
    this.journal.add(WROTE, encodePack([batch]));
    this.standing.wrote(batch);
    this.syncing.wrote(batch);
    this.listeners.tell(batch);
    this._soon();
  }

  _soon() {
    if (this._ticking) return;
    this._ticking = true;
    queueMicrotask(() => this._endOfTick());
  }

  _endOfTick() {
    this._ticking = false;
    if (this.error) return;
    this.settle();
    this._refused.tell();
    this.looked();
    this._collectTimer ??= setTimeout(() => this._collect(), COLLECT_MS);
  }

  /** Fold what is stable. */
  _collect() {
    this._collectTimer = null;
    if (this.error || !this.settle() || this.renewal.adopting) return;
    this.scope.collect();
  }

  /** Writing to storage failed (the error), or works again (null). */
  storageFailed(error) {
    if (this.error || this.renewal.adopting) return;
    this.writer.error = error;
    this.looked();
  }

  /** A mistake in this program: memory may hold half of something. What is on disk is whole. */
  torn(cause) {
    if (this.error) return;
    console.error(`plait: documents ${this.name} stop`, cause);
    const error = new StorageError(`documents ${this.name} are to be opened again: ${cause.message}`);
    this._end(error);
  }

  /** Stop being a member: this replica is not kept, and will not come back. */
  leave() {
    if (this.error || this.writer.drafting || !this.scope.writable) return;
    if (this.everybody().has(this.replica)) this.present(null);
    this.settle();
    if (this.scope.members.remaining().length > 1) {
      this.say([this.scope.retire(this.replica, this.scope.nextSeq)]);
    }
  }

  /** Stop; what was written is on its way to the disk. */
  async close() {
    if (this.error instanceof Closed) return;
    if (this.writer.drafting) this.discard();
    this.settle();
    if (!this.error) await this.journal.flush();
    this._end(new Closed(`documents ${this.name} were closed`));
  }

  _end(error) {
    this.error = this.writer.error = error;
    this.syncing.close();
    this.journal.close();
    clearTimeout(this._collectTimer);
    this.presence.close();
    this.looked();
  }
}
