// Marks as bytes: an extension of the pages of a text, which only texts with marks have.
//
// A page's extension, ["marks", true, block], holds the bodies of the marks in its part of the log, in
// order, and what covers the root of the graph where that is not as the page before says. Mirrors
// `plait.types.text.mark_storage`.
//
// Invariant: bytes that no marks pack to raise `BadFrame`.

import { decode, encode } from "./codec.js";
import { BadFrame } from "./errors.js";
import { packBlock, unpackBlock } from "./text_blocks.js";
import { MarkedText, UNMARKED } from "./text_marked.js";
import { isBody } from "./text_marks.js";
import { MARK } from "./walker_log.js";
import { isCount } from "./walker_sequence.js";

export const MARKS = "marks";

const isNumber = (value) => isCount(value) && value >= 0;

// ------------------------------------------------------------------ writing

/** What covers the root; null if nothing does. */
export function baseOf(state) {
  return state.marks === null || !state.marks.base.spans.length ? null : state.marks.base;
}

/** The marks of a log from an LV on, and of the root if they are `changed`; if there is anything to say. */
export function extensionOf(log, start, base, changed) {
  const runs = log.marks ? log.runs(start, log.end).filter((run) => run.kind === MARK) : [];
  if (!runs.length && !changed) return [];
  const data = [runs.map((run) => run.content), changed ? packed(base ?? UNMARKED) : null];
  return [[MARKS, true, packBlock(encode(data))]];
}

function packed({ at, spans, marks }) {
  const rows = [...marks.values()].map((mark) => [
    mark.lv, mark.author, mark.seq, mark.nth, [1, mark.name, mark.value, mark.expand], mark.rivals,
  ]); // prettier-ignore
  return [at, spans, rows];
}

// ------------------------------------------------------------------ reading

/** Give every mark from a run on its body. */
export function putMarks(log, index, extensions) {
  const bodies = read(extensions)?.bodies ?? [];
  let next = 0;
  for (let at = index; at < log.length; at++) {
    if (log.kinds[at] !== MARK) continue;
    if (!isBody(bodies[next])) throw new BadFrame("a mark that says nothing");
    log.contents[at] = bodies[next++];
  }
  if (next < bodies.length) throw new BadFrame("a mark of nothing");
}

/** What all extensions of a text come to, whose root is at an LV; null without any mark. */
export function marksOf(pages, first) {
  let found = null;
  for (const extensions of pages) {
    const data = read(extensions);
    if (data === null) continue;
    found ??= new MarkedText(UNMARKED);
    if (data.base !== null) found = new MarkedText(unpacked(data.base));
  }
  if (found !== null && found.base.spans.length && found.base.at !== first) throw new BadFrame("the marks of another root");
  return found;
}

function read(extensions) {
  const found = extensions.find(([name]) => name === MARKS);
  if (!found) return null;
  const data = decode(unpackBlock(found[2]));
  if (!Array.isArray(data) || !Array.isArray(data[0])) throw new BadFrame("marks that do not decode");
  return { bodies: data[0], base: data[1] ?? null };
}

function unpacked(base) {
  if (!Array.isArray(base) || base.length < 3 || !isNumber(base[0])) throw new BadFrame("marks of no root");
  const [at, spanRows, markRows] = base;
  if (!Array.isArray(spanRows) || !Array.isArray(markRows)) throw new BadFrame("marks of no root");
  const marks = new Map();
  for (const row of markRows) {
    if (!Array.isArray(row) || row.length < 6) throw new BadFrame("a mark of the root that is none");
    const [lv, author, seq, nth, body, rivals] = row;
    const isAuthor = typeof author === "bigint" || isNumber(author);
    const fits = isNumber(lv) && isAuthor && isNumber(seq) && isNumber(nth) && Array.isArray(rivals) && rivals.every(isNumber);
    if (!fits || !isBody(body) || lv >= at || marks.has(lv)) throw new BadFrame("a mark of the root that is none");
    const [, name, value, expand] = body;
    marks.set(lv, { lv, author: BigInt(author), seq, nth, name, value, expand, rivals });
  }
  const spans = spanRows.map((row) => {
    const [size, ids] = Array.isArray(row) ? row : [];
    const fits = isNumber(size) && size > 0 && Array.isArray(ids);
    if (!fits || !ids.every((lv, index) => marks.has(lv) && (!index || ids[index - 1] < lv))) {
      throw new BadFrame("a span that is covered by no mark");
    }
    return [size, ids];
  });
  return { at, spans, marks };
}
