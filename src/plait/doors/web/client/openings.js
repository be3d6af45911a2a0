/**
 * Where in an author's stream a process of its began to write: marks by which two streams of one
 * author can be told apart when what stands in them is folded.
 *
 * Invariant: every opening from `since` on stands in `marks`, ascending. Mirrors graph/openings.py.
 */

import { OPENED, Op, sameBytes } from "./event.js";

const OPENINGS_MAX = 64;
const MARK_BYTES = 8;

/** The openings of one author's stream. */
export class Openings {
  /** @param {number} since earlier ones are not known @param {[number, Uint8Array][]} marks */
  constructor(since = 0, marks = []) {
    this.since = since;
    this.marks = marks;
  }

  /** With another one: the batch that begins at `first`, and the rolling hash after it. */
  more(first, digest) {
    const all = [...this.marks, [first, digest.slice(0, MARK_BYTES)]];
    const marks = all.slice(-OPENINGS_MAX);
    return new Openings(marks.length === all.length ? this.since : marks[0][0], marks);
  }

  /** Whether a stream that ends at `last` can have these. */
  fits(last) {
    let before = Math.max(this.since, 1) - 1;
    if (this.marks.length > OPENINGS_MAX) return false;
    for (const [first, digest] of this.marks) {
      if (!Number.isSafeInteger(first) || !(digest instanceof Uint8Array)) return false;
      if (first <= before || first > last) return false;
      before = first;
    }
    return true;
  }

  /** For encoding. */
  data() {
    return [this.since, this.marks];
  }
}

export const NONE = new Openings();

/** Openings as they were encoded; null if they cannot be. */
export function openingsOf(data) {
  if (!Array.isArray(data) || !Number.isSafeInteger(data[0])) return null;
  const marks = data[1] ?? [];
  if (!Array.isArray(marks) || !marks.every((mark) => Array.isArray(mark))) return null;
  return new Openings(data[0], marks);
}

/** What the first batch of a process ends with (0: any other). @param {bigint} number */
export const openedOps = (number) => (number ? [new Op("", [OPENED], number)] : []);

/** Whether a batch that ends with this is the first of a process. */
export const opens = (op) => !op.key && op.path.length === 1 && op.path[0] === OPENED;

/** Of a stream that was told without them, up to there. */
export const unknownTo = (last) => new Openings(last + 1);

/** Up to where two streams of one author are the same, if their openings say that they part. */
export function parted(mine, mineLast, theirs, theirsLast) {
  const since = Math.max(mine.since, theirs.since);
  const ends = Math.min(mineLast, theirsLast);
  const alone = [...without(mine.marks, theirs.marks), ...without(theirs.marks, mine.marks)];
  const firsts = alone.map(([first]) => first).filter((first) => since <= first && first <= ends);
  return firsts.length ? Math.min(...firsts) - 1 : null;
}

const without = (marks, others) =>
  marks.filter(([first, digest]) => !others.some(([f, d]) => f === first && sameBytes(d, digest)));
