/**
 * Words that are bold, italic, struck, code or links: marks on characters, told and shown.
 *
 * A text with marks comes as a *delta*, [{insert, attributes}], as Quill and its kin have it. Marks
 * of names that are not known here are kept, and not shown. What is typed as Markdown, **bold**, is
 * made a mark when its last character is typed.
 *
 * Invariant: nothing that a link's address says is ever run: only http, https and mailto are links.
 * Absent: addresses that are told to be links without being marked, but for http(s)://…, which are
 * shown as such.
 */

/**
 * @typedef {{insert: string, attributes?: Record<string, unknown>}} Piece
 * @typedef {{text: string, marks: Record<string, unknown>}} Run  of one line, never empty
 */

/** In the order in which they are nested when shown, outermost first. */
export const MARKS = ["added", "link", "bold", "italic", "strike", "code"];
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;
const SAFE = /^(?:https?:\/\/|mailto:)[^\s]+$/i;
/** What is typed around words, and the mark that it makes; the longer first. */
const TYPED = [
  ["**", "bold"],
  ["~~", "strike"],
  ["`", "code"],
  ["*", "italic"],
  ["_", "italic"],
];

/** The address that a link leads to, or null if it is none to be followed. */
export function safeAddress(value) {
  return typeof value === "string" && SAFE.test(value.trim()) ? value.trim() : null;
}

/** What somebody typed as an address, made one. @returns {string|null} */
export function addressOf(typed) {
  const text = typed.trim();
  if (safeAddress(text)) return text;
  if (/^[^\s@/]+@[^\s@/]+\.[a-z]{2,}$/i.test(text)) return `mailto:${text}`;
  return /^[\w-]+(\.[\w-]+)+([/?#:]\S*)?$/.test(text) ? `https://${text}` : null;
}

/** The known marks of a piece. @param {Piece} piece */
function marksOf(piece) {
  const marks = {};
  for (const name of MARKS) {
    const value = piece.attributes?.[name];
    if (value !== undefined && value !== null && value !== false) marks[name] = value;
  }
  return marks;
}

/**
 * Runs of lines, each from its `content` to its `end`.
 * @param {Piece[]} delta @param {{content: number, end: number}[]} lines @returns {Run[][]}
 */
export function runsOf(delta, lines) {
  const found = lines.map(() => /** @type {Run[]} */ ([]));
  let index = 0;
  let at = 0;
  for (const piece of delta) {
    const stop = at + piece.insert.length;
    const marks = marksOf(piece);
    while (index < lines.length) {
      const from = Math.max(lines[index].content, at);
      const to = Math.min(lines[index].end, stop);
      if (from < to) push(found[index], piece.insert.slice(from - at, to - at), marks);
      if (lines[index].end >= stop) break;
      index++;
    }
    at = stop;
  }
  return found.map(withAddresses);
}

function push(runs, text, marks) {
  const last = runs.at(-1);
  if (last && same(last.marks, marks)) last.text += text;
  else runs.push({ text, marks });
}

const same = (one, other) => MARKS.every((name) => one[name] === other[name]);

/** Addresses in unmarked words are shown as links. @param {Run[]} runs */
function withAddresses(runs) {
  if (!runs.some((run) => run.text.includes("://"))) return runs;
  return runs.flatMap((run) => {
    if (run.marks.link || run.marks.code) return [run];
    const found = [];
    let done = 0;
    for (const match of run.text.matchAll(ADDRESS)) {
      if (match.index > done) found.push({ text: run.text.slice(done, match.index), marks: run.marks });
      found.push({ text: match[0], marks: { link: match[0], ...run.marks } });
      done = match.index + match[0].length;
    }
    if (done < run.text.length) found.push({ text: run.text.slice(done), marks: run.marks });
    return found;
  });
}

/** The marks at the character left of a place, and whether it is inside of each. @returns {object} */
export function marksAt(delta, place) {
  let at = 0;
  for (const piece of delta) {
    const stop = at + piece.insert.length;
    if (place > at && place <= stop) return marksOf(piece);
    at = stop;
  }
  return {};
}

/** Whether all characters between two places (but newlines) have a mark. */
export function allMarked(delta, start, stop, name) {
  let at = 0;
  let some = false;
  for (const piece of delta) {
    const text = piece.insert.slice(Math.max(0, start - at), Math.max(0, stop - at));
    at += piece.insert.length;
    if (!/[^\n]/.test(text)) continue;
    if (marksOf(piece)[name] === undefined) return false;
    some = true;
  }
  return some;
}

/** The stretch with one value of a mark that a place is in, or touches. @returns {[number, number, unknown]|null} */
export function stretchAt(delta, place, name) {
  let at = 0;
  let found = null;
  for (const piece of delta) {
    const stop = at + piece.insert.length;
    const value = marksOf(piece)[name];
    if (value !== undefined && found && found[1] === at && found[2] === value) found[1] = stop;
    else if (found && found[1] >= place && found[0] < place) return found;
    else found = value === undefined ? null : [at, stop, value];
    at = stop;
  }
  return found && found[0] < place && found[1] >= place ? found : null;
}

/**
 * Markdown that has just been closed by the character before a place: what is to be taken away and
 * what is to be marked, in the text as it is.
 * @returns {{name: string, open: number, from: number, to: number, close: number}|null}
 */
export function justClosed(text, content, place) {
  const line = text.slice(content, place);
  for (const [sign, name] of TYPED) {
    if (!line.endsWith(sign)) continue;
    const inner = line.slice(0, -sign.length);
    const open = inner.lastIndexOf(sign);
    const words = inner.slice(open + sign.length);
    if (open < 0 || !words || words !== words.trim() || words.includes(sign[0])) continue;
    const before = inner[open - 1] ?? " ";
    if (before === sign[0] || (sign !== "`" && /[\p{L}\p{N}]/u.test(before))) continue;
    const from = content + open + sign.length;
    return { name, open: content + open, from, to: from + words.length, close: place };
  }
  return null;
}
