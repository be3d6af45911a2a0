// A sequence that several people edit at once: the items as they are now, and the event graph.
//
// Whoever has seen everything edits it where they say; that is told to the log and done, and while an
// edit goes on with the one before (typing, deleting) it is only put on the pile of the *open run*. An
// event that has not seen everything goes through a `Walker`; typing that goes on is piled up here too,
// as a run *aside*. The walker is kept warm: as long as concurrency lasts, what both sides do costs
// what they do. It is dropped once more happened without concurrency than making it anew would cost.
//
// Invariants: `items` with the open run are what the events of the graph give; the log and the graph
// end at the same LV; a walker that is kept has met a prefix of the events.

import { BadFrame } from "./errors.js";
import { Walker } from "./walker.js";
import { EventGraph } from "./walker_graph.js";
import { BACKSPACE, DELETE, INSERT, MARK, OpLog } from "./walker_log.js";
import { same } from "./walker_spans.js";

const CLOSED = -1; // no run is open
const ASIDE = 4; // insertions of somebody who has not seen everything

/** Whether a value from outside is a whole number. */
export const isCount = (value) => typeof value === "number" && Number.isSafeInteger(value);

/** See the module. `contents`: {size, slice, joined, isContent, isMark(value, room)} of its items. */
export class EditableSequence {
  static keepWarm = 1_000; // units without concurrency,
  static keepWarmFactor = 4; // and a few for every record of the walker; tests make both small

  constructor(items, contents) {
    this.contents = contents;
    this.graph = new EventGraph();
    this.log = new OpLog(contents);
    this.observer = null; // (position, gone, content): what happens to the items
    this.walker = null;
    this.trail = null; // of changes, for those who hold positions
    this.undo = null; // what takes a draft back
    this._items = items;
    this._length = items.length; // with the open run
    this._quiet = 0; // units without concurrency
    this._kind = CLOSED;
    this._parents = []; // of a run aside
    this._author = 0; // its number
    this._seq = 0;
    this._count = 0;
    this._width = 1;
    this._pos = 0; // where the run began
    this._next = 0; // where it goes on
    this._size = 0;
    this._pile = [];
  }

  get length() {
    return this._length;
  }

  /** The items as they are now. */
  get items() {
    this.closeRun();
    return this._items;
  }

  /** The LV that the next event will have. */
  get end() {
    return this.graph.end + this._size;
  }

  /** The version of everything. */
  get heads() {
    if (this._kind === CLOSED) return this.graph.heads;
    if (this._kind !== ASIDE) return [this.end - 1];
    return [...this.graph.heads.filter((head) => !this._parents.includes(head)), this.end - 1];
  }

  // ------------------------------------------------------------------ events of anybody

  /**
   * Edits of `name`, made one after another at the version `parents` (null: everything); the last
   * unit's LV. seq: the number of the first unit; of all of them together if `whole`. `BadFrame` for
   * edits that do not fit the version, and then nothing happened.
   */
  add(name, seq, edits, parents = null, whole = false) {
    if (this._pilesUp(name, seq, edits, parents, whole)) return this.end - 1;
    if (parents === null || (this._kind !== ASIDE && same(parents, this.heads))) {
      return this._addSeen(name, seq, edits, whole);
    }
    this.closeRun();
    const graph = this.graph;
    parents = graph.version(parents);
    if (same(parents, graph.heads)) return this._addSeen(name, seq, edits, whole);
    const units = this._units(edits, this._walkerAt(parents).length());
    if (!units) return graph.end - 1;
    const count = whole ? 1 : units;
    const width = whole ? units : 1;
    const author = graph.agent(name);
    if (edits.length === 2 && this.trail === null && this.contents.isContent(edits[1])) {
      this._parents = parents;
      this._open(ASIDE, author, seq, count, width, edits[0], units);
      this._next = edits[0] + units;
      this._length += units;
      this._pile.push(edits[1]);
    } else {
      this._putAside(author, seq, count, width, parents, edits);
    }
    return this.end - 1;
  }

  /** Typing that goes on with the open run, whoever types. */
  _pilesUp(name, seq, edits, parents, whole) {
    if ((this._kind !== INSERT && this._kind !== ASIDE) || edits.length !== 2) return false;
    const what = edits[1];
    if (edits[0] !== this._next || this.trail !== null || !this.contents.isContent(what)) return false;
    if (parents === null || parents.length !== 1 || parents[0] !== this.end - 1) return false;
    if (seq !== this._seq + this._count || name !== this.graph.names[this._author]) return false;
    const size = this.contents.size(what);
    if (this._width !== (whole ? size : 1)) return false;
    this._pile.push(what);
    this._next += size;
    this._size += size;
    this._length += size;
    this._count += whole ? 1 : size;
    return true;
  }

  _open(kind, author, seq, count, width, pos, size) {
    this._kind = kind;
    this._author = author;
    this._seq = seq;
    this._count = count;
    this._width = width;
    this._pos = this._next = pos;
    this._size = size;
  }

  /** Edits of somebody who has not seen everything, which fit. */
  _putAside(author, seq, count, width, parents, edits) {
    const graph = this.graph;
    const walker = this._walkerAt(parents);
    const joins = parents.length === 1 && parents[0] === graph.end - 1;
    graph.add(author, seq, count, width, parents, walker.firstUnseen());
    const patches = [];
    for (const run of this._logEdits(edits, joins)) walker.walk(run, patches);
    this._quiet = 0;
    for (const [pos, gone, content] of patches) {
      const come = gone ? 0 : this.contents.size(content);
      this._do(pos, gone, content, come);
      this._length += come - gone;
      if (this.trail !== null) this.trail.add(pos, gone, come);
    }
  }

  _do(pos, gone, content, come) {
    if (this.undo !== null) {
      this.undo.push([pos, gone ? this._items.slice(pos, pos + gone) : null, come]);
    }
    if (gone) this._items.delete(pos, gone);
    else this._items.insert(pos, content);
    if (this.observer !== null) this.observer(pos, gone, content);
  }

  // ------------------------------------------------------------------ inside

  /** A walker that has met all events, and looks from `parents`. */
  _walkerAt(parents) {
    const graph = this.graph;
    let walker = this.walker;
    if (walker !== null) {
      if (walker.fed === graph.end && same(walker.version, parents)) return walker;
      const worth = !graph.isBehind(parents, walker.fed); // else a new one has less to do
      if (worth && graph.seesBefore(walker.start, parents)) {
        walker.feed(graph.end);
        walker.move(parents);
        return walker;
      }
    }
    const boundary = graph.critical(graph.unseen(parents));
    walker = this.walker = new Walker(graph, this.log, boundary, this._length);
    walker.move(parents);
    return walker;
  }

  /** How many units edits of a sequence of `length` items have; `BadFrame` if they do not fit. */
  _units(edits, length) {
    const contents = this.contents;
    if (edits.length % 2) throw new BadFrame("edits come in pairs: a position, and what is done there");
    let units = 0;
    for (let index = 0; index < edits.length; index += 2) {
      const pos = edits[index];
      const what = edits[index + 1];
      if (!isCount(pos) || pos < 0 || pos > length) {
        throw new BadFrame(`position ${String(pos)} of a sequence of ${length}`);
      }
      if (isCount(what)) {
        if (what < 1 || what > length - pos) {
          throw new BadFrame(`${what} deleted at ${pos} of a sequence of ${length}`);
        }
        length -= what;
        units += what;
      } else if (contents.isContent(what)) {
        const size = contents.size(what);
        length += size;
        units += size;
      } else if (contents.isMark(what, length - pos)) {
        units += 1;
      } else {
        throw new BadFrame(`${typeof what} inserted at ${pos}`);
      }
    }
    return units;
  }

  /** Append edits that fit to the log; a run for each. `joins`: see `OpLog.add`. */
  _logEdits(edits, joins) {
    const log = this.log;
    const runs = [];
    for (let index = 0; index < edits.length; index += 2) {
      const pos = edits[index];
      const what = edits[index + 1];
      const run = { lv: log.end, kind: DELETE, pos, size: what, content: null };
      if (typeof what !== "number") {
        run.kind = this.contents.isContent(what) ? INSERT : MARK;
        run.size = run.kind === INSERT ? this.contents.size(what) : 1;
        run.content = what;
      }
      log.add(run.kind, pos, run.size, run.content, joins);
      joins = true;
      runs.push(run);
    }
    return runs;
  }

  /** Edits of somebody who has seen everything. */
  _addSeen(name, seq, edits, whole) {
    const units = this._units(edits, this._length);
    const author = this.graph.agent(name);
    const isContent = this.contents.isContent;
    const single = edits.length === 2 && (typeof edits[1] === "number" || isContent(edits[1]));
    if (single) {
      this._put(author, seq, whole ? 1 : units, whole ? units : 1, edits[0], edits[1], units);
    } else if (units) {
      this._putAll(author, seq, whole ? 1 : units, whole ? units : 1, edits);
    }
    return this.end - 1;
  }

  /** An edit of somebody who has seen everything, which fits: `count` operations of `width` units. */
  _put(author, seq, count, width, pos, what, size) {
    const deletes = typeof what === "number";
    const follows =
      this._kind !== CLOSED &&
      author === this._author &&
      width === this._width &&
      seq === this._seq + this._count &&
      this._goesOn(pos, size, deletes);
    if (follows) {
      this._count += count;
      this._size += size;
    } else {
      this.closeRun();
      this._open(deletes ? DELETE : INSERT, author, seq, count, width, pos, size);
    }
    if (this.trail !== null) this.trail.add(pos, deletes ? size : 0, deletes ? 0 : size);
    if (deletes) {
      this._length -= size;
      this._next = pos;
    } else {
      this._length += size;
      this._next = pos + size;
      this._pile.push(what);
    }
  }

  /** Whether an edit goes on with the open run. */
  _goesOn(pos, size, deletes) {
    if (!deletes) return this._kind === INSERT && pos === this._next;
    if (this._kind === DELETE && pos === this._next) return true;
    if (pos !== this._next - 1 || size !== 1) return false;
    if (this._kind !== BACKSPACE && (this._kind !== DELETE || this._size !== 1)) return false;
    this._kind = BACKSPACE;
    return true;
  }

  /** Do what is on the pile. */
  closeRun() {
    const kind = this._kind;
    if (kind === CLOSED) return;
    this._kind = CLOSED;
    const size = this._size;
    const pos = this._pos;
    this._size = 0;
    const content = this._pile.length ? this.contents.joined(this._pile) : null;
    this._pile = [];
    const { _author: author, _seq: seq, _count: count, _width: width, graph } = this;
    if (kind === ASIDE) {
      this._length -= size;
      this._putAside(author, seq, count, width, this._parents, [pos, content]);
      return;
    }
    const joins = graph.heads.length === 1 && graph.heads[0] === graph.end - 1;
    graph.add(author, seq, count, width, null);
    this.log.add(kind, pos, size, content, joins);
    if (kind === INSERT) this._do(pos, 0, content, size);
    else this._do(kind === BACKSPACE ? pos - size + 1 : pos, size, null, 0);
    this._passed(size);
  }

  _closeAside() {
    if (this._kind === ASIDE) this.closeRun();
  }

  /** Several edits: of one operation, or each unit one. */
  _putAll(author, seq, count, width, edits) {
    this.closeRun();
    const graph = this.graph;
    const joins = graph.heads.length === 1 && graph.heads[0] === graph.end - 1;
    graph.add(author, seq, count, width, null);
    for (const run of this._logEdits(edits, joins)) {
      if (run.kind === MARK) continue;
      const gone = run.kind === INSERT ? 0 : run.size;
      this._do(run.pos, gone, run.content, run.size - gone);
      this._length += gone ? -gone : run.size;
      if (this.trail !== null) this.trail.add(run.pos, gone, run.size - gone);
    }
    this._passed(count * width);
  }

  /** So much happened without concurrency. */
  _passed(units) {
    if (this.walker === null) return;
    this._quiet += units;
    const { keepWarm, keepWarmFactor } = EditableSequence;
    if (this._quiet > keepWarm + keepWarmFactor * this.walker.records.ids.length) this.cool();
  }

  /** Let the walker go. */
  cool() {
    this.walker = null;
    this._quiet = 0;
  }
}
