// Pages: a text as pieces of bytes of which the first is a snapshot, and the others append.
//
// Every page says how the present came to be what it is (a snapshot: what it is), holds the events since
// the page before, and ends with what a first edit must know, so that opening a text walks and decodes no
// history. That stays *cold*, as bytes, until somebody needs it. Mirrors `plait.types.text.pages`.
//
// Invariants: a page begins where the one before ends; its checksum is right, or `Corrupt` is raised.

import { checksum, concat, decode, encode } from "./codec.js";
import { BadFrame, Corrupt, PlaitError, UnknownFormat } from "./errors.js";
import { NUMBER_MAX, packBlock, unpackBlock, varints } from "./text_blocks.js";
import { Authors, inserted, isLinearFrom, packRuns, packSpans, putInserted, unpackRuns } from "./text_columns.js";
import { changesBetween } from "./text_hunks.js";
import { MARKS } from "./text_mark_storage.js";
import { pointsIn, sliceOf } from "./text_points.js";
import { Rope } from "./text_rope.js";
import { BACKSPACE, INSERT, MARK, OpLog } from "./walker_log.js";
import { isCount } from "./walker_sequence.js";

const VERSION = 1;
const SNAPSHOT = 0; // how a page tells the present
const EDITS = 1;
const HUNKS = 2;

const CHECKSUM_BYTES = 4;
const NOTHING = new Uint8Array();

// the fields in their order, with what they are if they are left out
const FIELDS = {
  form: 0, start: 0, units: 0, kept: 0, length: 0, names: [], base: [], heads: [], clears: [], agent: 0,
  own: 1, spans: NOTHING, runs: NOTHING, contents: NOTHING, rooted: 0, skipped: 0, present: NOTHING,
  hunks: [], derived: false, extensions: [],
}; // prettier-ignore
const NEEDED = 14; // those that must be there
const COUNTS = ["form", "start", "units", "kept", "length", "own", "rooted", "skipped"];
const BLOCKS = ["spans", "runs", "contents", "present"];
const PAIRS = ["base", "heads", "clears"];

/** One page; see `FIELDS`. Authors go by their index in `names`. */
export class Page {
  constructor(fields) {
    Object.assign(this, FIELDS, fields);
    this.since = this.start + this.skipped; // the first LV whose event is here
    this.end = this.since + this.units; // the LV behind the page
    this.root = this.since - this.rooted; // the LV that was the root when the page was written
    this.first = this.end - this.kept; // the LV before which everything is folded
    this._bytes = null;
  }

  /** Dots, with names. `BadFrame`. */
  dots(pairs) {
    return pairs.map(([number, seq]) => {
      if (number >= this.names.length) throw new BadFrame("an author without a name");
      return [this.names[number], seq];
    });
  }

  /** With its checksum. */
  get bytes() {
    if (this._bytes === null) {
      const body = encode([VERSION, Object.keys(FIELDS).map((name) => this[name])]);
      const head = new Uint8Array(CHECKSUM_BYTES);
      new DataView(head.buffer).setUint32(0, checksum(body));
      this._bytes = concat(head, body);
    }
    return this._bytes;
  }
}

// ------------------------------------------------------------------ reading

/** The page in bytes. `Corrupt`, `UnknownFormat`. */
export function readPage(data) {
  const body = data.subarray(CHECKSUM_BYTES);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (!body.length || checksum(body) !== view.getUint32(0)) throw new Corrupt("a page of a text fails its checksum");
  let version;
  try {
    const outline = decode(body);
    check(Array.isArray(outline) && outline.length === 2 && isCount(outline[0]), "outline");
    version = outline[0];
    if (version === VERSION) return checkedPage(outline[1], data);
  } catch (error) {
    if (error instanceof UnknownFormat || error instanceof Corrupt) throw error;
    if (error instanceof PlaitError || error instanceof TypeError) {
      throw new Corrupt(`a page of a text does not decode: ${error.message}`);
    }
    throw error;
  }
  throw new UnknownFormat(`a text in format ${String(version)}; this reads ${VERSION}`);
}

function checkedPage(values, data) {
  if (!Array.isArray(values) || values.length < NEEDED) throw new BadFrame("too few fields");
  const fields = {};
  Object.keys(FIELDS).forEach((name, index) => {
    if (index < values.length) fields[name] = values[index];
  });
  const page = new Page(fields);
  for (const name of COUNTS) check(isCount(page[name]) && page[name] >= 0, name);
  for (const name of BLOCKS) check(page[name] instanceof Uint8Array, name);
  for (const name of PAIRS) check(arePairs(page[name]), name);
  check(Array.isArray(page.names) && page.names.every(isAuthor) && isAuthor(page.agent), "names");
  check(Array.isArray(page.hunks) && page.hunks.every((each) => isCount(each) && each >= 0), "hunks");
  check(typeof page.derived === "boolean" && Array.isArray(page.extensions), "extensions");
  for (const extension of page.extensions) {
    check(Array.isArray(extension) && extension.length === 3, "extensions");
    const [name, must, bytes] = extension;
    check(typeof name === "string" && typeof must === "boolean" && bytes instanceof Uint8Array, "extensions");
    if (must && name !== MARKS) throw new UnknownFormat(`a text with ${name.slice(0, 80)}, which is not known here`);
  }
  page.names = page.names.map(BigInt);
  if (page.root < 0 || page.first < 0 || page.end > NUMBER_MAX) throw new Corrupt("a page of a text contradicts itself");
  page._bytes = data.slice();
  return page;
}

function check(fits, name) {
  if (!fits) throw new BadFrame(`its ${name} cannot be`);
}

const isAuthor = (name) => (typeof name === "bigint" ? name > 0n : isCount(name) && name >= 0);
const arePairs = (pairs) =>
  Array.isArray(pairs) &&
  pairs.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((each) => isCount(each) && each >= 0));

/** The text as the last page leaves it. `BadFrame`. */
export function presentOf(pages) {
  if (!pages.length || pages[0].form !== SNAPSHOT) throw new BadFrame("the first page of a text is missing");
  const items = new Rope(textIn(pages[0].present));
  let end = pages[0].start;
  pages.forEach((page, number) => {
    if (number) {
      if (page.start !== end) throw new BadFrame("a page of a text is missing");
      for (const [pos, gone, come] of hunksOf(page)) {
        if (pos + gone > items.length) throw new BadFrame("a change of what is not there");
        if (gone) items.delete(pos, gone);
        if (come) items.insert(pos, come);
      }
    }
    end = page.end;
    if (items.length !== page.length) throw new BadFrame("a text is not as long as it says");
  });
  return items;
}

function hunksOf(page) {
  if (page.form === EDITS) return editsOf(page);
  if (page.form !== HUNKS || page.hunks.length % 3) throw new BadFrame("a page that does not say what changed");
  const content = textIn(page.present);
  const length = pointsIn(content);
  const found = [];
  let at = 0;
  for (let index = 0; index < page.hunks.length; index += 3) {
    const [pos, gone, size] = page.hunks.slice(index, index + 3);
    if (at + size > length) break;
    found.push([pos, gone, sliceOf(content, at, at + size)]);
    at += size;
  }
  if (at !== length || found.length * 3 !== page.hunks.length) {
    throw new BadFrame("hunks that insert something else than they say");
  }
  return found;
}

function editsOf(page) {
  const log = new OpLog(TEXT_CONTENTS, page.since);
  if (page.runs.length) {
    unpackRuns(unpackBlock(page.runs), log);
    putInserted(log, 0, textIn(page.contents));
  }
  if (log.end !== page.end) throw new BadFrame("a log is not as long as it says");
  const found = [];
  for (const { kind, pos, size, content } of log.runs(page.since, page.end)) {
    if (kind === INSERT) found.push([pos, 0, content]);
    else if (kind !== MARK) found.push([kind === BACKSPACE ? pos - size + 1 : pos, size, ""]);
  }
  return found;
}

/** The text in a block. */
export function textIn(block) {
  if (!block.length) return "";
  try {
    return utf8.decode(unpackBlock(block));
  } catch (error) {
    if (error instanceof TypeError) throw new BadFrame("no text");
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/** Text as a sequence wants it: what is inserted, and which bodies are marks is said by the state. */
export const TEXT_CONTENTS = {
  size: pointsIn,
  slice: (text, start, stop) => sliceOf(text, start, stop),
  joined: (texts) => texts.join(""),
  isContent: (value) => typeof value === "string" && value.length > 0,
  isMark: () => false,
};

// ------------------------------------------------------------------ writing

/** A first page. past: {graph, log}, the history, decoded. */
export function snapshot(state, past, extensions) {
  const end = state.graph.end;
  const authors = new Authors();
  const { graph, log } = past;
  const told = graph.first < end;
  const spans = told ? packBlock(varints(packSpans(graph, graph.first, authors))) : NOTHING;
  return new Page({
    form: SNAPSHOT,
    start: graph.first,
    units: end - graph.first,
    kept: end - graph.first,
    ...heading(state, authors),
    spans,
    runs: told ? packBlock(varints(packRuns(log, graph.first))) : NOTHING,
    contents: told ? packBlock(toUtf8.encode(inserted(log, graph.first))) : NOTHING,
    present: packBlock(toUtf8.encode(state.items.text())),
    extensions,
  });
}

/** What came since the LV `start`, when the text was these pieces. */
export function appended(state, start, pieces, extensions) {
  const { graph, log } = state;
  const since = Math.max(start, graph.first);
  const authors = new Authors();
  const told = since < graph.end;
  const spans = told ? packBlock(varints(packSpans(graph, since, authors))) : NOTHING;
  const isLinear = since === start && isLinearFrom(graph, start);
  const changes = isLinear ? [] : changesBetween(pieces, state.items.pieces);
  return new Page({
    form: isLinear ? EDITS : HUNKS,
    start,
    skipped: since - start,
    units: graph.end - since,
    rooted: since - graph.first,
    kept: graph.end - (state.cold === null ? graph.first : state.cold.first),
    ...heading(state, authors),
    present: isLinear ? NOTHING : packBlock(toUtf8.encode(changes.map(([, , come]) => come).join(""))),
    hunks: changes.flatMap(([pos, gone, come]) => [pos, gone, pointsIn(come)]),
    spans,
    runs: told ? packBlock(varints(packRuns(log, since))) : NOTHING,
    contents: told ? packBlock(toUtf8.encode(inserted(log, since))) : NOTHING,
    extensions,
  });
}

/** What a page says of authors. */
function heading(state, authors) {
  const pairs = (dots) => dots.map(([name, seq]) => [authors.number(name), seq]);
  const base = pairs(state.baseDots());
  const heads = pairs(headsOf(state));
  const clears = pairs([...state.clears.values()]);
  return { base, heads, clears, names: authors.names, length: state.items.length };
}

/** The dots of the heads of what is not folded. */
export function headsOf(state) {
  const graph = state.graph;
  if (graph.heads.length || state.cold === null) return graph.heads.map((head) => graph.seqOf(head));
  return state.cold.heads;
}
