// Marking: what covers the text at a boundary, found from what covered it at an earlier one.
//
// At a critical boundary nothing counts but the visible text, so spans of it with the marks that cover
// them are all there is to know. Events that have seen everything change the spans where they say; a
// concurrent stretch is walked, from the critical boundary where it begins, and each mark and each
// insertion in it is compared with those of the other branches. `plait.types.text.marking` is the same.
//
// A `Marked` is {at (LV), spans, marks}: what covers the text when the events before a critical boundary
// have happened. Invariants: neighbouring spans differ; behind the last one nothing is marked.

import { MarkSpans } from "./text_mark_spans.js";
import { inherited } from "./text_marks.js";
import { BACKSPACE, INSERT, MARK } from "./walker_log.js";
import { BASE, ENDLESS } from "./walker_records.js";
import { ascending, bisectLeft, bisectRight, same } from "./walker_spans.js";
import { Walker } from "./walker.js";

/** What covers the text at `stop`, a critical boundary, comes last; before it, what did where the last
 * concurrent stretch on the way began, if there was one. */
export function replay(graph, log, start, stop) {
  let spans = new MarkSpans(start.spans);
  const marks = new Map(start.marks);
  let at = start.at;
  let found = [];
  while (at < stop) {
    if (spans.isUnmarked()) at = Math.max(at, beforeNextMark(graph, log, at, stop));
    const [direct, then] = stretchAfter(graph, at);
    goStraight(graph, log, spans, marks, at, Math.min(direct, stop));
    at = Math.min(direct, stop);
    if (at < stop) {
      found = [markedAt(at, spans, marks)];
      at = Math.min(then, stop);
      spans = new MarkSpans(new Stretch(graph, log, found[0], marks).walk(at));
    }
  }
  return [...found, markedAt(stop, spans, marks)];
}

function markedAt(at, spans, marks) {
  const frozen = spans.frozen();
  const covering = new Set(frozen.flatMap(([, ids]) => ids));
  return { at, spans: frozen, marks: new Map(ascending(covering).map((lv) => [lv, marks.get(lv)])) };
}

/** The last critical boundary before which nothing is marked. */
function beforeNextMark(graph, log, at, stop) {
  const index = log.kinds.indexOf(MARK, Math.max(bisectRight(log.starts, at) - 1, 0));
  return index < 0 ? stop : Math.min(graph.critical(log.starts[index]), stop);
}

/** From a critical boundary on: until where all boundaries are critical, and the next that is critical
 * behind those that are not. */
function stretchAfter(graph, at) {
  const index = bisectRight(graph.critFrom, at) - 1;
  const direct = index >= 0 ? Math.max(graph.critTo[index], at) : at;
  const behind = index + 1 < graph.critFrom.length;
  return [direct, behind ? graph.critFrom[index + 1] : graph.end];
}

/** Events each of which has seen all before it. */
function goStraight(graph, log, spans, marks, start, stop) {
  for (const run of log.runs(start, stop)) {
    if (run.kind === MARK) {
      marks.set(run.lv, markOf(graph, run, []));
      spans.mark(run.pos, run.content[0], run.lv);
    } else if (run.kind === INSERT) {
      spans.insert(run.pos, run.size, marks);
    } else {
      spans.delete(run.kind === BACKSPACE ? run.pos - run.size + 1 : run.pos, run.size);
    }
  }
}

function markOf(graph, run, rivals) {
  const [, name, value, expand] = run.content;
  const span = graph.spanAt(run.lv);
  const nth = (run.lv - graph.starts[span]) % graph.widths[span];
  const [author, seq] = graph.seqOf(run.lv);
  return { lv: run.lv, author, seq, nth, name, value, expand, rivals };
}

/**
 * A concurrent stretch from a critical boundary on.
 *
 * Of items it is known what covers them, and which marks reach over them: those whose first and last
 * character (rule 3) stand left and right of them, or are they. What is inserted between two items is
 * strictly inside just the marks that reach over both. `_starts` has the items where that changes,
 * `_ids` and `_over` what is so from there on.
 */
class Stretch {
  constructor(graph, log, start, marks) {
    this._graph = graph;
    this._log = log;
    this._start = start.at;
    this._marks = marks; // those before; the new ones are added
    this._new = []; // the marks of the stretch
    this._seen = new Set(); // those of the prepare version
    this._walker = new Walker(graph, log, graph.end, ENDLESS); // which has met nothing
    this._walker.start = this._walker.fed = start.at;
    this._starts = [];
    this._ids = [];
    this._over = [];
    let item = BASE;
    for (const [size, ids] of [...start.spans, [ENDLESS, []]]) {
      this._starts.push(item);
      this._ids.push(ids);
      this._over.push([]);
      item += size;
    }
  }

  /** The spans when all events before `stop` have happened. */
  walk(stop) {
    const graph = this._graph;
    let at = this._start;
    while (at < stop) {
      const end = Math.min(graph.endOf(graph.spanAt(at)), stop);
      this._move(graph.parentsOf(at));
      for (const run of this._log.runs(at, end)) {
        if (run.kind === INSERT) this._insert(run);
        else if (run.kind === MARK) this._mark(run);
        else this._walker.walk(run, null);
      }
      at = end;
    }
    return this._spans();
  }

  /** Look from another version. */
  _move(version) {
    const walker = this._walker;
    version = version.filter((lv) => lv >= this._start);
    if (this._new.length && !same(version, walker.version)) {
      const [gone, come] = this._graph.difference(walker.version, version);
      for (const [low, high] of gone) for (const lv of this._newIn(low, high)) this._seen.delete(lv);
      for (const [low, high] of come) for (const lv of this._newIn(low, high)) this._seen.add(lv);
    }
    walker.move(version);
  }

  _newIn(low, high) {
    return this._new.slice(bisectLeft(this._new, low), bisectLeft(this._new, high));
  }

  // ------------------------------------------------------------------ the rules

  _insert(run) {
    const records = this._walker.records;
    const left = run.pos ? this._seenAt(visible(records, run.pos - 1, 1)[0][0]) : [];
    const right = this._seenAt(visible(records, run.pos, 1)[0][0]);
    let ids = inherited(left, right, this._marks);
    this._walker.walk(run, null);
    const [before, behind] = neighbours(records, run.lv, run.size);
    let over = this._over[this._index(behind)];
    if (over.length && before !== null) {
      const also = this._over[this._index(before)];
      over = over.filter((lv) => also.includes(lv));
      const inside = over.filter((lv) => !this._seen.has(lv));
      if (inside.length) ids = ascending([...ids, ...inside]);
    } else {
      over = [];
    }
    this._starts.push(run.lv);
    this._ids.push(ids);
    this._over.push(over);
  }

  _mark(run) {
    const walker = this._walker;
    const covered = visible(walker.records, run.pos, run.content[0]);
    const past = this._graph.since(walker.version, this._start).reverse();
    walker.walk(run, null);
    const name = run.content[1];
    const rivals = this._new.filter((lv) => !this._seen.has(lv) && this._marks.get(lv).name === name);
    this._marks.set(run.lv, markOf(this._graph, run, rivals));
    this._new.push(run.lv);
    this._seen.add(run.lv);
    for (const [item, size] of covered) this._add(this._ids, item, item + size, run.lv);
    const [lastItem, lastSize] = covered[covered.length - 1];
    for (const [low, high] of between(walker.records, covered[0][0], lastItem + lastSize - 1)) {
      this._add(this._over, low, high, run.lv);
      if (low < 0) continue;
      for (const [first, stop] of without(past, low, high)) this._add(this._ids, first, stop, run.lv);
    }
  }

  // ------------------------------------------------------------------ what covers which item

  _index(item) {
    return bisectRight(this._starts, item) - 1;
  }

  /** The marks that cover an item, as far as the prepare version has seen them. */
  _seenAt(item) {
    const ids = this._ids[this._index(item)];
    if (!this._new.length || !ids.length || ids[ids.length - 1] < this._start) return ids;
    return ids.filter((lv) => lv < this._start || this._seen.has(lv));
  }

  /** The latest mark, on items. */
  _add(column, low, high, lv) {
    const first = this._cut(low);
    const stop = this._cut(high);
    for (let index = first; index < stop; index++) column[index] = [...column[index], lv];
  }

  _cut(item) {
    const index = bisectLeft(this._starts, item);
    if (index === this._starts.length || this._starts[index] !== item) {
      this._starts.splice(index, 0, item);
      this._ids.splice(index, 0, this._ids[index - 1]);
      this._over.splice(index, 0, this._over[index - 1]);
    }
    return index;
  }

  /** What covers the items that are left, in order; up to the last one that is marked. */
  _spans() {
    const found = [];
    const starts = this._starts;
    for (let [item, size] of this._walker.present()) {
      let index = this._index(item);
      while (size) {
        const behind = index + 1 < starts.length ? starts[index + 1] : item + size;
        const part = Math.min(size, behind - item);
        const last = found[found.length - 1];
        if (last && same(last[1], this._ids[index])) last[0] += part;
        else found.push([part, this._ids[index]]);
        item += part;
        size -= part;
        index++;
      }
    }
    while (found.length && !found[found.length - 1][1].length) found.pop();
    return found;
  }
}

// ------------------------------------------------------------------ items

/** What is left of a range without others, which are in order. */
function without(ranges, low, high) {
  const found = [];
  for (const [first, stop] of ranges) {
    if (stop <= low) continue;
    if (first >= high) break;
    if (low < first) found.push([low, first]);
    low = Math.max(low, stop);
  }
  if (low < high) found.push([low, high]);
  return found;
}

/** The items that stand before (or null) and behind a run, whether they show or not. There is always
 * one behind, for what was there before the walker began has no end. */
function neighbours(records, item, size) {
  const record = records.find(item);
  const leaf = record.leaf;
  const index = leaf.records.indexOf(record);
  let before = null;
  if (record.id < item) {
    before = item - 1;
  } else if (index) {
    before = leaf.records[index - 1].id + leaf.records[index - 1].size - 1;
  } else if (leaf.index) {
    const others = records.leaves[leaf.index - 1].records;
    const other = others[others.length - 1];
    before = other.id + other.size - 1;
  }
  if (record.id + record.size > item + size) return [before, item + size];
  if (index + 1 < leaf.records.length) return [before, leaf.records[index + 1].id];
  return [before, records.leaves[leaf.index + 1].records[0].id];
}

/** The items from one to another in their order, both among them; ranges. */
function between(records, first, last) {
  const found = [];
  let record = records.find(first);
  let leaf = record.leaf;
  let index = leaf.records.indexOf(record);
  for (;;) {
    record = leaf.records[index];
    const low = found.length ? record.id : Math.max(first, record.id);
    if (record.id <= last && last < record.id + record.size) return [...found, [low, last + 1]];
    found.push([low, record.id + record.size]);
    index++;
    if (index === leaf.records.length) {
      leaf = records.leaves[leaf.index + 1];
      index = 0;
    }
  }
}

/** Items that are visible in the prepare version, from a position on: [item, size] each. */
function visible(records, pos, size) {
  let leaf = records.seek(pos + 1);
  let past = pos - records.beforePrep;
  const found = [];
  for (;;) {
    for (const record of leaf.records) {
      if (record.state !== 1) continue;
      if (past >= record.size) {
        past -= record.size;
        continue;
      }
      const part = Math.min(record.size - past, size);
      found.push([record.id + past, part]);
      past = 0;
      size -= part;
      if (!size) return found;
    }
    leaf = records.leaves[leaf.index + 1];
  }
}
