// Spans of events, and what versions of them have in common: `plait.types.walker.spans` in the browser.
//
// *Local versions* (LVs) number unit events in the order in which they came here. A *version* is a
// set of events with all that came before them, named by its heads: sorted LVs, none of which comes
// before another; `[]` is the root. Events are kept in *spans*: the same author, consecutive
// operations of the same width (units), each after the one before.
//
// Invariant: the parents of an event have smaller LVs. Versions and ranges are never changed in place.
// Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025), section 3.2.

export const ROOT = Object.freeze([]);
export const LAST_SEQ = Number.MAX_SAFE_INTEGER;

const A = 1;
const B = 2;
const BOTH = 3;

/** How many entries of an ascending array are not above `value`. */
export function bisectRight(array, value) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (array[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many entries of an ascending array are below `value`. */
export function bisectLeft(array, value) {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether two versions (or any two arrays of numbers) are the same; `null` is only itself. */
export function same(a, b) {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Numbers in ascending order, as a new array. */
export function ascending(numbers) {
  return [...numbers].sort((a, b) => a - b);
}

/** LVs with two bits each, the greatest LV first. */
class LatestFirst {
  constructor() {
    this.entries = [];
  }

  get size() {
    return this.entries.length;
  }

  get top() {
    return Math.floor(this.entries[0] / 4);
  }

  push(lv, flag) {
    const entries = this.entries;
    const value = lv * 4 + flag;
    let at = entries.length;
    entries.push(value);
    while (at) {
      const above = (at - 1) >> 1;
      if (entries[above] >= value) break;
      entries[at] = entries[above];
      at = above;
    }
    entries[at] = value;
  }

  /** Takes the first one away: its LV times four, with its flag. */
  pop() {
    const entries = this.entries;
    const first = entries[0];
    const last = entries.pop();
    const size = entries.length;
    if (size) {
      let at = 0;
      for (;;) {
        let below = 2 * at + 1;
        if (below >= size) break;
        if (below + 1 < size && entries[below + 1] > entries[below]) below++;
        if (entries[below] <= last) break;
        entries[at] = entries[below];
        at = below;
      }
      entries[at] = last;
    }
    return first;
  }
}

/** Columns of one length: starts, agents, seqs, widths, parents (null: the LV before). */
export class Spans {
  constructor(first = 0) {
    this.first = first; // LVs before it are folded
    this.end = first;
    this.heads = ROOT;
    this.names = []; // authors: BigInt replica ids
    this.numbers = new Map();
    this.ofAgent = []; // the first LV of each of an agent's spans
    this.starts = [];
    this.agents = [];
    this.seqs = [];
    this.widths = [];
    this.parents = [];
  }

  /** The number of an author. */
  agent(name) {
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this.numbers.set(name, number);
      this.names.push(name);
      this.ofAgent.push([]);
    }
    return number;
  }

  // ------------------------------------------------------------------ asking

  /** The index of the span that an event is in. */
  spanAt(lv) {
    const starts = this.starts;
    const last = starts.length - 1;
    return last >= 0 && starts[last] <= lv ? last : bisectRight(starts, lv) - 1;
  }

  /** The version that an event was made at. */
  parentsOf(lv) {
    const span = this.spanAt(lv);
    if (this.starts[span] === lv && this.parents[span] !== null) return this.parents[span];
    return [lv - 1];
  }

  /** Whether, of two concurrent events at one place, the first one stands first. */
  comesFirst(a, b) {
    const spanA = this.spanAt(a);
    const spanB = this.spanAt(b);
    const nameA = this.names[this.agents[spanA]];
    const nameB = this.names[this.agents[spanB]];
    if (nameA !== nameB) return nameA < nameB;
    if (this.seqs[spanA] !== this.seqs[spanB]) return this.seqs[spanA] < this.seqs[spanB];
    return a - this.starts[spanA] < b - this.starts[spanB];
  }

  /** The author of an event, and the number of its operation. */
  seqOf(lv) {
    const span = this.spanAt(lv);
    const past = lv - this.starts[span];
    return [this.names[this.agents[span]], this.seqs[span] + Math.floor(past / this.widths[span])];
  }

  /** The LV of the last unit that an author did up to operation `seq`; -1 if none is here. */
  lastSeen(name, seq) {
    const number = this.numbers.get(name);
    if (number === undefined) return -1;
    const spans = this.ofAgent[number];
    let low = 0;
    let high = spans.length;
    if (high && this.seqs[this.spanAt(spans[high - 1])] <= seq) low = high; // the last, as a rule
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.seqs[this.spanAt(spans[middle])] <= seq) low = middle + 1;
      else high = middle;
    }
    if (!low) return -1;
    const span = this.spanAt(spans[low - 1]);
    const past = (seq - this.seqs[span] + 1) * this.widths[span];
    return Math.min(this.starts[span] + past, this.endOf(span)) - 1;
  }

  /** The LV behind a span. */
  endOf(span) {
    return span + 1 < this.starts.length ? this.starts[span + 1] : this.end;
  }

  /** The version of all that a context (a Map) covers, and of everything that `author` did. */
  versionOf(context, author = null) {
    const covered = this.heads.every((head) => {
      const [name, seq] = this.seqOf(head);
      return seq <= (context.get(name) ?? 0) || name === author;
    });
    if (covered) return this.heads;
    const found = [];
    for (const name of this.names) {
      const lv = this.lastSeen(name, name === author ? LAST_SEQ : (context.get(name) ?? 0));
      if (lv >= 0) found.push(lv);
    }
    return this.dominators(found);
  }

  /** The first event that is not covered; where its operation begins. */
  uncovered(cut) {
    for (let span = 0; span < this.starts.length; span++) {
      const start = this.starts[span];
      const known = Math.max((cut.get(this.names[this.agents[span]]) ?? 0) - this.seqs[span] + 1, 0);
      if (start + known * this.widths[span] < this.endOf(span)) return start + known * this.widths[span];
    }
    return this.end;
  }

  /** The heads of everything before a critical boundary. */
  headsAt(boundary) {
    return boundary >= this.end ? this.heads : this.parentsOf(boundary);
  }

  // ------------------------------------------------------------------ versions

  /** The heads of a set of events: those that come before none of the others. */
  dominators(events) {
    if (events.length < 2) return [...events];
    const found = [];
    const heap = new LatestFirst(); // flag 0: before one of them
    const distinct = new Set(events);
    for (const lv of distinct) heap.push(lv, 1);
    let left = distinct.size;
    for (;;) {
      const entry = heap.pop();
      const lv = Math.floor(entry / 4);
      let flag = entry - lv * 4;
      left -= flag;
      let isHead = flag === 1;
      while (heap.size && heap.top === lv) {
        flag = heap.pop() - lv * 4;
        left -= flag;
        isHead = isHead && flag === 1;
      }
      if (isHead) found.push(lv);
      if (!left) return found.reverse();
      this._descend(heap, lv, 0);
    }
  }

  /** Go from an event to what comes before it, or to the next of the heap that lies between. */
  _descend(heap, lv, flag) {
    const span = this.spanAt(lv);
    const start = this.starts[span];
    if (heap.size && heap.top >= start) {
      heap.push(heap.top, flag);
      return;
    }
    const parents = this.parents[span];
    if (parents === null) heap.push(start - 1, flag);
    else for (const parent of parents) heap.push(parent, flag);
  }

  /** The first event that a version has not seen; `end` if it has seen all. */
  unseen(version) {
    const [only] = this.difference(this.heads, version);
    return only.length ? only[only.length - 1][0] : this.end;
  }

  /** The events that only one of two versions has seen: [of a, of b]; ranges, latest first. */
  difference(a, b) {
    const onlyA = [];
    const onlyB = [];
    if (same(a, b)) return [onlyA, onlyB];
    const heap = new LatestFirst();
    for (const lv of a) heap.push(lv, A);
    for (const lv of b) heap.push(lv, B);
    let open = heap.size; // entries that are not of both
    while (open) {
      const entry = heap.pop();
      const lv = Math.floor(entry / 4);
      let flag = entry - lv * 4;
      if (flag !== BOTH) open--;
      while (heap.size && heap.top === lv) {
        const other = heap.pop() - lv * 4;
        if (other !== BOTH) open--;
        flag |= other;
      }
      const isOpen = flag !== BOTH ? 1 : 0;
      if (!isOpen && !open) break;
      const span = this.spanAt(lv);
      let low = this.starts[span];
      if (heap.size && heap.top >= low) {
        low = heap.top + 1; // another one is in the span: go there first
        heap.push(heap.top, flag);
        open += isOpen;
      } else {
        const parents = this.parents[span];
        if (parents === null) {
          heap.push(low - 1, flag);
          open += isOpen;
        } else {
          for (const parent of parents) {
            heap.push(parent, flag);
            open += isOpen;
          }
        }
      }
      if (flag === A) extend(onlyA, low, lv + 1);
      else if (flag === B) extend(onlyB, low, lv + 1);
    }
    return [onlyA, onlyB];
  }

  /** The events from an LV on that a version has seen; latest first. */
  since(version, boundary) {
    const found = [];
    const heap = new LatestFirst();
    for (const lv of version) if (lv >= boundary) heap.push(lv, 0);
    while (heap.size) {
      const lv = Math.floor(heap.pop() / 4);
      while (heap.size && heap.top === lv) heap.pop();
      const span = this.spanAt(lv);
      const start = this.starts[span];
      let low;
      if (heap.size && heap.top >= start) {
        low = heap.top + 1;
      } else {
        low = Math.max(start, boundary);
        if (low === start) {
          for (const parent of this.parents[span] ?? [start - 1]) {
            if (parent >= boundary) heap.push(parent, 0);
          }
        }
      }
      extend(found, low, lv + 1);
    }
    return found;
  }

  /** What a version has seen of some events, latest first, as they are. ranges: with an event, all
   * those that came after it and that the version has seen. */
  seenOf(version, ranges) {
    const found = [];
    const heap = new LatestFirst();
    for (const lv of version) heap.push(lv, 0);
    let index = 0;
    while (heap.size) {
      const lv = Math.floor(heap.pop() / 4);
      while (index < ranges.length && ranges[index][0] > lv) index++;
      if (index === ranges.length) break;
      if (lv >= ranges[index][1] || (found.length && lv >= found[found.length - 1][0])) continue;
      const span = this.spanAt(lv);
      const low = Math.max(this.starts[span], ranges[index][0]);
      if (low === this.starts[span]) for (const parent of this.parentsOf(low)) heap.push(parent, 0);
      extend(found, low, lv + 1);
    }
    return found;
  }
}

/** What is in ranges and not in others; both latest first, and so is what is found. */
export function without(ranges, others) {
  if (!others.length || !ranges.length) return [...ranges];
  const found = [];
  let index = 0;
  for (let [low, high] of ranges) {
    while (index < others.length && others[index][0] >= high) index++;
    let at = index;
    while (at < others.length && others[at][1] > low) {
      const [otherLow, otherHigh] = others[at];
      if (otherHigh < high) found.push([otherHigh, high]);
      high = otherLow;
      if (high <= low) break;
      at++;
    }
    if (low < high) found.push([low, high]);
  }
  return found;
}

/** What is in ranges or in others, which have nothing in common; all latest first. */
export function union(ranges, others) {
  if (!ranges.length || !others.length) return ranges.length ? ranges : others;
  const found = [];
  const all = [...ranges, ...others].sort((a, b) => b[0] - a[0]);
  for (const [low, high] of all) extend(found, low, high);
  return found;
}

function extend(ranges, low, high) {
  const last = ranges.length - 1;
  if (last >= 0 && ranges[last][0] === high) ranges[last] = [low, ranges[last][1]];
  else ranges.push([low, high]);
}
