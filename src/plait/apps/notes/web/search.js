/**
 * Finding notes: by words (all of them, from their beginnings), by "#tag", by "is:open".
 *
 * A word in the title counts more than one in a tag, and that more than one in the body; what is
 * found equally well comes as it was edited, the latest first. Capitals and accents make no
 * difference. Every note is here, so nothing is asked of a server, and it works offline.
 *
 * Invariant: with nothing to find, everything is found, pinned notes first. Absent: an index: some
 * thousand notes are looked through between two key strokes.
 */

/**
 * @typedef {object} Summary  what the list shows of a note
 * @property {string} key
 * @property {string} title
 * @property {string} plain  the body without prefixes
 * @property {string[]} tags
 * @property {boolean} pinned
 * @property {number} edited  milliseconds
 * @property {{done: number, all: number}} progress
 * @property {number} conflicts
 * @property {string} when
 */

const QUERY_MAX = 200;
const SNIPPET = 140;
const BEFORE = 24; // of the words before what was found, so that it is in sight

/** @param {string} text */
export function folded(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** What a query asks for. @param {string} query */
export function parsed(query) {
  const asked = { words: [], tags: [], open: false, conflicts: false, pinned: false };
  for (const part of folded(query.slice(0, QUERY_MAX)).split(/\s+/).filter(Boolean)) {
    if (part === "is:open") asked.open = true;
    else if (part === "is:conflict") asked.conflicts = true;
    else if (part === "is:pinned") asked.pinned = true;
    else if (part.length > 1 && part.startsWith("#")) asked.tags.push(part.slice(1));
    else asked.words.push(part);
  }
  return asked;
}

/** @param {Summary[]} notes @param {string} query @param {string|null} [tag] @returns {Summary[]} */
export function found(notes, query, tag = null) {
  const asked = parsed(query);
  const ranked = [];
  for (const note of notes) {
    if (tag !== null && !note.tags.includes(tag)) continue;
    const score = scoreOf(note, asked);
    if (score > 0) ranked.push({ note, score });
  }
  const isSearch = asked.words.length > 0;
  return ranked
    .sort((one, other) =>
      (isSearch ? other.score - one.score : other.note.pinned - one.note.pinned)
      || other.note.edited - one.note.edited
      || (one.note.key < other.note.key ? -1 : 1)
    )
    .map(({ note }) => note);
}

function scoreOf(note, asked) {
  if (asked.open && note.progress.done >= note.progress.all) return 0;
  if (asked.conflicts && !note.conflicts) return 0;
  if (asked.pinned && !note.pinned) return 0;
  const tags = note.tags.map(folded);
  if (!asked.tags.every((tag) => tags.some((own) => own.startsWith(tag)))) return 0;
  let score = 1;
  const title = folded(note.title);
  const body = asked.words.length ? folded(note.plain) : "";
  for (const word of asked.words) {
    const inTitle = quality(title, word);
    const inTags = tags.some((tag) => tag.startsWith(word)) ? 1 : 0;
    const inBody = quality(body, word);
    if (!(inTitle || inTags || inBody)) return 0;
    score += 8 * inTitle + 4 * inTags + inBody;
  }
  return score;
}

/** 0: not there; 1: within a word; 2: where a word begins. */
function quality(text, word) {
  let best = 0;
  for (let at = text.indexOf(word); at >= 0 && best < 2; at = text.indexOf(word, at + 1)) {
    best = at === 0 || /[^\p{L}\p{N}]/u.test(text[at - 1]) ? 2 : 1;
  }
  return best;
}

/**
 * A piece of a text around the first word that is found, cut into what is and is not found.
 * @returns {{text: string, hit: boolean}[]}
 */
export function snippet(text, query, size = SNIPPET) {
  const flat = text.replace(/\s*\n+\s*/g, " · ").replace(/^ · | · $/g, "").trim();
  const { words } = parsed(query);
  const first = words.map((word) => hitsIn(flat, word)[0]?.[0] ?? Infinity);
  const at = Math.min(...first, Infinity);
  let from = 0;
  if (at !== Infinity && at > BEFORE) from = flat.lastIndexOf(" ", Math.max(0, at - BEFORE / 2)) + 1;
  return highlighted((from ? "… " : "") + flat.slice(from, from + size), words);
}

/** A text cut into what is and is not found. @param {string[]} words folded ones */
export function highlighted(text, words) {
  const hits = words.flatMap((word) => hitsIn(text, word)).sort((one, other) => one[0] - other[0]);
  const pieces = [];
  let done = 0;
  for (const [from, to] of hits) {
    if (to <= done) continue;
    if (from > done) pieces.push({ text: text.slice(done, from), hit: false });
    pieces.push({ text: text.slice(Math.max(from, done), to), hit: true });
    done = to;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), hit: false });
  return pieces;
}

/** Where a folded word stands in a text that is not. @returns {[number, number][]} */
function hitsIn(text, word) {
  const places = []; // of each folded unit, its place in the text
  let flat = "";
  let at = 0;
  for (const char of text) {
    const fold = folded(char);
    for (let index = 0; index < fold.length; index++) places.push(at);
    flat += fold;
    at += char.length;
  }
  places.push(at);
  const hits = [];
  for (let i = flat.indexOf(word); i >= 0 && word; i = flat.indexOf(word, i + word.length)) {
    hits.push([places[i], places[i + word.length]]);
  }
  return hits;
}

/** Tags with how many notes have them, the most used first. @param {Summary[]} notes */
export function tagsOf(notes) {
  const counts = new Map();
  for (const note of notes) for (const tag of note.tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
}

/** Headings of the list, by when a note was edited. @param {Summary[]} notes found ones, in order */
export function grouped(notes, now) {
  const day = new Date(now);
  day.setHours(0, 0, 0, 0);
  const midnight = day.getTime();
  const heading = ({ pinned, edited }) => {
    if (pinned) return "Pinned";
    if (edited >= midnight) return "Today";
    if (edited >= midnight - 864e5) return "Yesterday";
    return edited >= midnight - 7 * 864e5 ? "Last seven days" : "Earlier";
  };
  const groups = [];
  for (const note of notes) {
    const name = heading(note);
    if (groups.at(-1)?.name !== name) groups.push({ name, notes: [] });
    groups.at(-1).notes.push(note);
  }
  return groups;
}
