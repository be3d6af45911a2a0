// A sequence as one replica of it holds it: its operations by dot, folding, drafts, places.
//
// What was folded has no events any more: it is the root of the graph, and `base` says which dots lead
// it. History that was read from bytes may be *cold*: then too the graph begins behind it, but it can
// be thawed. `plait.types.walker.replica` is the same in Python.
//
// Invariants: an operation is in the graph, or was folded, or its author's number is beyond all that
// was seen; `clears` holds the dots of operations that stand for a clear. Dots are [BigInt, number].

import { byPair, dotKey } from "./causality.js";
import { decode, encode } from "./codec.js";
import { BadValue, Corrupt, HistoryTrimmed } from "./errors.js";
import { Walker } from "./walker.js";
import { stepsFrom } from "./walker_becoming.js";
import { BACKSPACE, INSERT, MARK } from "./walker_log.js";
import { EditableSequence, isCount } from "./walker_sequence.js";
import { ROOT, same } from "./walker_spans.js";
import { Trail } from "./walker_trail.js";
import { readDots } from "./walker_type.js";

// what `become` exchanges; the others are of those who look at the sequence
const OWN = [
  "graph", "log", "walker", "base", "clears", "cold", "marks",
  "_items", "_length", "_quiet", "_kind", "_size", "_pile",
]; // prettier-ignore

const nameOf = (dot) => dotKey(dot[0], dot[1]);

/** See the module. */
export class ReplicatedSequence extends EditableSequence {
  constructor(items, contents) {
    super(items, contents);
    this.base = new Map(); // the dots that lead what was folded: author -> number
    this.clears = new Map(); // name of a dot -> dot
    this.cold = null;
    this.marks = null; // of a text that has some: see text_marked.js
  }

  // ------------------------------------------------------------------ operations

  /** An operation of a replica; how many units it has. `BadFrame`, and nothing happened. */
  happen(event, edits) {
    const before = this.end;
    this.add(event.replica, event.seq, edits, this.versionAt(event.replica, event.context), true);
    return this.end - before;
  }

  /** What an author who has seen this had seen of the sequence; null is everything. */
  versionAt(name, context) {
    this._closeAside();
    if (this._kind >= 0) {
      const last = this.graph.names[this._author];
      if (last === name || this._seq + this._count - 1 <= (context.get(last) ?? 0)) return null;
      this.closeRun();
    }
    const cold = this.cold;
    if (cold !== null && cold.heads.some(([n, s]) => n !== name && s > (context.get(n) ?? 0))) this.thaw();
    return this.graph.versionOf(context, name);
  }

  /** How many items a version has. */
  lengthAt(version) {
    if (version === null || same(version, this.heads)) return this.length;
    this.closeRun();
    return this._walkerAt(version).length();
  }

  /** Delete everything that the event has seen, under its dot. */
  clear(event) {
    const version = this.versionAt(event.replica, event.context);
    const length = this.lengthAt(version);
    if (!length) return;
    this.add(event.replica, event.seq, [0, length], version, true);
    const dot = [event.replica, event.seq];
    this.clears.set(nameOf(dot), dot);
  }

  /** The last LV of an operation; -1 if it is not in the graph. */
  lastOf(dot) {
    this.closeRun();
    const lv = this.graph.lastSeen(dot[0], dot[1]);
    return lv >= 0 && this.graph.seqOf(lv)[1] === dot[1] ? lv : -1;
  }

  /** Whether the operation is in the graph. */
  has(dot) {
    return this.lastOf(dot) >= 0;
  }

  /** All operations that are here, in local order: {name, seq, parents, edits, clears}. */
  ops() {
    this.closeRun();
    const graph = this.graph;
    const found = [];
    for (let span = 0; span < graph.starts.length; span++) {
      const width = graph.widths[span];
      const end = graph.endOf(span);
      for (let lv = graph.starts[span]; lv < end; lv += width) found.push(this._opAt(lv, width));
    }
    return found;
  }

  /** One operation; null if it is not in the graph. */
  op(dot) {
    const lv = this.lastOf(dot);
    if (lv < 0) return null;
    const width = this.graph.widths[this.graph.spanAt(lv)];
    return this._opAt(lv + 1 - width, width);
  }

  _opAt(lv, width) {
    const graph = this.graph;
    const [name, seq] = graph.seqOf(lv);
    const parents = graph.parentsOf(lv).filter((p) => p >= graph.first);
    return {
      name,
      seq,
      parents: parents.map((p) => graph.seqOf(p)),
      edits: this.edits(lv, lv + width),
      clears: this.clears.has(nameOf([name, seq])),
    };
  }

  /** What the events of one operation did, the same list at every replica. */
  edits(start, stop) {
    const { size, joined } = this.contents;
    const edits = [];
    let last = INSERT;
    for (const run of this.log.runs(start, stop)) {
      const before = last;
      last = run.kind;
      const at = edits.length;
      if (run.kind === MARK) {
        edits.push(run.pos, run.content);
      } else if (run.kind === INSERT) {
        if (at && before === INSERT && run.pos === edits[at - 2] + size(edits[at - 1])) {
          edits[at - 1] = joined([edits[at - 1], run.content]);
        } else {
          edits.push(run.pos, run.content);
        }
      } else if (run.kind === BACKSPACE && run.size > 1) {
        for (let past = 0; past < run.size; past++) edits.push(run.pos - past, 1);
      } else if (at && typeof edits[at - 1] === "number" && run.pos === edits[at - 2]) {
        edits[at - 1] += run.size;
      } else {
        edits.push(run.pos, run.size);
      }
    }
    return edits;
  }

  /** An operation that the items contain already. `BadFrame`. */
  restore(op) {
    const units = this._units(op.edits, 2 ** 50);
    const graph = this.graph;
    const parents = this.versionOfDots(op.parents);
    const joins = parents.length === 1 && parents[0] === graph.end - 1;
    graph.add(graph.agent(op.name), op.seq, 1, units, parents);
    this._logEdits(op.edits, joins);
    if (op.clears) this.clears.set(nameOf([op.name, op.seq]), [op.name, op.seq]);
  }

  /** The version with these heads; those that are not here were folded. */
  versionOfDots(dots) {
    return this.graph.dominators(dots.map((dot) => this.lastOf(dot)).filter((lv) => lv >= 0));
  }

  /** Whether nothing ever happened here, or a deletion was carried out. */
  isBlank() {
    return !(this.length || this.base.size || this.cold || this.end > this.graph.first);
  }

  /** The dots of the heads: whoever has seen these has seen everything here. */
  leading() {
    this.closeRun();
    const heads = this.graph.heads.map((head) => this.graph.seqOf(head));
    if (heads.length) return heads;
    return this.cold === null ? this.baseDots() : [...this.cold.heads];
  }

  /** The dots of the base, in order. */
  baseDots() {
    return [...this.base].sort(byPair);
  }

  // ------------------------------------------------------------------ folding

  /** Decode the cold history. `Corrupt`. */
  thaw() {
    this.closeRun();
    const cold = this.cold;
    this.cold = null;
    if (cold === null) return;
    let past;
    try {
      past = cold.thaw();
    } catch (error) {
      this.base = new Map(cold.heads); // as if it were folded: the text is all right
      throw error;
    }
    this.graph.prepend(past.graph);
    this.log.prepend(past.log);
    this.cool();
  }

  /** Forget the events before the last critical boundary that is covered; if there are any. */
  fold(cut) {
    this.closeRun();
    const graph = this.graph;
    if (this.cold !== null) {
      const covered = this.cold.heads.every(([name, seq]) => seq <= (cut.get(name) ?? 0));
      if (covered && this.marks === null) {
        this.base = new Map(this.cold.heads);
        this.cold = null;
      } else {
        this.thaw();
      }
    }
    let boundary = graph.critical(graph.uncovered(cut));
    if (boundary <= graph.first) return false;
    if (boundary < graph.end) {
      const span = graph.spanAt(boundary); // no operation is cut
      boundary -= (boundary - graph.starts[span]) % graph.widths[span];
      if (boundary <= graph.first) return false;
    }
    this.base = new Map(graph.headsAt(boundary).map((head) => graph.seqOf(head)));
    this.aboutToFold(boundary);
    graph.drop(boundary);
    this.log.drop(boundary);
    if (this.walker !== null && this.walker.start < boundary) this.cool();
    for (const [name, dot] of [...this.clears]) {
      if (dot[1] <= (cut.get(dot[0]) ?? 0) && !this.has(dot)) this.clears.delete(name);
    }
    return true;
  }

  /** The events before a critical boundary are here for the last time. */
  aboutToFold(_boundary) {}

  // ------------------------------------------------------------------ places

  /** The trail, for somebody who is going to hold a position. */
  follow() {
    this.trail ??= new Trail();
    this.trail.held = true;
    return this.trail;
  }

  /** A place that means the same at every replica and any time: behind the item left of it, or before
   * the one right of it; bytes, as Python's. */
  anchor(pos, left) {
    if (!(pos >= 0 && pos <= this.length)) throw new BadValue(`position ${pos} of a sequence of ${this.length}`);
    return encode([this.leading(), pos, left]);
  }

  /** Where a place is now. `BadValue`; `HistoryTrimmed` if what it refers to was folded, or is not
   * here yet. */
  locate(anchor) {
    let where;
    let left;
    let dots;
    try {
      let heads;
      [heads, where, left] = decode(anchor);
      dots = readDots(heads);
    } catch {
      throw new BadValue("this is no anchor");
    }
    if (!isCount(where) || typeof left !== "boolean") throw new BadValue("this is no anchor");
    const version = this._ledBy(dots);
    if (version === null) {
      throw new HistoryTrimmed("the anchor is older than the history kept here, or not here yet");
    }
    const graph = this.graph;
    if (same(version, graph.heads)) return Math.min(where, this.length);
    const walker = new Walker(graph, this.log, graph.critical(graph.unseen(version)), this.length);
    walker.move(version);
    if (where < 0 || where > walker.length()) throw new BadValue("this anchor is of no place in the sequence");
    return walker.locate(where, left);
  }

  /** The version with exactly these heads; null if it was folded, or is not here yet. */
  _ledBy(dots) {
    this.closeRun();
    const wanted = nameAll(dots);
    const all = () => dots.every((dot) => this.has(dot));
    const here = dots.length > 0 && all();
    if (this.cold !== null && !here && wanted !== nameAll(this.cold.heads)) this.thaw();
    if (wanted === nameAll(this.cold === null ? [...this.base] : this.cold.heads)) return ROOT;
    return all() ? this.versionOfDots(dots) : null;
  }

  // ------------------------------------------------------------------ drafts

  /** What happens from here on can be taken back. */
  beginDraft() {
    this.closeRun();
    this.undo ??= [];
    const graph = this.graph;
    return {
      undo: this.undo.length,
      end: graph.end,
      heads: graph.heads,
      critical: [[...graph.critFrom], [...graph.critTo]],
      clears: new Map(this.clears),
      cold: this.cold,
      step: this.trail === null ? -1 : this.trail.end,
    };
  }

  /** It will not be taken back. */
  keepDraft(mark) {
    if (!mark.undo) this.undo = null;
  }

  /** As it was at the mark. */
  discardDraft(mark) {
    this.closeRun();
    const undo = this.undo;
    this.undo = null;
    for (const [pos, gone, come] of undo.slice(mark.undo).reverse()) {
      if (pos < 0) Object.assign(this, gone); // it became another
      else if (gone !== null) this._items.insert(pos, gone);
      else this._items.delete(pos, come);
    }
    if (mark.undo) this.undo = undo.slice(0, mark.undo);
    this._length = this._items.length;
    let { heads, critical } = mark;
    if (mark.cold !== null && this.cold === null) {
      const before = mark.cold.thaw().graph; // it was thawed meanwhile
      heads = heads.length ? heads : before.heads;
      critical = [[...before.critFrom, ...critical[0]], [...before.critTo, ...critical[1]]];
    }
    this.graph.cutBack(mark.end, heads, critical);
    this.log.cutBack(mark.end);
    this.clears = mark.clears;
    if (this.trail !== null) this.trail = mark.step < 0 ? null : this.trail.cutBack(mark.step);
    this.cool();
  }

  // ------------------------------------------------------------------ another state

  /** Patches that make these items those. */
  changesTo(items) {
    const found = [];
    if (this._items.length) found.push([0, this._items.length, null]);
    if (items.length) found.push([0, 0, items.slice(0, items.length)]);
    return found;
  }

  /** Take another's place; whoever looks at this one is told what changed. `other` knows all that
   * happened here, or folded it, or carried out a deletion. */
  become(other) {
    this.closeRun();
    other.closeRun();
    const trail = this.trail;
    if (this.observer !== null || (trail !== null && trail.isFollowed)) {
      for (const [pos, gone, content] of this._patchesTo(other)) {
        if (trail !== null) trail.add(pos, gone, gone ? 0 : this.contents.size(content));
        if (this.observer !== null) this.observer(pos, gone, content);
      }
    }
    if (this.undo !== null) {
      this.undo.push([-1, Object.fromEntries(OWN.map((name) => [name, this[name]])), 0]);
    }
    for (const name of OWN) this[name] = other[name];
  }

  /** What changes when it becomes another: by which items are the same if that is known, else by what
   * they are. */
  _patchesTo(other) {
    if (this.isBlank() || !other._length) return this.changesTo(other._items);
    let version;
    try {
      version = other._ledBy(this.leading());
    } catch (error) {
      if (!(error instanceof Corrupt)) throw error;
      version = null; // its items are all right, and all that it has now
    }
    const steps = version === null ? null : stepsFrom(version, this._length, other);
    if (steps === null) {
      if (this.trail !== null && this._length) this.trail.guess();
      return this.changesTo(other._items);
    }
    return steps.map(([at, gone, come]) => [at, gone, gone ? null : other._items.slice(at, at + come)]);
  }
}

const nameAll = (dots) => dots.map(nameOf).sort().join();
