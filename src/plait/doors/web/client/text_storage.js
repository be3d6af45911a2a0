// A text as bytes, as nodes write and read it: magic, and a list of pages.
//
// A state that was opened is saved by appending to what it was opened from, as long as its history is
// cold; so its history is neither decoded nor packed again. Mirrors `plait.types.text.storage`.
//
// Invariant: what loads is what was saved, with its history, or `Corrupt` or `UnknownFormat` is raised
// (for history: when it is thawed). Absent: cursors, undo and watchers, which are of a page's visit; and
// pages in rows: a browser stores a text in one piece.

import { concat, decode, encode } from "./codec.js";
import { BadFrame, Corrupt } from "./errors.js";
import { unpackBlock } from "./text_blocks.js";
import { putDeleted, putInserted, unpackRuns, unpackSpans } from "./text_columns.js";
import { baseOf, extensionOf, marksOf, putMarks } from "./text_mark_storage.js";
import { appended, headsOf, presentOf, readPage, snapshot, textIn, TEXT_CONTENTS } from "./text_pages.js";
import { TextState } from "./text_state.js";
import { EventGraph } from "./walker_graph.js";
import { OpLog } from "./walker_log.js";

const MAGIC = new TextEncoder().encode("PLSQ");
const PAGES_MAX = 512;
const WASTE_MIN = 4096; // bytes that may be appended to the smallest of texts
const WASTE_SHARE = 2; // of larger ones: one in so many bytes

/** The state as bytes. */
export function save(state) {
  state.closeRun();
  const cold = state.cold;
  let pages = [];
  if (cold !== null) {
    pages = [...cold.pages];
    const last = tail(state, cold);
    if (state.graph.end > cold.end || stampOf(state) !== cold.stamp) pages.push(last);
    const [{ present, contents, runs }] = pages;
    const size = present.length + contents.length + runs.length;
    const waste = pages.slice(1).reduce((sum, page) => sum + page.contents.length + page.runs.length + page.spans.length, 0);
    if (waste > Math.max(size / WASTE_SHARE, WASTE_MIN) || pages.length >= PAGES_MAX) pages = [];
  }
  if (!pages.length) pages = [whole(state)];
  return concat(MAGIC, encode(pages.map((page) => page.bytes)));
}

/** What tells one version and folding of a text from another. */
function stampOf(state) {
  const dots = [headsOf(state), state.baseDots(), [...state.clears.values()]];
  return dots.map((each) => each.join(" ")).join("|");
}

function tail(state, cold) {
  const marks = extensionOf(state.log, cold.end, null, false); // the root is where it was
  return appended(state, cold.end, cold.pieces, [...state.extensions, ...marks]);
}

function whole(state) {
  let past = state;
  if (state.cold !== null) past = new StoredHistory([...state.cold.pages, tail(state, state.cold)]).thaw();
  const base = baseOf(state);
  const marks = extensionOf(past.log, past.graph.first, base, base !== null);
  return snapshot(state, past, [...state.extensions, ...marks]);
}

/** The state in bytes. `Corrupt`, `UnknownFormat`. */
export function load(data) {
  if (MAGIC.some((byte, index) => data[index] !== byte)) throw new Corrupt("these are not the bytes of a text");
  try {
    const pages = decode(data.subarray(MAGIC.length));
    if (!Array.isArray(pages) || !pages.every((page) => page instanceof Uint8Array)) throw new BadFrame("no pages");
    return opened(pages.map(readPage));
  } catch (error) {
    if (error instanceof BadFrame) throw new Corrupt(error.message);
    throw error;
  }
}

function opened(pages) {
  const state = new TextState(presentOf(pages));
  const last = pages[pages.length - 1];
  const history = new StoredHistory(pages);
  state.marks = marksOf(pages.map((page) => page.extensions), last.first);
  state.graph.first = state.graph.end = state.log.end = last.end;
  state.base = new Map(last.dots(last.base));
  for (const dot of last.dots(last.clears)) state.clears.set(`${dot[0]}:${dot[1]}`, dot);
  if (last.first < last.end) state.cold = history;
  else if (last.heads.length) throw new Corrupt("a text has heads, and no history");
  state.extensions = last.extensions.filter(([, must]) => !must);
  history.pieces = [...state.items.pieces];
  history.stamp = stampOf(state);
  return state;
}

/** The history of a chain of pages, not decoded until somebody asks for it. Invariant: thawed, it ends
 * at `end` with the heads `heads`, or `Corrupt` is raised. */
class StoredHistory {
  constructor(pages) {
    const last = pages[pages.length - 1];
    this.pages = pages;
    this.first = last.first;
    this.end = last.end;
    this.heads = last.dots(last.heads);
    this.pieces = []; // of the text when it was read
    this.stamp = "";
  }

  /** Decode it: {graph, log}. `Corrupt`. */
  thaw() {
    const pages = this._connected();
    const graph = new EventGraph(pages[0].since);
    const log = new OpLog(TEXT_CONTENTS, pages[0].since);
    try {
      for (const page of pages) add(page, graph, log);
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      throw new Corrupt(`the history of a text does not decode: ${error.message}`);
    }
    const heads = graph.heads.map((head) => graph.seqOf(head));
    const isWhole = graph.first <= this.first && this.first < graph.end && graph.end === this.end;
    if (heads.join(" ") !== this.heads.join(" ") || !isWhole) {
      throw new Corrupt("the history of a text is not what its last page says");
    }
    if (!isFoldable(graph, this.first)) throw new Corrupt("the history of a text was folded where it cannot be");
    if (this.first > graph.first) {
      graph.drop(this.first);
      log.drop(this.first);
    }
    return { graph, log };
  }

  /** The pages behind the last gap. */
  _connected() {
    for (let index = this.pages.length - 1; index > 0; index--) {
      if (this.pages[index].since > this.pages[index].start) return this.pages.slice(index);
    }
    return this.pages;
  }
}

function add(page, graph, log) {
  if (page.since === page.end) return;
  if (page.since !== graph.end || !(graph.first <= page.root && page.root <= page.since)) {
    throw new BadFrame("a page is missing");
  }
  const known = log.length;
  unpackSpans(unpackBlock(page.spans), graph, page.names, page.root);
  unpackRuns(unpackBlock(page.runs), log);
  if (graph.end !== log.end || log.end !== page.end) throw new BadFrame("a page is not as long as it says");
  putMarks(log, known, page.extensions);
  const content = textIn(page.contents);
  if (!page.derived) putInserted(log, known, content);
  else if (known) throw new BadFrame("only a snapshot follows from what it shows");
  else putDeleted(log, textIn(page.present), content);
}

/** Whether all that lies before an LV can be forgotten. */
function isFoldable(graph, boundary) {
  const span = graph.spanAt(boundary);
  const isWhole = (boundary - graph.starts[span]) % graph.widths[span] === 0;
  return isWhole && graph.critical(boundary) === boundary;
}
