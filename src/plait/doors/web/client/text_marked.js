// The marks of one text: those of its root, and what is known of the present.
//
// What covers the text is found when somebody asks, from the last boundary at which it is known. A
// boundary at which it was found may turn out not to be critical, when events come that had not seen
// it; then an earlier one is taken, the root at last.
//
// Invariants: `base` is of the LV before which everything is folded, or of one before it, where nothing
// was marked yet; what is known later is true, and counts while its boundary is critical.

import { isHiddenBy } from "./text_marks.js";
import { replay } from "./text_marking.js";
import { ascending, same } from "./walker_spans.js";

const KNOWN_MAX = 8; // boundaries at which the marks are known
const RESTORED_MAX = 10_000; // operations

export const UNMARKED = Object.freeze({ at: 0, spans: [], marks: new Map() }); // wherever marks have not begun

/** Which marks were put on by undoing, to stand for marks that were hidden meanwhile. */
export class Restored {
  constructor() {
    this._standsFor = new Map(); // operation: dots or null, unit by unit
  }

  /** The marks of an operation stand for those of others. */
  note(dot, standsFor) {
    const key = String(dot);
    this._standsFor.delete(key); // it was of a draft that was discarded
    if (!standsFor.some((each) => each !== null)) return;
    this._standsFor.set(key, standsFor);
    if (this._standsFor.size > RESTORED_MAX) this._standsFor.delete(this._standsFor.keys().next().value);
  }

  /** The operation whose mark this is. */
  origin(mark) {
    return this._standsFor.get(String([mark.author, mark.seq]))?.[mark.nth] ?? [mark.author, mark.seq];
  }
}

/** What is known of the marks of a text; its graph and its log are those of its state. */
export class MarkedText {
  constructor(base) {
    this.base = base;
    this.restored = new Restored();
    this._known = []; // later ones, ascending
  }

  /** What covers the text at a critical boundary. */
  at(graph, log, boundary) {
    let start = this.base;
    for (const marked of [...this._known].reverse()) {
      if (marked.at <= boundary && graph.critical(marked.at) === marked.at) {
        start = marked;
        break;
      }
    }
    if (start.at === boundary) return start;
    const found = replay(graph, log, start, boundary);
    const known = this._known.filter((marked) => marked.at <= start.at);
    known.push(...found.filter((marked) => marked.at > start.at));
    this._known = known.slice(-KNOWN_MAX);
    return found[found.length - 1];
  }

  /** What comes before a critical boundary is going to be the root. */
  fold(graph, log, boundary) {
    const later = this._known.filter((marked) => marked.at > boundary);
    this.base = pruned(this.at(graph, log, boundary));
    this._known = later;
  }

  /** The events from `end` on are going to be others. */
  cutBack(end) {
    this._known = this._known.filter((marked) => marked.at <= end);
  }
}

/**
 * Without marks that can never count again. A mark is idle if a later one of its name covers all that
 * it covers, and expands wherever it does; and where only marks without a value are left of a name,
 * there is nothing that they keep away.
 */
export function pruned(marked) {
  const { marks } = marked;
  const cover = new Map([...marks.keys()].map((lv) => [lv, new Set()]));
  marked.spans.forEach(([, ids], index) => ids.forEach((lv) => cover.get(lv).add(index)));
  const named = new Map();
  for (const lv of ascending(marks.keys())) {
    const mark = marks.get(lv);
    named.set(mark.name, [...(named.get(mark.name) ?? []), mark]);
  }
  const kept = new Set();
  for (const family of named.values()) {
    const left = family.filter((mark) => !family.some((other) => isHiddenBy(mark, other, cover)));
    if (left.some((mark) => mark.value !== null)) left.forEach((mark) => kept.add(mark.lv));
  }
  if (kept.size === marks.size) return marked;
  const rest = new Map(ascending(kept).map((lv) => [lv, marks.get(lv)]));
  return { at: marked.at, spans: withOnly(marked.spans, kept), marks: rest };
}

function withOnly(spans, kept) {
  const found = [];
  for (const [size, all] of spans) {
    const ids = all.filter((lv) => kept.has(lv));
    const last = found[found.length - 1];
    if (last && same(last[1], ids)) last[0] += size;
    else found.push([size, ids]);
  }
  while (found.length && !found[found.length - 1][1].length) found.pop();
  return found;
}

/** Where a mark covers the text: [from, to, all marks there]. */
export function rangesOf(marked, lv) {
  const found = [];
  let at = 0;
  for (const [size, ids] of marked.spans) {
    if (ids.includes(lv)) found.push([at, at + size, ids]);
    at += size;
  }
  return found;
}

/** Where a mark covers the text: [from, to]; in one where it can be. */
export function coveredBy(marked, lv) {
  const found = [];
  for (const [start, stop] of rangesOf(marked, lv)) {
    const last = found[found.length - 1];
    if (last && last[1] === start) last[1] = stop;
    else found.push([start, stop]);
  }
  return found;
}
