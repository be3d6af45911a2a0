/**
 * Undo and redo of one's own writes: a stack of what takes each of them back. Mirrors
 * api/documents/undo.py and replay.py.
 *
 * What inverses depend on is noted when something is written, so they take back that write and
 * nothing else: an increment by the same decrement, a register only if it still holds what was
 * written. Undoing is writing: others see an ordinary change.
 *
 * A step is a change, or what was written in one tick. What a `clear` or a deletion takes away is
 * written down object by object, as far as types can.
 *
 * Invariant: `undone` is empty after any write that is no redo; at most `STEPS_MAX` steps are kept.
 *
 * @typedef {{key: string, path: readonly string[], mutation: any[], written: any[], ifGone: boolean}} Entry
 */

import { typeOf } from "./catalogue.js";
import { tagOf } from "./paths.js";

const STEPS_MAX = 1000;
const ENTRIES_MAX = 10_000; // of one step
const RESTORE = "restore"; // how registers take back: [RESTORE, dot, wasSet, value]

const samePlace = (/** @type {Entry} */ one, /** @type {Entry} */ other) =>
  one.key === other.key && one.path.length === other.path.length && one.path.every((part, i) => part === other.path[i]);

/** The steps of one handle, newest last. */
export class Undo {
  constructor() {
    /** @type {Entry[][]} */
    this.steps = [];
    /** @type {Entry[][]} */
    this.undone = [];
    /** What the open step has so far: of a change, a tick or a replay. @type {Entry[] | null} */
    this.group = null;
    this.held = false; // a change or a replay is open: a tick's end does not end the step
    this.replaying = false;
    /** Told of what is written. @param {any} noted */
    this.note = ({ key, path, type, mutation, before, dot }) => {
      const inverse = type.takingBack(before, mutation, dot);
      if (inverse) this.add([{ key, path, mutation: inverse, written: mutation, ifGone: false }]);
    };
  }

  /** @param {Entry[]} entries */
  add(entries) {
    if (!this.group) {
      this.group = [];
      queueMicrotask(() => this.held || this.close());
    }
    this.group.push(...entries);
  }

  /** Something is cleared: note what writes it down anew. @param {any} view @param {string} key
   * @param {readonly string[]} path */
  cleared(view, key, path) {
    const entries = [...restoring(view, key, path)];
    if (entries.length && entries.length <= ENTRIES_MAX) this.add(entries.reverse());
  }

  /** Begin a step; false if one is held open, which what follows belongs to. */
  open() {
    if (this.held) return false;
    this.close();
    this.group = [];
    this.held = true;
    return true;
  }

  /** End the step; it is kept unless there is nothing to undo. @returns {Entry[]} */
  close() {
    const group = this.group ?? [];
    this.group = null;
    this.held = false;
    if (group.length && !this.replaying) {
      if (group.length <= ENTRIES_MAX) this.steps.push(group);
      if (this.steps.length > STEPS_MAX) this.steps.shift();
      this.undone = [];
    }
    return group;
  }

  /** End the step: it was discarded. */
  drop() {
    this.group = null;
    this.held = false;
  }

  /** A document was rolled back: what takes back what was done to it fits nothing any more. @param {string} key */
  forget(key) {
    this.close();
    const keeps = (/** @type {Entry[]} */ step) => !step.some((entry) => entry.key === key);
    this.steps = this.steps.filter(keeps);
    this.undone = this.undone.filter(keeps);
  }

  /** Whether there is something to take back (`again`: to do again). @param {string | null} key @param {boolean} again */
  has(key, again) {
    return this.newest(key, again) !== undefined;
  }

  /** @param {string | null} key @param {boolean} again @returns {Entry[] | undefined} */
  newest(key, again) {
    if (!this.held) this.close();
    const steps = again ? this.undone : this.steps;
    for (let i = steps.length - 1; i >= 0; i--)
      if (key === null || steps[i].some((entry) => entry.key === key)) return steps[i];
    return undefined;
  }

  /**
   * Take back (`again`: do again) the newest step that touches `key`, or any if null: all of it or,
   * if it is refused, nothing. False if there is no such step.
   * @param {any} replica @param {string | null} key @param {boolean} again
   */
  replay(replica, key, again) {
    const step = this.newest(key, again);
    if (!step) return false;
    const todo = [...step];
    /** @type {Entry[]} */
    const restored = [];
    replica.begin(again ? "redo" : "undo");
    this.open();
    this.replaying = true;
    try {
      for (let i = todo.length - 1; i >= 0; i--) {
        const { key: at, path, mutation, ifGone } = todo[i];
        const state = replica.object(at, path);
        if (ifGone && state && typeOf(tagOf(path[path.length - 1])).alive(state)) continue;
        const dot = replica.mutate(at, path, mutation, this.note);
        if (!dot || mutation[0] !== RESTORE || mutation[2] !== true) continue;
        const found = { ...todo[i], mutation: [RESTORE, dot] };
        if (!reAim(found, todo, i)) restored.push(found);
      }
      replica.commit();
    } catch (error) {
      this.drop();
      this.replaying = false;
      replica.discard();
      throw error;
    }
    const inverse = this.close();
    this.replaying = false;
    const [source, target] = again ? [this.undone, this.steps] : [this.steps, this.undone];
    const place = source.indexOf(step);
    if (place >= 0) source.splice(place, 1);
    for (const one of restored) source.findLast((older) => reAim(one, older, older.length));
    if (inverse.length) target.push(inverse);
    return true;
  }
}

/** A register holds a value again, by another event: let the newest write of it in a step be
 * undoable again. @param {Entry} found @param {Entry[]} step @param {number} end */
function reAim(found, step, end) {
  for (let i = end - 1; i >= 0; i--) {
    const entry = step[i];
    if (!samePlace(entry, found) || entry.mutation[0] !== RESTORE) continue;
    step[i] = { ...entry, mutation: [RESTORE, found.mutation[1], ...entry.mutation.slice(2)] };
    return true;
  }
  return false;
}

// ----------------------------------------------------------------------------- what was cleared

const ONCE = new Set(["r", "m", "q", "x"]); // if it is there again, somebody else has brought it back

/** What writes down anew what is at and below a path. @param {any} view @param {string} key
 * @param {readonly string[]} path @returns {Generator<Entry>} */
export function* restoring(view, key, path) {
  const tag = path.length ? tagOf(path[path.length - 1]) : "o";
  if (tag !== "o") {
    const state = view.object(key, path);
    if (state)
      for (const mutation of mutationsOf(tag, state))
        yield { key, path, mutation, written: [], ifGone: ONCE.has(tag) };
    if (tag !== "l") return; // documents in a list have places below it
  }
  for (const part of view.children(key, path)) yield* restoring(view, key, [...path, part]);
}

/** What brings a fresh object to the value of `state`. @param {string} tag @param {any} state @returns {any[][]} */
function mutationsOf(tag, state) {
  const type = typeOf(tag);
  if (!type.alive(state)) return [];
  const value = type.value(state);
  if (["r", "m", "q"].includes(tag)) return [["set", value]];
  if (["gs", "tp", "aw", "rw"].includes(tag)) return value.map((/** @type {any} */ element) => ["add", element]);
  if (tag === "x") return [["insert", 0, value]];
  if (tag === "l") {
    const pairs = state.elements().map((/** @type {any} */ one) => [one.id, one.value]);
    return [["swap", [], pairs, { left: null, right: null, at: 0 }]]; // by name, for what is in them
  }
  if (["c", "gc"].includes(tag)) return value ? [["add", value]] : [];
  if (["ew", "dw"].includes(tag)) return value ? [["enable"]] : [];
  return [];
}
