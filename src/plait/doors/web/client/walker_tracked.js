// Items by name, wherever they are by now: for who wants to know what became of what was there.
//
// Items that were there in the beginning are named by `BASE` plus their position then, those that come
// later by numbers from 0 on, in the order in which they come. A deleted item stays, unseen, where it
// was, and can be revived; what is inserted goes behind the deleted ones at its place. A *piece* is
// [item, how many that were named after it].
//
// Invariants: `_ids` is sorted, and `_byId[i]` begins with item `_ids[i]`; `_runs` are all of them in
// order. The items of the beginning have no end, so there is always one behind every position.
// Absent: the leaves of `plait.types.walker.tracked`: undo in a browser goes over few steps.

import { BASE, ENDLESS } from "./walker_records.js";
import { bisectLeft, bisectRight } from "./walker_spans.js";

/** See the module. */
export class TrackedItems {
  constructor() {
    this.end = 0; // the name of the next item
    this._runs = [{ id: BASE, size: ENDLESS, here: true }];
    this._ids = [BASE];
    this._byId = [this._runs[0]];
  }

  // ------------------------------------------------------------------ what happens

  /** New items before the visible one at `pos`; their names. */
  insert(pos, size) {
    const run = { id: this.end, size, here: true };
    this.end += size;
    this._runs.splice(this._beginAt(pos), 0, run);
    this._ids.push(run.id);
    this._byId.push(run);
    return [run.id, size];
  }

  /** Visible items go; their names. */
  delete(pos, size) {
    const gone = [];
    while (size) {
      const run = this._runs[this._beginAt(pos)];
      if (run.size > size) this._cut(run, size);
      run.here = false;
      size -= run.size;
      const last = gone[gone.length - 1];
      if (last && last[0] + last[1] === run.id) last[1] += run.size;
      else gone.push([run.id, run.size]);
    }
    return gone;
  }

  /** Deleted items are there again, in a row from `pos` on; false, and nothing happens, if not all of
   * them were deleted. */
  revive(pieces, pos) {
    const runs = this._runsOf(pieces);
    if (runs.some((run) => run.here)) return false;
    for (const run of runs) run.here = true;
    const size = runs.reduce((sum, run) => sum + run.size, 0);
    const last = runs[runs.length - 1];
    if (this._position(runs[0]) === pos && this._position(last) + last.size === pos + size) return true;
    for (const run of runs) this._runs.splice(this._runs.indexOf(run), 1); // something stands between
    for (const run of runs) {
      this._runs.splice(this._beginAt(pos), 0, run);
      pos += run.size;
    }
    return true;
  }

  // ------------------------------------------------------------------ what there is

  /** The position of an item, or where it was. */
  place(item) {
    return this._position(this._runFrom(item));
  }

  /** Where items are that are here: [from, to]; ascending. */
  ranges(pieces) {
    const places = this._runsOf(pieces).filter((run) => run.here).map((run) => [this._position(run), run.size]);
    const found = [];
    for (const [pos, size] of places.sort((a, b) => a[0] - b[0])) {
      const last = found[found.length - 1];
      if (last && last[1] === pos) last[1] += size;
      else found.push([pos, pos + size]);
    }
    return found;
  }

  // ------------------------------------------------------------------ inside

  /** The index of the visible run that begins at a position; cut so if need be. */
  _beginAt(pos) {
    for (let index = 0; ; index++) {
      const run = this._runs[index];
      if (!run.here) continue;
      if (pos < run.size) {
        if (!pos) return index;
        this._cut(run, pos);
        return index + 1;
      }
      pos -= run.size;
    }
  }

  /** Cut a run behind so many items; the second part. */
  _cut(run, at) {
    const part = { id: run.id + at, size: run.size - at, here: run.here };
    run.size = at;
    this._runs.splice(this._runs.indexOf(run) + 1, 0, part);
    const index = bisectLeft(this._ids, part.id);
    this._ids.splice(index, 0, part.id);
    this._byId.splice(index, 0, part);
    return part;
  }

  _runFrom(item) {
    const run = this._byId[bisectRight(this._ids, item) - 1];
    return run.id === item ? run : this._cut(run, item - run.id);
  }

  _runsOf(pieces) {
    const found = [];
    for (let [item, size] of pieces) {
      while (size) {
        const run = this._runFrom(item);
        if (run.size > size) this._cut(run, size);
        found.push(run);
        item += run.size;
        size -= run.size;
      }
    }
    return found;
  }

  _position(wanted) {
    let pos = 0;
    for (const run of this._runs) {
      if (run === wanted) return pos;
      if (run.here) pos += run.size;
    }
    return pos;
  }
}
