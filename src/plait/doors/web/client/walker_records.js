// The records of a walker: runs of items in the order of the sequence, with what is known of each in
// two versions at once.
//
// The *prepare* version is the one that the walker looks at the sequence from: there an item is not
// inserted yet (0), inserted (1), or deleted (n - 1 times). In the *present* it is there, or gone.
// Records are runs of items that are alike: inserted one behind the other, and in the same state.
// They stand in leaves of a few dozen, each with its number of items that are visible in the prepare
// version and in the present. A search begins where the last one ended, or where the one before that
// did, for two people edit at two places. Items are named by the LV of the event that inserted them;
// those that were there before the walker began, by `BASE` plus their position then.
//
// Invariants: `leaf.prep` and `leaf.now` are the sums over its records; `beforePrep` and `beforeNow`
// the sums over the leaves before the one at `at`, and likewise those of `otherAt`; `ids` is sorted,
// and `records[i]` begins with item `ids[i]`.

import { bisectRight } from "./walker_spans.js";

export const BASE = -(2 ** 51); // numbers stay exact up to 2 ** 53
export const START = BASE - 1; // the left origin of what stands first
export const NONE = 2 ** 52; // no right parent
export const ENDLESS = 2 ** 50;

class Leaf {
  constructor(index) {
    this.index = index;
    this.records = [];
    this.prep = 0;
    this.now = 0;
  }
}

/** Items [id, id + size) of one insertion. */
export class Record {
  constructor(id, size, left, right, state, gone, leaf) {
    this.id = id;
    this.size = size;
    this.left = left; // the item that stood left of the first one when it was inserted
    this.right = right; // its right parent
    this.state = state; // in the prepare version
    this.gone = gone; // in the present
    this.leaf = leaf;
  }
}

/** All records of one walker. */
export class Records {
  static leafMax = 48; // records in a leaf; tests make it small

  constructor() {
    const leaf = new Leaf(0);
    const base = new Record(BASE, ENDLESS, START, NONE, 1, false, leaf);
    leaf.records.push(base);
    leaf.prep = leaf.now = ENDLESS;
    this.leaves = [leaf];
    this.ids = [BASE];
    this.records = [base];
    this.prep = ENDLESS; // items visible in the prepare version
    this.now = ENDLESS; // and in the present
    this.at = this.beforePrep = this.beforeNow = 0;
    this.otherAt = this.otherPrep = this.otherNow = 0;
  }

  // ------------------------------------------------------------------ finding

  /** The record that holds an item. */
  find(item) {
    return this.records[bisectRight(this.ids, item) - 1];
  }

  /** The leaf with the item that is visible at `pos` - 1 in the prepare version, counted from 0; the
   * sums before it are in `beforePrep` and `beforeNow`. */
  seek(pos) {
    const before = this.beforePrep;
    const leaf = this.leaves[this.at];
    if (before < pos && pos <= before + leaf.prep) return leaf;
    if (Math.abs(pos - this.otherPrep) < Math.abs(pos - before)) this._switch();
    return this._walk(pos, false);
  }

  /** Likewise, the leaf with the item that is at `pos` - 1 in the present. */
  seekNow(pos) {
    const before = this.beforeNow;
    const leaf = this.leaves[this.at];
    if (before < pos && pos <= before + leaf.now) return leaf;
    if (Math.abs(pos - this.otherNow) < Math.abs(pos - before)) this._switch();
    return this._walk(pos, true);
  }

  _walk(pos, present) {
    const leaves = this.leaves;
    let at = this.at;
    let prep = this.beforePrep;
    let now = this.beforeNow;
    while (at && pos <= (present ? now : prep)) {
      at--;
      prep -= leaves[at].prep;
      now -= leaves[at].now;
    }
    let leaf = leaves[at];
    while (pos > (present ? now + leaf.now : prep + leaf.prep)) {
      prep += leaf.prep;
      now += leaf.now;
      at++;
      leaf = leaves[at];
    }
    this.at = at;
    this.beforePrep = prep;
    this.beforeNow = now;
    return leaf;
  }

  /** The record at an index of a leaf, or the first one behind the leaf; null at the end. */
  following(leaf, index) {
    if (index < leaf.records.length) return leaf.records[index];
    return leaf.index + 1 < this.leaves.length ? this.leaves[leaf.index + 1].records[0] : null;
  }

  /** How many items of the present stand before a record. */
  nowBefore(record) {
    const leaf = record.leaf;
    const leaves = this.leaves;
    if (Math.abs(leaf.index - this.otherAt) < Math.abs(leaf.index - this.at)) this._switch();
    while (this.at > leaf.index) {
      this.at--;
      this.beforePrep -= leaves[this.at].prep;
      this.beforeNow -= leaves[this.at].now;
    }
    while (this.at < leaf.index) {
      this.beforePrep += leaves[this.at].prep;
      this.beforeNow += leaves[this.at].now;
      this.at++;
    }
    let now = this.beforeNow;
    for (const other of leaf.records) {
      if (other === record) break;
      if (!other.gone) now += other.size;
    }
    return now;
  }

  _switch() {
    [this.at, this.otherAt] = [this.otherAt, this.at];
    [this.beforePrep, this.otherPrep] = [this.otherPrep, this.beforePrep];
    [this.beforeNow, this.otherNow] = [this.otherNow, this.beforeNow];
  }

  /** Whether one record stands before another. */
  isBefore(a, b) {
    if (a.leaf !== b.leaf) return a.leaf.index < b.leaf.index;
    return a.leaf.records.indexOf(a) < a.leaf.records.indexOf(b);
  }

  // ------------------------------------------------------------------ changing

  /** Cut a record behind `at` items; the second part. */
  split(record, at) {
    const leaf = record.leaf;
    const id = record.id + at;
    const part = new Record(id, record.size - at, id - 1, NONE, record.state, record.gone, leaf);
    record.size = at;
    leaf.records.splice(leaf.records.indexOf(record) + 1, 0, part);
    const index = bisectRight(this.ids, id);
    this.ids.splice(index, 0, id);
    this.records.splice(index, 0, part);
    if (leaf.records.length > Records.leafMax) this._splitLeaf(leaf);
    return part;
  }

  /** Put a new record, which is in the present, into a leaf. */
  insert(record, leaf, index) {
    record.leaf = leaf;
    leaf.records.splice(index, 0, record);
    if (this.ids[this.ids.length - 1] < record.id) {
      this.ids.push(record.id);
      this.records.push(record);
    } else {
      const place = bisectRight(this.ids, record.id);
      this.ids.splice(place, 0, record.id);
      this.records.splice(place, 0, record);
    }
    this.count(leaf, record.state === 1 ? record.size : 0, record.size);
    if (leaf.records.length > Records.leafMax) this._splitLeaf(leaf);
  }

  /** Items of a leaf appeared (or went, below 0). */
  count(leaf, prep, now) {
    leaf.prep += prep;
    leaf.now += now;
    this.prep += prep;
    this.now += now;
    if (leaf.index < this.at) {
      this.beforePrep += prep;
      this.beforeNow += now;
    }
    if (leaf.index < this.otherAt) {
      this.otherPrep += prep;
      this.otherNow += now;
    }
  }

  /** The record's state in the prepare version. */
  setState(record, state) {
    if ((record.state === 1) !== (state === 1)) {
      this.count(record.leaf, state === 1 ? record.size : -record.size, 0);
    }
    record.state = state;
  }

  /** Add to the state of items. */
  shift(item, size, by) {
    let index = bisectRight(this.ids, item) - 1;
    let record = this.records[index];
    if (record.id !== item) {
      record = this.split(record, item - record.id);
      index++;
    }
    for (;;) {
      if (record.size > size) this.split(record, size);
      this.setState(record, record.state + by);
      size -= record.size;
      if (!size) return;
      index++;
      record = this.records[index];
    }
  }

  _splitLeaf(leaf) {
    const fresh = new Leaf(leaf.index + 1);
    fresh.records = leaf.records.splice(leaf.records.length >> 1);
    for (const record of fresh.records) {
      record.leaf = fresh;
      if (record.state === 1) fresh.prep += record.size;
      if (!record.gone) fresh.now += record.size;
    }
    leaf.prep -= fresh.prep;
    leaf.now -= fresh.now;
    const leaves = this.leaves;
    leaves.splice(fresh.index, 0, fresh);
    for (let index = fresh.index + 1; index < leaves.length; index++) leaves[index].index = index;
    if (this.at > leaf.index) this.at++;
    if (this.otherAt > leaf.index) this.otherAt++;
  }
}
