// From one whole text to another by few and small edits, as an editor that only knows whole texts needs.
//
// What both begin and end with stays; inside what differs, words are compared (Myers), and in a word that
// was replaced again what both begin and end with stays.
//
// Invariants: the edits, applied one after the other, give the new text exactly; they ascend; no character
// is parted; work is bounded: texts that differ too much are replaced in one step. Absent: lines first,
// and finer choices, as `plait.types.text.diff` makes them.
// Source: Myers, "An O(ND) difference algorithm and its variations" (1986).

import { commonEnd, commonStart } from "./text_hunks.js";
import { pointsIn } from "./text_points.js";

const DIFFERENCES_MAX = 500; // words
const PIECE = /[\p{L}\p{N}\p{M}_]+|[^\S\n]+|\n|[^\p{L}\p{N}\p{M}_\s]\p{M}*/gu;
const CRUMB_MAX = 2; // units left standing between two changes: no gain, only two edits

/** [position, code points deleted there, what is inserted there], one after the other. */
export function edits(old, text) {
  if (old === text) return [];
  const start = commonStart(old, text);
  const end = commonEnd(old, text, start);
  const gone = old.slice(start, old.length - end);
  const come = text.slice(start, text.length - end);
  const found = [];
  let pos = pointsIn(text.slice(0, start)); // all before an edit is new by then
  for (const [kept, before, after] of changes(gone, come)) {
    pos += pointsIn(kept);
    if (before || after) found.push([pos, pointsIn(before), after]);
    pos += pointsIn(after);
  }
  return found;
}

/** [what stays, then what goes, then what comes instead], from the beginning to the end. */
function changes(old, text) {
  if (!old || !text) return [["", old, text]];
  const a = old.match(PIECE) ?? [];
  const b = text.match(PIECE) ?? [];
  const path = a.join("") === old && b.join("") === text ? shortest(a, b) : null;
  if (path === null) return [["", old, text]];
  const found = [];
  let kept = "";
  let i = 0;
  let j = 0;
  for (const [nextI, nextJ, length] of [...path, [a.length, b.length, 0]]) {
    const before = a.slice(i, nextI).join("");
    const after = b.slice(j, nextJ).join("");
    const last = found[found.length - 1];
    if (last && kept.length <= CRUMB_MAX && kept.length < Math.min(last[1].length + last[2].length, before.length + after.length)) {
      last[1] += kept + before;
      last[2] += kept + after;
    } else {
      found.push([kept, before, after]);
    }
    kept = a.slice(nextI, nextI + length).join("");
    i = nextI + length;
    j = nextJ + length;
  }
  return found.map(trimmed).reduce(carried, []);
}

/** A change without what both sides begin and end with: [kept, gone, come, kept behind]. */
function trimmed([kept, before, after]) {
  const start = commonStart(before, after);
  const end = commonEnd(before, after, start);
  return [
    kept + before.slice(0, start),
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
    before.slice(before.length - end),
  ];
}

/** What was kept behind a change is kept before the next one. */
function carried(found, [kept, before, after, behind]) {
  const last = found[found.length - 1];
  found.push([(last ? last[3] : "") + kept, before, after, behind]);
  return found;
}

/** The stretches that both have: [index in one, in the other, how many]; null if they differ too much. */
function shortest(a, b) {
  const most = Math.min(a.length + b.length, DIFFERENCES_MAX);
  const reached = new Map([[1, 0]]); // diagonal: furthest index in a
  const trace = [];
  for (let depth = 0; depth <= most; depth++) {
    const step = new Map();
    for (let diagonal = -depth; diagonal <= depth; diagonal += 2) {
      const down = reached.get(diagonal + 1) ?? -1;
      const right = reached.get(diagonal - 1) ?? -1;
      let i = diagonal === -depth || (diagonal !== depth && right < down) ? down : right + 1;
      if (i > a.length || i - diagonal > b.length || i < 0) continue;
      while (i < a.length && i - diagonal < b.length && a[i] === b[i - diagonal]) i++;
      reached.set(diagonal, i);
      step.set(diagonal, i);
      if (i === a.length && i - diagonal === b.length) return stretches([...trace, step], a.length, b.length);
    }
    trace.push(step);
  }
  return null;
}

/** The way back, as stretches in order. */
function stretches(trace, lengthA, lengthB) {
  const found = [];
  let i = lengthA;
  let j = lengthB;
  for (let depth = trace.length - 1; depth >= 0; depth--) {
    const diagonal = i - j;
    let fromI = 0;
    let fromJ = 0;
    if (depth) {
      const before = trace[depth - 1];
      const down = before.get(diagonal + 1) ?? -1;
      const right = before.get(diagonal - 1) ?? -1;
      const isDown = diagonal === -depth || (diagonal !== depth && right < down);
      fromI = isDown ? down : right;
      fromJ = fromI - (isDown ? diagonal + 1 : diagonal - 1);
      const at = isDown ? fromI : fromI + 1;
      if (i > at) found.push([at, at - diagonal, i - at]);
    } else if (i) {
      found.push([0, 0, i]);
    }
    i = fromI;
    j = fromJ;
  }
  return found.reverse();
}
