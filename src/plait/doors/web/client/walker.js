// The walker: finds where an event's edit lands in the present (Eg-walker, with Fugue's order).
//
// An event's positions are as of its parents, but the present has seen more. The walker keeps the
// items of a concurrent stretch as records that know both versions, moves its *prepare version* to the
// event's parents (retreating what they have not seen, advancing what they have), finds the place
// there, and reads off where that is in the present. It begins at a critical boundary: nothing before
// it matters, so what stood there is one record of unknown items. Steady state has no walker at all;
// see walker_sequence.js. `plait.types.walker.walker` is the same in Python.
//
// Invariants: every event of [start, fed) was applied once; in the present all of them are; in the
// prepare version just those of `version`.
// Source: Gentle, Kleppmann (EuroSys 2025); Weidner, Kleppmann, "The Art of the Fugue" (2023).

import { Deletions } from "./walker_deletions.js";
import { BACKSPACE, INSERT, MARK } from "./walker_log.js";
import { BASE, ENDLESS, NONE, Record, Records, START } from "./walker_records.js";
import { bisectRight, same, union, without } from "./walker_spans.js";

/** A warm walker over the events from `start` on. `length`: of the present, which has seen everything
 * in the graph. Patches are [position, items deleted there, then what is inserted]. */
export class Walker {
  constructor(graph, log, start, length) {
    this._graph = graph;
    this._log = log;
    this.start = start;
    this.fed = start;
    this.records = new Records();
    this.version = [];
    this._heads = []; // of all events met
    this._unseen = []; // by the prepare version, latest first
    this._deletions = new Deletions();
    this.feed(graph.end);
    this._slack = this.records.now - length; // items of the base that never were
  }

  // ------------------------------------------------------------------ walking

  /** Take in events that are in the present already. */
  feed(stop) {
    const graph = this._graph;
    while (this.fed < stop) {
      const start = this.fed;
      const end = Math.min(graph.endOf(graph.spanAt(start)), stop);
      const parents = graph.parentsOf(start);
      if (same(parents, this._heads) && !same(this._heads, this.version)) {
        for (const run of this._log.runs(start, end)) this._applyUnseen(run);
        this._heads = [end - 1];
        this.fed = end;
        this._unseen = union([[start, end]], this._unseen);
        continue;
      }
      this.move(parents);
      for (const run of this._log.runs(start, end)) this._apply(run, null);
      this._happened(end);
    }
  }

  /** Of the sequence as of the prepare version. */
  length() {
    return this.records.prep - this._slack;
  }

  /** The first event that the prepare version has not seen; the next one if there is none. */
  firstUnseen() {
    return this._unseen.length ? this._unseen[this._unseen.length - 1][0] : this.fed;
  }

  /** The next event (or run) happens, at the prepare version; adds what it does to the present. */
  walk(run, patches) {
    this._apply(run, patches);
    this._happened(run.lv + run.size);
  }

  _happened(end) {
    this.fed = end;
    if (same(this._heads, this.version)) {
      this._heads = [end - 1];
    } else {
      const version = this.version;
      this._heads = [...this._heads.filter((head) => !version.includes(head)), end - 1];
    }
    this.version = [end - 1];
  }

  /** Look at the sequence from another version, which has seen all before `start`. */
  move(version) {
    if (same(version, this.version)) return;
    const start = this.start;
    if (version.length && version[0] < start) version = version.filter((lv) => lv >= start);
    let gone = [];
    let come = [];
    if (same(version, this._heads)) come = this._unseen;
    else if (this.version.every((head) => version.includes(head))) {
      come = this._graph.seenOf(version, this._unseen);
    } else if (version.length) [gone, come] = this._graph.difference(this.version, version);
    else gone = without([[start, this.fed]], this._unseen);
    for (const [low, high] of gone) this._deletions.shift(this.records, low, high, -1);
    for (let index = come.length - 1; index >= 0; index--) {
      this._deletions.shift(this.records, come[index][0], come[index][1], 1);
    }
    this._unseen = union(gone, without(this._unseen, come));
    this.version = version;
  }

  // ------------------------------------------------------------------ asking

  /** Where in the present a place of the prepare version is: behind the item left of it, or before
   * the one right of it. */
  locate(pos, left) {
    const records = this.records;
    if (!(left ? pos : this.length() - pos)) return left ? 0 : records.now - this._slack;
    const leaf = records.seek(left ? pos : pos + 1);
    let past = (left ? pos : pos + 1) - records.beforePrep;
    let found = null;
    for (const record of leaf.records) {
      if (record.state !== 1) continue;
      found = record;
      if (past <= record.size) break;
      past -= record.size;
    }
    const now = records.nowBefore(found);
    if (found.gone) return now;
    return left ? now + past : now + past - 1;
  }

  /** The items of the present in order, as runs: [item, size]; those that were there before the
   * walker began are negative. */
  present() {
    const found = [];
    for (const leaf of this.records.leaves) {
      for (const record of leaf.records) {
        const size = this.sizeOf(record);
        if (!record.gone && size > 0) found.push([record.id, size]);
      }
    }
    return found;
  }

  /** The size of a record without the items of the base that never were. */
  sizeOf(record) {
    const isLast = record.id < 0 && record.id + record.size >= BASE + ENDLESS;
    return isLast ? record.size - this._slack : record.size;
  }

  // ------------------------------------------------------------------ applying

  _apply(run, patches) {
    if (run.kind === INSERT) this._insert(run, patches);
    else if (run.kind === MARK) this._deletions.addMark(run.lv);
    else this._delete(run, patches);
  }

  _delete(run, patches) {
    const records = this.records;
    const backwards = run.kind === BACKSPACE;
    let { lv, pos, size: left } = run;
    while (left) {
      const leaf = records.seek(pos + 1);
      let past = pos + 1 - records.beforePrep; // the item is so many-th in the leaf
      let record = null;
      for (record of leaf.records) {
        if (record.state !== 1) continue;
        if (past <= record.size) break;
        past -= record.size;
      }
      record = this._cut(record, past, left, backwards);
      const size = record.size;
      records.setState(record, 2);
      if (!record.gone) {
        if (patches !== null) patches.push([records.nowBefore(record), size, null]);
        record.gone = true;
        records.count(record.leaf, 0, -size);
      }
      this._deletions.add(lv, record, backwards);
      if (backwards) pos -= size;
      lv += size;
      left -= size;
    }
  }

  /** Up to `count` items of a record as a record of their own: from its `past`-th on, or down. */
  _cut(record, past, count, backwards) {
    const first = backwards ? Math.max(past - count, 0) : past - 1;
    const stop = backwards ? past : first + count;
    if (stop < record.size) this.records.split(record, stop);
    return first ? this.records.split(record, first) : record;
  }

  _insert(run, patches) {
    const records = this.records;
    let leaf = records.seek(run.pos);
    let index = 0;
    let past = run.pos - records.beforePrep;
    let now = records.beforeNow;
    let left = START;
    if (past) {
      let record = null;
      for (record of leaf.records) {
        index++;
        if (record.state === 1) {
          if (past <= record.size) break;
          past -= record.size;
        }
        if (!record.gone) now += record.size;
      }
      left = record.id + past - 1;
      if (!record.gone) now += past;
      if (past < record.size) {
        records.split(record, past);
        leaf = record.leaf;
        index = leaf.records.indexOf(record) + 1;
      }
    }
    const [before, right] = this._place(leaf, index, left, run.lv);
    if (before !== null) {
      leaf = before.leaf;
      index = leaf.records.indexOf(before) + 1;
      now = records.nowBefore(before) + (before.gone ? 0 : before.size);
    }
    if (patches !== null) patches.push([now, 0, run.content]);
    this._put(run, leaf, index, left, right, 1);
  }

  /** Inserted items; they go on with the record that stands before them, or are a new one. */
  _put(run, leaf, index, left, right, state) {
    if (index && right === NONE) {
      const before = leaf.records[index - 1];
      const goesOn = before.id + before.size === run.lv && run.lv === left + 1;
      if (goesOn && before.state === state && !before.gone) {
        before.size += run.size;
        this.records.count(leaf, state ? run.size : 0, run.size);
        return;
      }
    }
    this.records.insert(new Record(run.lv, run.size, left, right, state, false, leaf), leaf, index);
  }

  /** Somebody who had seen all that is here did this; the prepare version does not see it. */
  _applyUnseen(run) {
    if (run.kind === INSERT) this._insertUnseen(run);
    else if (run.kind === MARK) this._deletions.addMark(run.lv);
    else this._deleteUnseen(run);
  }

  _insertUnseen(run) {
    const records = this.records;
    let leaf = records.seekNow(run.pos);
    let index = 0;
    let past = run.pos - records.beforeNow;
    let left = START;
    if (past) {
      let record = null;
      for (record of leaf.records) {
        index++;
        if (record.gone) continue;
        if (past <= record.size) break;
        past -= record.size;
      }
      left = record.id + past - 1;
      if (past < record.size) {
        records.split(record, past);
        leaf = record.leaf;
        index = leaf.records.indexOf(record) + 1;
      }
    }
    const behind = records.following(leaf, index);
    const right = behind !== null && behind.left === left ? behind.id : NONE;
    this._put(run, leaf, index, left, right, 0);
  }

  _deleteUnseen(run) {
    const records = this.records;
    const backwards = run.kind === BACKSPACE;
    let { lv, pos, size: left } = run;
    while (left) {
      const leaf = records.seekNow(pos + 1);
      let past = pos + 1 - records.beforeNow;
      let record = null;
      for (record of leaf.records) {
        if (record.gone) continue;
        if (past <= record.size) break;
        past -= record.size;
      }
      record = this._cut(record, past, left, backwards);
      const size = record.size;
      record.gone = true;
      records.count(record.leaf, 0, -size);
      this._deletions.add(lv, record, backwards);
      if (backwards) pos -= size;
      lv += size;
      left -= size;
    }
  }

  /** Which of the items that stand there at `index`, right of `left`, the new one comes after (null:
   * it comes first), and its right parent. */
  _place(leaf, index, left, lv) {
    const leaves = this.records.leaves;
    const between = []; // records that are not inserted yet in the prepare version
    let right = NONE;
    for (;;) {
      if (index === leaf.records.length) {
        if (leaf.index + 1 === leaves.length) break;
        leaf = leaves[leaf.index + 1];
        index = 0;
        continue;
      }
      const record = leaf.records[index];
      if (record.state) {
        if (record.left === left) right = record.id;
        break;
      }
      between.push(record);
      index++;
    }
    return [between.length ? this._integrate(between, left, right, lv) : null, right];
  }

  /** The record among the concurrent ones that the new item comes after, if any. */
  _integrate(between, left, right, lv) {
    let scanning = false;
    let found = null;
    const passed = []; // first items of records that were passed, in order of their ids
    const ends = new Map(); // of those
    for (const other of between) {
      if (other.left === left) {
        if (other.right === right) {
          if (this._graph.comesFirst(lv, other.id)) break;
          scanning = false;
        } else {
          scanning = this._isLeftOf(other.right, right);
        }
      } else {
        const at = bisectRight(passed, other.left) - 1;
        if (at < 0 || other.left >= ends.get(passed[at])) break; // it hangs on something further left
      }
      passed.splice(bisectRight(passed, other.id), 0, other.id);
      ends.set(other.id, other.id + other.size);
      if (!scanning) found = other;
    }
    return found;
  }

  /** Whether a right parent stands left of another; none is the end. */
  _isLeftOf(a, b) {
    if (a === NONE) return false;
    if (b === NONE) return true;
    const recordA = this.records.find(a);
    const recordB = this.records.find(b);
    return recordA === recordB ? a < b : this.records.isBefore(recordA, recordB);
  }
}
