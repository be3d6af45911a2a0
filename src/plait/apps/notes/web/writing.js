/**
 * My writing in a text with marks that others write in, too: what the editor knows without a page.
 *
 * Invariants: `text` and `delta` are what was shown last; `select` is a selection in `text`, which
 * follows everybody's patches; every edit of mine is one change of the collection and one step of
 * undo. Absent: the page (editor.js, surface.js), and any decision what a key does (edits.js).
 */

import * as edits from "./edits.js";
import * as inline from "./inline.js";
import { difference, moved, patched } from "./places.js";
import { Undo, inverse, plan, sliced, unmarking } from "./undo.js";

/** @typedef {import("./places.js").Patch} Patch @typedef {import("./edits.js").Edit} Edit */

export class Writing {
  /**
   * @param {object} field  the text of a document, as client.js has it
   * @param {(make: () => void) => void} batch  makes one change of what happens in it
   * @param {() => number} [clock]  ms
   */
  constructor(field, batch, clock = () => performance.now()) {
    this.field = field;
    this.batch = batch;
    this.clock = clock;
    this.undo = new Undo();
    /** @type {[number, number]} */
    this.select = [0, 0];
    this.pending = {}; // marks for what is typed next, by name
    this.busy = false; // what is told meanwhile is my own
    this.read();
  }

  /** What the text is now. */
  read() {
    this.text = String(this.field);
    this.delta = this.field.toDelta();
  }

  /** [from, to] of the selection. @returns {[number, number]} */
  get range() {
    return [Math.min(...this.select), Math.max(...this.select)];
  }

  /** Select something else; marks that wait for what is typed there are forgotten. */
  choose(anchor, head) {
    this.select = [anchor, head];
    this.pending = {};
  }

  /** Others may have written. @param {Patch[]} [patches] what happened, if that is known */
  follow(patches) {
    const before = this.text;
    this.read();
    if (this.text === before) return;
    const fits = patches && patched(before, patches) === this.text;
    const happened = fits ? patches : difference(before, this.text);
    this.undo.follow(happened);
    this.select = this.select.map((place) => moved(place, happened));
  }

  // ------------------------------------------------------------------ writing

  /** Make an edit. @param {Edit} edit @param {object} [how] see Undo.did */
  apply({ patches, select }, how = {}) {
    const before = this.select;
    const marks = how.typed ? Object.entries(this.pending) : [];
    const actions = inverse(this.delta, patches);
    this.#write(() => {
      for (const patch of patches) this.#patch(patch);
      for (const [name, value] of marks) this.#set(select[0] - how.typed.length, select[0], name, value);
    });
    if (patches.length) this.undo.did(patches, actions, before, { ...how, time: this.clock() });
    this.read();
    this.choose(...(select ?? before.map((place) => moved(place, patches))));
  }

  /** Words in place of something, with what typing them means. */
  type(where, words) {
    if (!words) return;
    this.apply(edits.typed(this.text, where, words), where[0] === where[1] ? { typed: words } : {});
    const caret = this.select[1];
    const line = edits.lineNear(this.text, caret);
    const closed = words.length === 1 && inline.justClosed(this.text, line.content, caret);
    if (closed) this.#close(closed);
  }

  /** Markdown around words becomes a mark, as one step of its own. */
  #close({ name, open, from, to, close }) {
    const steps = this.undo.done.length;
    const patches = [{ at: to, delete: close - to }, { at: open, delete: from - open }];
    const caret = open + to - from;
    this.apply({ patches, select: [caret, caret] });
    this.mark(name, true, [open, caret]);
    this.together(steps);
    this.pending = { [name]: null };
  }

  /** Set a mark, or take it away; without a value what is not there yet. null takes away. */
  mark(name, value, [from, to] = this.range) {
    if (from === to) {
      this.pending = { ...this.pending, [name]: value ?? (this.state().marks[name] ? null : true) };
      return;
    }
    const all = inline.allMarked(this.delta, from, to, name);
    const wanted = value === undefined ? (all ? null : true) : value;
    const actions = unmarking(this.delta, from, to, name);
    const before = this.select;
    this.#write(() => this.#set(from, to, name, wanted));
    this.undo.did([], actions, before, { time: this.clock() });
    this.read();
  }

  /** Steps from one on are taken back as one. @param {number} from */
  together(from) {
    const made = this.undo.done.splice(Math.min(from, this.undo.done.length));
    if (!made.length) return;
    const actions = made.toReversed().flatMap((step) => step.actions);
    this.undo.done.push({ actions, select: made[0].select });
    this.undo.typing = null;
  }

  /** Undo, or redo. @returns {boolean} whether there was anything */
  back(isForth = false) {
    const step = isForth ? this.undo.forth() : this.undo.back();
    if (!step) return false;
    const { patches, marks } = plan(step);
    const before = this.select;
    const opposite = inverse(this.delta, patches);
    this.#write(() => {
      for (const patch of patches) {
        this.#patch(patch);
        if (patch.pieces) this.#remark(patch.at, patch.pieces);
      }
      this.undo.went(isForth, patches, opposite, before);
      const now = this.field.toDelta();
      opposite.unshift(...marks.flatMap(({ from, to, name }) => unmarking(now, from, to, name)));
      for (const { from, to, name, value } of marks) this.#set(from, to, name, value);
    });
    this.read();
    const last = patches.at(-1);
    const caret = last ? last.at + (last.insert?.length ?? 0) : 0;
    const select = last ? [caret, caret] : step.select;
    this.choose(...select.map((place) => Math.min(place, this.text.length)));
    return true;
  }

  // ------------------------------------------------------------------ reading

  /** The kind of my line, the marks at my caret, and the link that it is in. */
  state() {
    const [from, to] = this.range;
    const marks = {};
    const here = inline.marksAt(this.delta, from);
    for (const name of inline.MARKS) {
      if (from < to) marks[name] = inline.allMarked(this.delta, from, to, name);
      else marks[name] = Boolean(name in this.pending ? this.pending[name] : here[name]);
    }
    const link = inline.stretchAt(this.delta, this.select[1], "link");
    return { kind: edits.lineNear(this.text, from).kind, marks, link };
  }

  // ------------------------------------------------------------------ helpers

  #write(make) {
    this.busy = true;
    try {
      this.batch(make);
    } finally {
      this.busy = false;
    }
  }

  #patch({ at, insert, delete: size }) {
    if (insert === undefined) this.field.delete(at, size);
    else this.field.insert(at, insert);
  }

  #set(from, to, name, value) {
    if (value === null || value === false) this.field.unmark(from, to, name);
    else this.field.mark(from, to, name, value);
  }

  /** What was put back is marked as it was, whatever it got from its neighbours. */
  #remark(at, pieces) {
    for (const { insert, attributes = {} } of pieces) {
      const stop = at + insert.length;
      const now = sliced(this.field.toDelta(), at, stop);
      const names = new Set([attributes, ...now.map((one) => one.attributes ?? {})].flatMap(Object.keys));
      for (const name of names) {
        const wanted = attributes[name] ?? null;
        if (now.some((one) => (one.attributes?.[name] ?? null) !== wanted)) this.#set(at, stop, name, wanted);
      }
      at = stop;
    }
  }
}
