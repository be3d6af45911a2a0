// What covers a text, in stretches that are edited in place by events that have seen everything.
//
// Edits happen near each other: where the last one was is where the next search begins.
//
// Invariants: neighbouring spans differ; the last one is unmarked and endless, so nobody needs to know
// how long the text is; `_before` is the size of the spans before the one at `_at`. Ids are never
// changed in place.

import { inherited } from "./text_marks.js";
import { ENDLESS } from "./walker_records.js";
import { same } from "./walker_spans.js";

/** See the module. spans: [characters, ids] each. */
export class MarkSpans {
  constructor(spans) {
    this._sizes = spans.map(([size]) => size);
    this._ids = spans.map(([, ids]) => ids);
    this._sizes.push(ENDLESS);
    this._ids.push([]);
    this._at = 0;
    this._before = 0;
  }

  /** Whether nothing covers anything. */
  isUnmarked() {
    return this._ids.length === 1;
  }

  /** As they are, without the last. */
  frozen() {
    return this._sizes.slice(0, -1).map((size, index) => [size, this._ids[index]]);
  }

  /** Go to the span with the character before `pos`, or to the first; how far in it. */
  _seek(pos) {
    while (pos <= this._before && this._at) this._before -= this._sizes[--this._at];
    while (pos > this._before + this._sizes[this._at]) this._before += this._sizes[this._at++];
    return pos - this._before;
  }

  /** Characters of somebody who has seen all of this. */
  insert(pos, size, marks) {
    const past = this._seek(pos);
    const at = this._at;
    const sizes = this._sizes;
    const all = this._ids;
    if (past && past < sizes[at]) {
      sizes[at] += size;
      return;
    }
    const right = past ? at + 1 : at;
    const ids = inherited(past ? all[at] : [], all[right], marks);
    if (past && same(ids, all[at])) sizes[at] += size;
    else if (same(ids, all[right])) sizes[right] += size;
    else {
      sizes.splice(right, 0, size);
      all.splice(right, 0, ids);
    }
  }

  /** Characters go. */
  delete(pos, size) {
    const first = this._cut(pos);
    const at = this._at;
    const before = this._before;
    const last = this._cut(pos + size);
    this._at = at;
    this._before = before; // that is before all that goes
    this._sizes.splice(first, last - first);
    this._ids.splice(first, last - first);
    if (first && same(this._ids[first - 1], this._ids[first])) {
      this._sizes[first - 1] += this._sizes[first];
      this._sizes.splice(first, 1);
      this._ids.splice(first, 1);
    }
  }

  /** A mark covers characters, the latest of all marks. */
  mark(pos, size, lv) {
    const first = this._cut(pos);
    const stop = this._cut(pos + size);
    for (let index = first; index < stop; index++) this._ids[index] = [...this._ids[index], lv];
  }

  /** The span that begins at `pos`, if need be by cutting one in two. */
  _cut(pos) {
    const past = this._seek(pos);
    const at = this._at;
    if (!past) return at;
    if (past < this._sizes[at]) {
      this._sizes.splice(at + 1, 0, this._sizes[at] - past);
      this._ids.splice(at + 1, 0, this._ids[at]);
      this._sizes[at] = past;
    }
    return at + 1;
  }
}
