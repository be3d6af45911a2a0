// What the deletions that a walker met deleted.
//
// Invariants: `_starts` (LVs) is sorted and the runs do not overlap. A run of size n deleted the items
// from its target on; one of size -n (backspace) those from its target down.

import { NONE } from "./walker_records.js";
import { bisectRight } from "./walker_spans.js";

/** Runs of deletions by LV; marks stand among them, and deleted nothing (`NONE`). */
export class Deletions {
  constructor() {
    this._starts = [];
    this._sizes = [];
    this._targets = [];
  }

  /** A deletion deleted a record. */
  add(lv, record, backwards) {
    if (backwards && record.size > 1) this._add(lv, record.id + record.size - 1, -record.size);
    else this._add(lv, record.id, record.size); // a single item goes either way
  }

  /** An event is neither an insertion nor a deletion. */
  addMark(lv) {
    this._add(lv, NONE, 1);
  }

  _add(lv, target, size) {
    const starts = this._starts;
    const last = starts.length - 1;
    if (last < 0 || lv > starts[last]) {
      starts.push(lv);
      this._sizes.push(size);
      this._targets.push(target);
      return;
    }
    const index = bisectRight(starts, lv);
    starts.splice(index, 0, lv);
    this._sizes.splice(index, 0, size);
    this._targets.splice(index, 0, target);
  }

  /** Retreat (by -1) or advance (by 1) the events of a range: insertions, and what was deleted. In
   * which order does not matter: states are sums. */
  shift(records, low, high, by) {
    const starts = this._starts;
    let index = bisectRight(starts, low) - 1;
    if (index < 0 || starts[index] + Math.abs(this._sizes[index]) <= low) index++;
    while (low < high) {
      const start = index < starts.length ? starts[index] : high;
      if (start >= high) {
        records.shift(low, high - low, by);
        return;
      }
      if (low < start) {
        records.shift(low, start - low, by);
        low = start;
      }
      const size = this._sizes[index];
      const item = this._targets[index];
      const stop = Math.min(start + Math.abs(size), high);
      if (item !== NONE) {
        const first = size > 0 ? item + low - start : item + start + 1 - stop;
        records.shift(first, stop - low, by);
      }
      low = stop;
      index++;
    }
  }
}
