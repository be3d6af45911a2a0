// The event graph of a text, and its log, as columns of small numbers; and what they hold.
//
// A column is one property of all spans of the graph, or of all runs of the log, as differences to what
// is likely: the author's next operation, the place where the last run ended. Mirrors
// `plait.types.text.columns`.
//
// Invariant: columns that no history packs to raise `BadFrame`, as far as that can be told without
// walking the events. Absent: packing contents as what was deleted, which nodes do.

import { BadFrame } from "./errors.js";
import { folded, NUMBER_MAX, Numbers, unfolded } from "./text_blocks.js";
import { pointsIn, sliceOf } from "./text_points.js";
import { Rope } from "./text_rope.js";
import { BACKSPACE, INSERT, MARK } from "./walker_log.js";
import { ROOT, same } from "./walker_spans.js";

const PARENT_BEFORE = 0; // the event before is the only parent
const PARENT_ROOT = 1; // everything before the root; above: one less than the number of parents

const A_MARK = 0; // instead of three times a run's size, and its kind

/** Gives numbers to authors as they come. */
export class Authors {
  constructor() {
    this.names = [];
    this._numbers = new Map();
  }

  number(name) {
    let number = this._numbers.get(name);
    if (number === undefined) {
      number = this.names.length;
      this._numbers.set(name, number);
      this.names.push(name);
    }
    return number;
  }
}

// ------------------------------------------------------------------ the graph

/** The events from an LV on, as numbers. */
export function packSpans(graph, start, authors) {
  const agents = [];
  const seqs = [];
  const widths = [];
  const counts = [];
  const parents = [];
  const likely = new Map();
  for (let span = Math.max(graph.spanAt(start), 0); span < graph.starts.length; span++) {
    const width = graph.widths[span];
    let begin = graph.starts[span];
    let seq = graph.seqs[span];
    let before = graph.parents[span];
    let count = Math.floor((graph.endOf(span) - begin) / width);
    if (begin < start) {
      const skipped = Math.floor((start - begin) / width);
      begin = start;
      seq += skipped;
      count -= skipped;
      before = null;
    }
    const agent = authors.number(graph.names[graph.agents[span]]);
    agents.push(agent);
    seqs.push(folded(seq - (likely.get(agent) ?? 0)));
    likely.set(agent, seq + count);
    widths.push(width);
    counts.push(count);
    if (before === null) parents.push(PARENT_BEFORE);
    else if (!before.length) parents.push(PARENT_ROOT);
    else parents.push(before.length + 1, ...before.map((parent) => begin - parent));
  }
  return [agents.length, parents.length].concat(agents, seqs, widths, counts, parents);
}

/** Add the events of a history to a graph that ends where they begin. root: the LV before which
 * everything was folded, or cold, when they were packed. */
export function unpackSpans(data, graph, names, root) {
  const numbers = new Numbers(data);
  const [size, parentSize] = numbers.column(2);
  const agents = numbers.column(size);
  const seqs = numbers.column(size);
  const widths = numbers.column(size);
  const counts = numbers.column(size);
  const parents = numbers.column(parentSize);
  numbers.end();
  const likely = new Map();
  let at = 0;
  for (let index = 0; index < size; index++) {
    const agent = agents[index];
    const width = widths[index];
    const count = counts[index];
    if (agent >= names.length || at >= parentSize) throw new BadFrame("a span of nobody, or without parents");
    const seq = (likely.get(agent) ?? 0) + unfolded(seqs[index]);
    likely.set(agent, seq + count);
    if (seq < 0 || !width || !count || width * count > NUMBER_MAX - graph.end) throw new BadFrame("a span of no events");
    const known = Math.max(parents[at] - 1, 0);
    const version = versionOf(graph, parents[at], parents.slice(at + 1, at + 1 + known), root);
    at += 1 + known;
    graph.add(graph.agent(names[agent]), seq, count, width, version);
  }
  if (at !== parentSize) throw new BadFrame("parents of nobody");
}

function versionOf(graph, code, back, root) {
  if (code === PARENT_ROOT) return root === graph.first ? ROOT : graph.headsAt(root);
  if (code === PARENT_BEFORE) back = [1];
  const version = back.map((step) => graph.end - step);
  const ascends = version.every((lv, index) => !index || version[index - 1] < lv);
  if (version.length !== Math.max(code - 1, 1) || !ascends) throw new BadFrame("parents that are no version");
  if (version[0] < graph.first || version[version.length - 1] >= graph.end) throw new BadFrame("parents that are not there");
  if (version.length > 1 && !same(graph.dominators(version), version)) {
    throw new BadFrame("parents that come before one another");
  }
  return version;
}

// ------------------------------------------------------------------ the log

/** What the events from an LV on did, without contents, as numbers. */
export function packRuns(log, start) {
  const kinds = [];
  const places = [];
  let likely = 0;
  for (const { kind, pos, size } of log.runs(start, log.end)) {
    kinds.push(kind === MARK ? A_MARK : size * 3 + kind);
    places.push(folded(pos - likely));
    likely = behind(kind, pos, size);
  }
  return [kinds.length].concat(kinds, places);
}

/** Where the cursor is after a run; of a backspace, what it would delete next. */
function behind(kind, pos, size) {
  return kind === INSERT ? pos + size : kind === BACKSPACE ? pos - size : pos;
}

/** Add the runs of a history to a log that ends where they begin; without contents. */
export function unpackRuns(data, log) {
  const numbers = new Numbers(data);
  const [size] = numbers.column(1);
  const kinds = numbers.column(size);
  const places = numbers.column(size);
  numbers.end();
  let likely = 0;
  for (let index = 0; index < size; index++) {
    const packed = kinds[index];
    const length = packed === A_MARK ? 1 : Math.floor(packed / 3);
    const kind = packed === A_MARK ? MARK : packed % 3;
    const pos = likely + unfolded(places[index]);
    const lowest = kind === BACKSPACE ? length - 1 : 0;
    if (!length || !(lowest <= pos && pos < NUMBER_MAX) || length > NUMBER_MAX - log.end) {
      throw new BadFrame("a run that is nowhere");
    }
    likely = behind(kind, pos, length);
    log.add(kind, pos, length, null, false);
  }
}

// ------------------------------------------------------------------ contents

/** Whether every event from an LV on came after all those before it. */
export function isLinearFrom(graph, start) {
  if (start >= graph.end) return true;
  if (graph.critical(start) !== start) return false;
  for (let span = graph.spanAt(start) + 1; span < graph.parents.length; span++) {
    if (graph.parents[span] !== null) return false;
  }
  return true;
}

/** All that was inserted from an LV on, in one. */
export function inserted(log, start) {
  const runs = log.runs(start, log.end).filter((run) => run.kind === INSERT);
  return runs.map((run) => run.content).join("");
}

/** Give every run of insertions from index `start` on its part. `BadFrame`. */
export function putInserted(log, start, content) {
  const size = pointsIn(content);
  const isPlain = size === content.length;
  let at = 0;
  let rest = content; // of one with surrogates
  for (let index = start; index < log.length; index++) {
    if (log.kinds[index] !== INSERT) continue;
    const part = log.sizes[index];
    if (isPlain) {
      log.contents[index] = content.slice(at, at + part);
    } else {
      log.contents[index] = sliceOf(rest.slice(0, 2 * part), 0, part);
      rest = rest.slice(log.contents[index].length);
    }
    at += part;
  }
  if (at !== size) throw new BadFrame("not as much was inserted as the log says");
}

/** Find out what was inserted by a log without concurrency, from the present and what was deleted.
 * `BadFrame`. */
export function putDeleted(log, present, content) {
  const items = new Rope(present);
  const gone = new Rope(content);
  let at = gone.length;
  for (let index = log.length - 1; index >= 0; index--) {
    const kind = log.kinds[index];
    const size = log.sizes[index];
    let pos = log.poss[index];
    if (kind === INSERT) {
      if (pos + size > items.length) throw new BadFrame("an insertion that is not in the text");
      log.contents[index] = items.slice(pos, pos + size);
      items.delete(pos, size);
    } else if (kind !== MARK) {
      if (kind === BACKSPACE) pos -= size - 1;
      if (at < size || pos > items.length) throw new BadFrame("a deletion of what was not there");
      items.insert(pos, gone.slice(at - size, at));
      at -= size;
    }
  }
  if (at) throw new BadFrame("more was deleted than the log says");
}
