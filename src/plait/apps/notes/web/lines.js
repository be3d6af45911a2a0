/**
 * What the lines of a note are: headings, items, things to do, quotations; told from their text.
 *
 * A note's body is one text. What kind of line one is stands in its first characters, as Markdown
 * has it ("## ", "- ", "1. ", "> ", "- [x] "), and the editor shows the kind instead of them. The
 * other way would be a mark on the newline that ends a line. We looked at what concurrent edits
 * come to in both, and took the characters, for these reasons:
 *
 * - Lines are cut and joined all the time. With marks on newlines, what a line is belongs to a
 *   character at its end, which goes when lines are joined, is not there for the last line, and is
 *   left at the wrong half when a line is cut; two who do that at once get kinds that nobody chose.
 *   A prefix stays with the beginning of its line, whatever happens behind it.
 * - A prefix is typed as one run, and runs of concurrent authors never interleave: if two people
 *   make one line a heading and an item at once, it begins with both prefixes, one behind the
 *   other, "# - ". So what is read is a *run* of prefixes: the first one counts, none is shown, and
 *   the next change of the kind takes all of them away. The same at every replica.
 * - A tick is one character between brackets. Two who tick at once both take the blank away and
 *   write an x: "[xx]". So brackets with any x in them are ticked, and the next who clears the box
 *   clears all. Ticking never collides with somebody who writes in the same line.
 * - Whoever reads the body without knowing about this (a program, an older version from the
 *   history, a terminal) reads Markdown, and may write it.
 *
 * The price: who inserts at the very beginning of a line while somebody else makes it a heading may
 * end up before the prefix, which is then shown as it is, "word# "; and a line cannot begin with the
 * characters of a prefix without being one. Words that are bold, or links, are marks on characters
 * (Peritext): there overlapping edits are the rule, and prefixes could not express them.
 *
 * Invariants: lines cover the text, in order; `content` is where what is shown begins; joining all
 * lines with newlines gives the text. Absent: numbers of numbered items, which are counted, not read.
 */

/**
 * @typedef {"text"|"h1"|"h2"|"h3"|"item"|"number"|"todo"|"quote"} Kind
 * @typedef {object} Line
 * @property {Kind} kind
 * @property {number} level  how deep it is indented; 0 for kinds that are not
 * @property {boolean} checked
 * @property {number} start  where the line begins in the text
 * @property {number} content  where what is shown begins
 * @property {number} end  where it ends, before its newline
 * @property {number} number  of a numbered item, as shown; else 0
 */

export const LEVEL_MAX = 4;
const INDENT = "  ";
const TOKEN = /(#{1,3}) |(?:[-*] )?\[([ xX]{0,8})\] |([-*]) |(\d{1,3})\. |(>) /y;
const SPACES = / {0,16}/y;
/** Kinds that are items of a list: they go on in the next line, and can be indented. */
export const LISTED = new Set(["item", "number", "todo"]);

/** @param {string} text @returns {Line[]} */
export function linesOf(text) {
  const lines = [];
  /** @type {number[]} the last number shown, by level */
  let counts = [];
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = lineAt(text, start, end);
    if (line.kind === "number") {
      counts = counts.slice(0, line.level + 1);
      line.number = counts[line.level] = (counts[line.level] ?? 0) + 1;
    } else counts = LISTED.has(line.kind) ? counts.slice(0, line.level) : [];
    lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** One line of a text that goes from start to end. @returns {Line} */
export function lineAt(text, start, end) {
  const line = { kind: "text", level: 0, checked: false, start, content: start, end, number: 0 };
  SPACES.lastIndex = start;
  const indent = Math.min(SPACES.exec(text)[0].length, end - start);
  TOKEN.lastIndex = start + indent;
  const first = TOKEN.exec(text);
  if (!first || TOKEN.lastIndex > end) return line;
  const [, hashes, box, , number, quote] = first;
  if (hashes) line.kind = `h${hashes.length}`;
  else if (box !== undefined) line.kind = "todo";
  else if (number) line.kind = "number";
  else line.kind = quote ? "quote" : "item";
  line.checked = line.kind === "todo" && /x/i.test(box);
  if (LISTED.has(line.kind)) line.level = Math.min(indent >> 1, LEVEL_MAX);
  line.content = TOKEN.lastIndex;
  for (let more = TOKEN.exec(text); more && TOKEN.lastIndex <= end; more = TOKEN.exec(text)) {
    line.content = TOKEN.lastIndex; // a run of prefixes, of several authors: the first one counts
  }
  return line;
}

/** The characters that make a line this. @param {Kind} kind */
export function prefixOf(kind, level = 0, checked = false, number = 1) {
  const indent = LISTED.has(kind) ? INDENT.repeat(Math.min(level, LEVEL_MAX)) : "";
  if (kind === "todo") return `${indent}- [${checked ? "x" : " "}] `;
  if (kind === "number") return `${indent}${Math.min(number, 999)}. `;
  return indent + { text: "", h1: "# ", h2: "## ", h3: "### ", item: "- ", quote: "> " }[kind];
}

/** The index of the line that a place in the text is in. @param {Line[]} lines */
export function lineIndexAt(lines, place) {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle].start <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** How many things to do there are, and how many are done. @param {string} text */
export function progressOf(text) {
  const todos = linesOf(text).filter((line) => line.kind === "todo");
  return { done: todos.filter((line) => line.checked).length, all: todos.length };
}

/** The text as it reads without any prefix, for lists and searches. @param {string} text */
export function plainOf(text) {
  return linesOf(text).map((line) => text.slice(line.content, line.end)).join("\n");
}
