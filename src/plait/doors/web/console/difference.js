/* Two values, and where they differ: what is new stands marked, what went is struck.
 * Invariant: without the struck parts the result reads as the newer value.
 * Absent: the least difference; one stretch between what begins and what ends alike is shown, by
 * words, which is what people see as the change. */

import { h } from "./dom.js";

/** @param {any} before @param {any} after @returns {(Node|string)[]} */
export function compared(before, after) {
  const [from, to] = [text(before), text(after)];
  if (before === null || before === undefined || from === to) return [to];
  const [a, b] = [from.split(/(\s+)/), to.split(/(\s+)/)];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const gone = a.slice(start, a.length - end).join("");
  const come = b.slice(start, b.length - end).join("");
  return [
    b.slice(0, start).join(""),
    gone && h("del", {}, gone), gone && come ? " " : "", come && h("ins", {}, come),
    b.slice(b.length - end).join(""),
  ].filter((part) => part !== "" && part !== false);
}

/** @param {any} value */
export function text(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
