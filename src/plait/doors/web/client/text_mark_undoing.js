// Taking marks back: a new mark wherever the old one counts, with what was there without it.
//
// That is where the old one covers the text by now, what was typed into it and behind it too; where
// somebody marked anew since, that stays. What is put back stands for what was there, so that this can be
// taken back in its turn (`Restored` in text_marked.js). What is typed at an edge later is as if the old mark had never
// been. Mirrors `plait.types.text.mark_undoing`.

import { rangesOf } from "./text_marked.js";
import { beats, inherited, winners } from "./text_marks.js";

const expandOf = (before, after) => (before ? (after ? "both" : "before") : after ? "after" : "none");
const sameDot = (one, other) => one[0] === other[0] && one[1] === other[1];
const dotOf = (mark) => [mark.author, mark.seq];

/** [edits that take back the marks of an operation, none where it does not count any more; for which
 * operations' marks those of the edits stand]. */
export function marksBack(state, dot) {
  const marked = state.marked();
  const edits = [];
  const standsFor = [];
  if (state.marks === null) return [edits, standsFor];
  const { restored } = state.marks;
  const add = (pos, size, name, value, expand, origin) => {
    edits.push(pos, [size, name, value, expand]);
    standsFor.push(origin === null ? null : restored.origin(origin));
  };
  const own = [...marked.marks.values()].filter((mark) => sameDot(dot, dotOf(mark)) || sameDot(dot, restored.origin(mark)));
  for (const mark of own) {
    for (const { start, stop, before } of stretches(marked, mark, own)) {
      const atStart = edgeAt(marked, start, mark, own);
      const atEnd = edgeAt(marked, stop, mark, own);
      const size = stop - start;
      const hidden = [showsNothing(atStart), showsNothing(atEnd)];
      if (before === null || (mark.value !== null && (hidden[0] || hidden[1]))) {
        add(start, size, mark.name, null, expandOf(...hidden), null);
      }
      if (before !== null) add(start, size, mark.name, before.value, expandOf(shows(atStart, before), shows(atEnd, before)), before);
      for (const [pos, edge, expand] of [[start - 1, atStart, "after"], [stop, atEnd, "before"]]) {
        const { winner } = edge;
        if (edge.isOwn && winner !== null && showsAlone(marked, pos, winner, own)) {
          add(pos, 1, mark.name, winner.value, expand, winner);
        }
      }
    }
  }
  return [edits, standsFor];
}

/** Whether a character beside what is taken back shows what a mark does, so that it goes on from there. */
function showsAlone(marked, pos, mark, own) {
  const ids = idsAt(marked, pos);
  if (mark.value === null || ids.some((lv) => own.includes(marked.marks.get(lv)))) return false;
  return winners(ids, marked.marks).get(mark.name) === mark;
}

/** What is going to be typed at a position: whether marks that are taken back take it in, and which of
 * the others counts there, or null. */
function edgeAt(marked, pos, mark, own) {
  const isOwn = (lv) => own.includes(marked.marks.get(lv));
  const left = idsAt(marked, pos - 1);
  const right = idsAt(marked, pos);
  const others = (ids) => ids.filter((lv) => !isOwn(lv));
  const rest = winners(inherited(others(left), others(right), marked.marks), marked.marks);
  return { isOwn: inherited(left, right, marked.marks).some(isOwn), winner: rest.get(mark.name) ?? null };
}

const showsNothing = ({ isOwn, winner }) => isOwn && (winner === null || winner.value === null);
const shows = ({ isOwn, winner }, mark) => isOwn && winner !== null && sameValue(winner.value, mark.value);

/** As Python compares: 1, 1.0 and true are equal. */
function sameValue(one, other) {
  if (one === other) return true;
  const isNumber = (value) => value !== null && typeof value !== "string";
  return isNumber(one) && isNumber(other) && Number(one) === Number(other);
}

function idsAt(marked, pos) {
  let at = 0;
  for (const [size, ids] of marked.spans) {
    if (at <= pos && pos < at + size) return ids;
    at += size;
  }
  return [];
}

/** Where a mark counts, and what did before it (or null): none of those that are taken back with it, and
 * none that came later and was taken back already. */
function stretches(marked, mark, own) {
  const found = [];
  for (const [start, stop, ids] of rangesOf(marked, mark.lv)) {
    if (winners(ids, marked.marks).get(mark.name) !== mark) continue;
    const there = ids.map((lv) => marked.marks.get(lv)).filter((one) => one.name === mark.name);
    const first = there.find((one) => own.includes(one));
    const others = there.filter((one) => !own.includes(one) && !beats(one, first)).map((one) => one.lv);
    const before = winners(others, marked.marks).get(mark.name) ?? null;
    const last = found[found.length - 1];
    if (last && last.stop === start && last.before === before) last.stop = stop;
    else found.push({ start, stop, before });
  }
  return found;
}
