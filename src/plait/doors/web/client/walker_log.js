// What the events of one sequence did, in runs: positions as of each event's parents.
//
// A run is one of four: items inserted one after another; items deleted from one place, one after
// another, the way the delete key does; items deleted backwards, the way backspace does; or a mark,
// one unit that changes no items. Unit i of a run that begins at LV v is the event v + i.
//
// What is inserted is a *content*; a sequence brings the three functions that know them: `size`,
// `slice(content, start, stop)` and `joined(contents)`, all in items.
//
// Invariants: runs lie one behind the other, from `first` to `end`; within a run every event but the
// first has the one before as its only parent.

import { bisectRight } from "./walker_spans.js";

export const INSERT = 0;
export const DELETE = 1;
export const BACKSPACE = 2;
export const MARK = 3;

/** Columns of one length: starts (LVs), kinds, poss, sizes, contents. */
export class OpLog {
  static contentMax = 4096; // items; longer runs are not joined, for joining copies; tests make it small

  constructor(contents, first = 0) {
    this.known = contents; // the functions
    this.starts = [];
    this.kinds = [];
    this.poss = [];
    this.sizes = [];
    this.contents = [];
    this.end = first;
    this.marks = 0; // runs that are marks
  }

  get length() {
    return this.starts.length;
  }

  /** Append a run; `joins`: its first event came right after the last one of the log. */
  add(kind, pos, size, content, joins) {
    if (joins && this.starts.length && this._join(kind, pos, size, content)) {
      this.end += size;
      return;
    }
    if (kind === MARK) this.marks++;
    this.starts.push(this.end);
    this.kinds.push(kind);
    this.poss.push(pos);
    this.sizes.push(size);
    this.contents.push(content);
    this.end += size;
  }

  _join(kind, pos, size, content) {
    const at = this.starts.length - 1;
    const last = this.kinds[at];
    const before = this.poss[at];
    const had = this.sizes[at];
    if (kind === INSERT) {
      if (last !== INSERT || pos !== before + had || had + size > OpLog.contentMax) return false;
      this.contents[at] = this.known.joined([this.contents[at], content]);
    } else if (last === INSERT || last === MARK || kind === MARK) {
      return false;
    } else if (pos === before && (last === DELETE || had === 1) && (kind === DELETE || size === 1)) {
      this.kinds[at] = DELETE;
    } else if (pos === before - had && (last === BACKSPACE || had === 1)) {
      if (kind === DELETE && size !== 1) return false;
      this.kinds[at] = BACKSPACE;
    } else {
      return false;
    }
    this.sizes[at] = had + size;
    return true;
  }

  /** What the events from `start` to `stop` did, cut to them: {lv, kind, pos, size, content}. */
  runs(start, stop) {
    const found = [];
    if (start >= stop) return found;
    let index = bisectRight(this.starts, start) - 1;
    while (start < stop) {
      const first = this.starts[index];
      const kind = this.kinds[index];
      const size = this.sizes[index];
      let pos = this.poss[index];
      let content = this.contents[index];
      const end = Math.min(first + size, stop);
      const past = start - first;
      if (past || end - first < size) {
        if (kind === INSERT) {
          if (content !== null) content = this.known.slice(content, past, end - first);
          pos += past;
        } else if (kind === BACKSPACE) {
          pos -= past;
        }
      }
      found.push({ lv: start, kind, pos, size: end - start, content });
      start = end;
      index++;
    }
    return found;
  }

  /** Forget what the events from `end` on did. */
  cutBack(end) {
    while (this.starts.length && this.starts[this.starts.length - 1] >= end) {
      if (this.kinds[this.kinds.length - 1] === MARK) this.marks--;
      for (const column of this._columns()) column.pop();
    }
    const at = this.starts.length - 1;
    if (at >= 0 && this.end > end && this.starts[at] + this.sizes[at] > end) {
      this.sizes[at] = end - this.starts[at];
      if (this.kinds[at] === BACKSPACE && this.sizes[at] === 1) this.kinds[at] = DELETE;
      if (this.kinds[at] === INSERT) {
        this.contents[at] = this.known.slice(this.contents[at], 0, this.sizes[at]);
      }
    }
    this.end = end;
  }

  /** What the events before those of this log did. */
  prepend(before) {
    for (const name of ["starts", "kinds", "poss", "sizes", "contents"]) {
      this[name] = before[name].concat(this[name]);
    }
    this.marks += before.marks;
  }

  /** Forget what the events before an LV did. */
  drop(boundary) {
    if (boundary >= this.end) {
      for (const column of this._columns()) column.length = 0;
      this.marks = 0;
      return;
    }
    const index = bisectRight(this.starts, boundary) - 1;
    for (const column of this._columns()) column.splice(0, index);
    this.marks = this.kinds.reduce((sum, kind) => sum + (kind === MARK ? 1 : 0), 0);
    const past = boundary - this.starts[0];
    if (!past) return;
    this.starts[0] = boundary;
    this.sizes[0] -= past;
    if (this.kinds[0] === INSERT) {
      this.poss[0] += past;
      this.contents[0] = this.known.slice(this.contents[0], past, past + this.sizes[0]);
    } else if (this.kinds[0] === BACKSPACE) {
      this.poss[0] -= past;
    }
  }

  _columns() {
    return [this.starts, this.kinds, this.poss, this.sizes, this.contents];
  }
}
