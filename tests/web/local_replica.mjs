// A replica of a collection for tests of documents: a shelf, and batches that are handed about by
// hand. The port is that of `client/replica.js`.

import { VersionVector } from "../../src/plait/doors/web/client/causality.js";
import { decode, encode } from "../../src/plait/doors/web/client/codec.js";
import { Batch, Event, Op, bigOf, eventsOf } from "../../src/plait/doors/web/client/event.js";
import { Shelf } from "../../src/plait/doors/web/client/shelf.js";

export class LocalReplica {
  constructor(replica, name = "notes") {
    this.replica = BigInt(replica);
    this.name = name;
    this.shelf = new Shelf();
    this.vector = new VersionVector();
    this.before = new VersionVector(); // what the last own batch had seen
    this.contexts = new Map(); // of other authors
    this.clock = 1000n << 16n;
    this.log = [];
    this.drafting = null;
    this.listeners = new Set();
    this.told = [];
    this.shelf.observer = (key, path, op, event, before, after) =>
      this.told.push({ key, path, op, event, before, after, own: event.replica === this.replica });
    this.present = () => {};
  }

  object = (key, path) => this.shelf.object(key, path);
  children = (key, path) => this.shelf.children(key, path);
  exists = (key) => this.shelf.exists(key);
  keys = (start, stop) => this.shelf.keys(start, stop);
  count = () => this.shelf.count();
  contended = (tags, key) => this.shelf.contended(tags, key);
  who = (replica) => `r${replica}`;
  onRefused = () => () => {};
  refused = () => [];

  listen(tell) {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  }

  tell() {
    const told = this.told;
    this.told = [];
    if (told.length) for (const tell of this.listeners) tell(told);
  }

  mutate(key, path, mutation, note) {
    const here = { replica: this.replica, context: this.vector };
    const ops = this.shelf.prepare(key, path, mutation, here, note);
    return this.write(ops);
  }

  clear(key, path) {
    this.write(this.shelf.prepareClear(key, path));
  }

  delete(key) {
    this.write(this.shelf.prepareDelete(key));
  }

  write(ops) {
    if (!ops.length) return null;
    if (this.drafting === null) this.clock += 1n;
    const first = (this.vector.get(this.replica) ?? 0) + 1;
    const seen = this.vector.copy();
    ops.forEach((op, i) => {
      this.shelf.apply(op, new Event(this.replica, first + i, this.clock, this.vector.copy()));
      this.vector.set(this.replica, first + i);
    });
    if (this.drafting) this.drafting.push(...ops);
    else this.log.push(this.batch(first, seen, ops));
    if (!this.drafting) this.tell();
    return [this.replica, first + ops.length - 1];
  }

  batch(first, seen, ops) {
    const news = [...seen].filter(([r, s]) => r !== this.replica && s > (this.before.get(r) ?? 0));
    this.before.merge(seen);
    return new Batch(this.replica, first, this.clock, news.sort((a, b) => (a[0] < b[0] ? -1 : 1)), ops);
  }

  begin() {
    this.shelf.mark();
    this.clock += 1n;
    this.drafting = [];
    this.first = (this.vector.get(this.replica) ?? 0) + 1;
    this.seen = this.vector.copy();
  }

  commit() {
    this.shelf.keep();
    if (this.drafting.length) this.log.push(this.batch(this.first, this.seen, this.drafting));
    this.drafting = null;
    this.tell();
  }

  discard() {
    this.shelf.rollback();
    this.vector = this.seen.copy();
    this.drafting = null;
    this.told = [];
  }

  /** Take what another has and this one lacks, over the wire. */
  hear(other) {
    for (const batch of other.log) this.deliver(wire(batch));
    this.tell();
  }

  deliver(batch) {
    if (batch.first <= (this.vector.get(batch.replica) ?? 0)) return;
    const context = this.contexts.get(batch.replica) ?? new VersionVector();
    this.contexts.set(batch.replica, context);
    context.merge(batch.seen);
    context.set(batch.replica, batch.last);
    if (batch.hlc > this.clock) this.clock = batch.hlc;
    for (const [op, event] of eventsOf(batch, context)) this.shelf.apply(op, event);
    this.vector.set(batch.replica, batch.last);
    this.log.push(batch);
  }
}

/** A batch as it arrives. */
function wire({ replica, first, hlc, seen, ops }) {
  const data = decode(encode([replica, first, hlc, seen, ops.map((op) => [op.key, op.path, op.body, op.kind])]));
  const heard = data[3].map(([author, seq]) => [bigOf(author), seq]);
  return new Batch(bigOf(data[0]), data[1], bigOf(data[2]), heard, data[4].map((one) => new Op(...one)));
}
