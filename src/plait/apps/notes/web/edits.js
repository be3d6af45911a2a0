/**
 * What keys and buttons do to a text, decided without touching it: each function answers with the
 * patches that are to be made, one after the other, and with the selection afterwards.
 *
 * Small patches merge well, so nothing is replaced that stays as it is; but a line's prefix is
 * replaced whole, as one run, since runs of two people never interleave (lines.js).
 *
 * Invariant: a selection is [anchor, head] in the text after the patches; null leaves it where the
 * patches move it. Absent: marks, which are not text (inline.js).
 */

import { LEVEL_MAX, LISTED, lineAt, lineIndexAt, linesOf, prefixOf } from "./lines.js";
import { moved, patched } from "./places.js";

/**
 * @typedef {import("./places.js").Patch} Patch
 * @typedef {[number, number]} Selection
 * @typedef {{patches: Patch[], select: Selection|null}} Edit
 */

/** Text in place of what is selected. @returns {Edit} */
export function put(_text, [anchor, head], words) {
  const start = Math.min(anchor, head);
  const size = Math.abs(anchor - head);
  const patches = size ? [{ at: start, delete: size }] : [];
  if (words) patches.push({ at: start, insert: words });
  return { patches, select: [start + words.length, start + words.length] };
}

/** The same, typed: the blank behind a prefix makes the line what the prefix says. @returns {Edit} */
export function typed(text, selection, words) {
  const edit = put(text, selection, words);
  if (!words.endsWith(" ") || words.includes("\n")) return edit;
  const old = lineNear(text, Math.min(...selection));
  const caret = edit.select[0];
  const after = patched(text, edit.patches);
  if (lineNear(after, caret).content !== caret) return edit;
  const from = old.start + (old.kind === "text" ? 0 : old.content - old.start);
  const fresh = lineAt(after, from, caret);
  if (fresh.kind === "text") return edit;
  // who types a prefix in a line that has one means the new one instead
  const level = old.kind === "text" ? fresh.level : old.level;
  const number = Number(/\d+/.exec(after.slice(from, caret))?.[0] ?? 1);
  const prefix = prefixOf(fresh.kind, level, fresh.checked, number);
  if (after.slice(old.start, caret) === prefix) return edit;
  edit.patches.push({ at: old.start, delete: caret - old.start }, { at: old.start, insert: prefix });
  edit.select = [old.start + prefix.length, old.start + prefix.length];
  return edit;
}

/** Enter. In a list the next item begins; in an empty item the list ends. @returns {Edit} */
export function broken(text, selection) {
  const start = Math.min(...selection);
  const isCaret = selection[0] === selection[1];
  const line = lineNear(text, start);
  const goesOn = LISTED.has(line.kind) || line.kind === "quote";
  if (isCaret && line.kind !== "text" && line.content === line.end) {
    return line.level ? indented(text, selection, -1) : kindSet(text, selection, "text");
  }
  if (isCaret && line.kind !== "text" && start === line.content) {
    // an empty line before it: the prefix that is there goes on belonging to its words
    const fresh = `${goesOn ? prefixOf(line.kind, line.level) : ""}\n`;
    const caret = start + fresh.length;
    return { patches: [{ at: line.start, insert: fresh }], select: [caret, caret] };
  }
  const number = line.kind === "number" ? numberIn(text, line) + 1 : 1;
  return put(text, selection, `\n${goesOn ? prefixOf(line.kind, line.level, false, number) : ""}`);
}

/** A line break within a paragraph is a line, too. @returns {Edit} */
export function newline(text, selection) {
  return put(text, selection, "\n");
}

/** Backspace at the very beginning of what is shown of a line. @returns {Edit|null} */
export function backspaced(text, [anchor, head]) {
  if (anchor !== head) return null;
  const line = lineNear(text, head);
  if (head > line.content) return null;
  if (line.level) return indented(text, [head, head], -1);
  if (line.content > line.start) return kindSet(text, [head, head], "text");
  if (line.start === 0) return { patches: [], select: [0, 0] };
  return { patches: [{ at: line.start - 1, delete: 1 }], select: [line.start - 1, line.start - 1] };
}

/** Delete at the end of a line: the next one is joined, without its prefix. @returns {Edit|null} */
export function deletedForward(text, [anchor, head]) {
  const line = lineNear(text, head);
  if (anchor !== head || head < line.end) return null;
  if (line.end === text.length) return { patches: [], select: [head, head] };
  const next = lineNear(text, line.end + 1);
  return {
    patches: [{ at: line.end, delete: next.content - line.end }],
    select: [head, head],
  };
}

/** All that is selected goes; a first line that is only cut keeps its kind. @returns {Edit} */
export function cut(text, selection) {
  let start = Math.min(...selection);
  const stop = Math.max(...selection);
  const last = lineNear(text, stop);
  const first = lineNear(text, start);
  if (start < first.content && first.start !== last.start) start = first.start;
  else if (start < first.content) start = Math.min(first.content, stop);
  const end = first.start === last.start ? stop : Math.max(stop, last.content);
  return {
    patches: end > start ? [{ at: start, delete: end - start }] : [],
    select: [start, start],
  };
}

/** All selected lines become a kind; or text again, if all are of it. @returns {Edit} */
export function kindToggled(text, selection, kind) {
  const lines = selectedLines(text, selection);
  const all = lines.every((line) => line.kind === kind);
  return kindSet(text, selection, all ? "text" : kind);
}

/** @returns {Edit} */
export function kindSet(text, selection, kind) {
  return prefixes(text, selection, (line, index) =>
    line.kind === kind ? null : prefixOf(kind, LISTED.has(line.kind) ? line.level : 0, false, index + 1)
  );
}

/** Deeper (1) or less deep (-1), lines of lists only. @returns {Edit} */
export function indented(text, selection, by) {
  return prefixes(text, selection, (line) => {
    const level = Math.max(0, Math.min(LEVEL_MAX, line.level + by));
    if (!LISTED.has(line.kind) || level === line.level) return null;
    const indent = text.slice(line.start).match(/^ */)[0].length;
    return "  ".repeat(level) + text.slice(line.start + indent, line.content);
  });
}

/** A box is ticked, or cleared: only what is between its brackets changes. @returns {Edit} */
export function ticked(text, index) {
  const line = linesOf(text)[index];
  if (line?.kind !== "todo") return { patches: [], select: null };
  const open = text.indexOf("[", line.start) + 1;
  const size = text.indexOf("]", open) - open;
  const patches = size ? [{ at: open, delete: size }] : [];
  return { patches: [...patches, { at: open, insert: line.checked ? " " : "x" }], select: null };
}

/** Every selected line ticked, or all cleared if all are. @returns {Edit} */
export function tickToggled(text, selection) {
  const lines = linesOf(text);
  const from = lineIndexAt(lines, Math.min(...selection));
  const to = lineIndexAt(lines, Math.max(...selection));
  const todos = [];
  for (let index = to; index >= from; index--) if (lines[index].kind === "todo") todos.push(index);
  if (!todos.length) return kindSet(text, selection, "todo");
  const all = todos.every((index) => lines[index].checked);
  const patches = todos
    .filter((index) => lines[index].checked === all)
    .flatMap((index) => ticked(text, index).patches); // from the last on: places stay right
  return { patches, select: null };
}

// ------------------------------------------------------------------ helpers

/** New prefixes for the selected lines, from the last on; null leaves a line as it is. */
function prefixes(text, selection, choose) {
  const lines = selectedLines(text, selection);
  const patches = [];
  let [anchor, head] = selection;
  for (let index = lines.length - 1; index >= 0; index--) {
    const line = lines[index];
    const prefix = choose(line, index);
    if (prefix === null) continue;
    const own = [];
    const old = text.slice(line.start, line.content);
    if (old.endsWith(prefix)) own.push({ at: line.start, delete: old.length - prefix.length });
    else if (prefix.endsWith(old) && old) {
      own.push({ at: line.start, insert: prefix.slice(0, prefix.length - old.length) });
    } else {
      if (old) own.push({ at: line.start, delete: old.length });
      if (prefix) own.push({ at: line.start, insert: prefix });
    }
    patches.push(...own);
    const place = (at) => {
      if (at < line.start || at > line.end) return moved(at, own);
      return Math.max(at, line.content) + prefix.length - old.length;
    };
    [anchor, head] = [place(anchor), place(head)];
  }
  return { patches, select: [anchor, head] };
}

function selectedLines(text, selection) {
  const lines = linesOf(text);
  const from = lineIndexAt(lines, Math.min(...selection));
  return lines.slice(from, lineIndexAt(lines, Math.max(...selection)) + 1);
}

/** The line that a place is in, without reading the others. */
export function lineNear(text, place) {
  const start = text.lastIndexOf("\n", place - 1) + 1;
  const stop = text.indexOf("\n", place);
  return lineAt(text, place === 0 ? 0 : start, stop < 0 ? text.length : stop);
}

function numberIn(text, line) {
  return Number(/\d+/.exec(text.slice(line.start, line.content))?.[0] ?? 0);
}
