/**
 * Taking back one's own typing, whatever others write meanwhile.
 *
 * A step is what is to be done to take something back: characters to delete, text to put back,
 * marks to set as they were. Its places follow everybody's edits. Letters typed one behind the other
 * are one step, until a pause, another place or a new word after a blank.
 *
 * Invariant: only one's own characters are ever deleted: where others wrote in between, a stretch
 * is in several parts; what one deleted and put back is one's own again, or was never. Absent:
 * undoing across a reload, and edits of titles and tags.
 */

import { moved } from "./places.js";

/**
 * @typedef {import("./places.js").Patch & {revive?: Revival[]}} Patch
 * @typedef {import("./inline.js").Piece} Piece
 * @typedef {[number, number][]} Parts  stretches of the text, in order
 * @typedef {{action: Action, offset: number, size: number}} Revival  part of what came back
 * @typedef {{kind: "delete", parts: Parts}
 *   | {kind: "insert", at: number, pieces: Piece[], revive: Revival[]}
 *   | {kind: "mark", parts: Parts, name: string, value: unknown}} Action
 * @typedef {{actions: Action[], select: [number, number]}} Step  places are those of the present
 */

export const STEPS_MAX = 500;
const PAUSE_MS = 1000;

export class Undo {
  constructor() {
    this.clear();
  }

  clear() {
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
    this.typing = null; // where the next letter would belong to the last step
  }

  /**
   * Something was done here. `actions` take it back, with their places after it: those of
   * `unmarking`, if any, before those of `inverse`.
   * @param {Patch[]} patches  what was done
   * @param {{typed?: string, erased?: boolean, time: number}} how  typed: letters that were typed
   *   where nothing was selected; erased: by backspace
   */
  did(patches, actions, select, { typed = "", erased = false, time }) {
    this.undone.length = 0;
    this.#record(patches, actions);
    const [action] = actions;
    const single = actions.length === 1;
    if (single && this.#goesOn(action, typed, erased, time)) join(this.done.at(-1).actions[0], action);
    else {
      this.done.push({ actions, select });
      if (this.done.length > STEPS_MAX) this.done.shift();
    }
    this.typing = null;
    if (single && typed && action.kind === "delete") {
      this.typing = { at: action.parts[0][1], time, blank: /\s$/.test(typed), erased };
    } else if (single && erased && action.kind === "insert") {
      this.typing = { at: action.at, time, blank: false, erased };
    }
  }

  #goesOn(action, typed, erased, time) {
    const now = this.typing;
    const last = this.done.at(-1)?.actions;
    if (!now || last?.length !== 1 || now.erased !== erased || time - now.time >= PAUSE_MS) return false;
    if (action.kind !== last[0].kind) return false;
    if (erased) return action.kind === "insert" && action.at + sizeOf(action.pieces) === now.at;
    if (action.kind !== "delete" || (now.blank && !/^\s/.test(typed))) return false;
    return action.parts[0][0] === now.at && last[0].parts.at(-1)?.[1] === now.at;
  }

  /** Others did something. @param {Patch[]} patches */
  follow(patches) {
    for (const patch of patches) {
      this.#follow(patch);
      if (this.typing) this.typing.at = moved(this.typing.at, [patch]);
    }
  }

  /** The last step, to be taken back; null if there is none. */
  back() {
    this.typing = null;
    return this.done.pop() ?? null;
  }

  /** The last undone step, to be done again. */
  forth() {
    this.typing = null;
    return this.undone.pop() ?? null;
  }

  /** A step was taken back (or done again) by these patches of `plan`; `actions` do the opposite. */
  went(forth, patches, actions, select) {
    this.#record(patches, actions);
    (forth ? this.done : this.undone).push({ actions, select });
  }

  #record(patches, actions) {
    for (const [index, patch] of patches.entries()) {
      if (patch.delete) actions.at(-1 - index).revive = this.#within(patch.at, patch.at + patch.delete);
      this.#follow(patch);
      for (const revival of patch.revive ?? []) revive(revival.action, revival, patch.at);
    }
  }

  /** What steps have between two places: if that is deleted and comes back, it is theirs again. */
  #within(start, stop) {
    const found = [];
    for (const { actions } of [...this.done, ...this.undone]) {
      for (const action of actions) {
        for (const [from, to] of action.parts ?? []) {
          const [low, high] = [Math.max(from, start), Math.min(to, stop)];
          if (low < high) found.push({ action, offset: low - start, size: high - low });
        }
      }
    }
    return found;
  }

  #follow(patch) {
    for (const step of [...this.done, ...this.undone]) {
      for (const action of step.actions) follow(action, patch);
      step.select = [moved(step.select[0], [patch]), moved(step.select[1], [patch])];
    }
  }
}

/** What goes on takes the same step back. @param {Action} last @param {Action} action */
function join(last, action) {
  if (last.kind === "delete") {
    last.parts.at(-1)[1] = action.parts[0][1];
    return;
  }
  const size = sizeOf(action.pieces);
  last.at = action.at;
  last.pieces = [...action.pieces, ...last.pieces];
  const later = last.revive.map((one) => ({ ...one, offset: one.offset + size }));
  last.revive = [...action.revive, ...later];
}

const sizeOf = (pieces) => pieces.reduce((size, { insert }) => size + insert.length, 0);

/** @param {Action} action @param {Patch} patch */
function follow(action, patch) {
  if (action.kind === "insert") action.at = moved(action.at, [patch]);
  else action.parts = parted(action.parts, patch);
}

/** What came back at a place is an action's own again. */
function revive(action, { offset, size }, at) {
  const part = [at + offset, at + offset + size];
  action.parts = [...action.parts, part].sort((one, other) => one[0] - other[0]);
}

/** Stretches after a patch: what was inserted is in none of them. */
function parted(parts, patch) {
  const found = [];
  for (const [from, to] of parts) {
    if (patch.insert !== undefined && patch.at > from && patch.at < to) {
      found.push([from, patch.at], [patch.at + patch.insert.length, to + patch.insert.length]);
      continue;
    }
    const start = moved(from, [patch], "right");
    const stop = moved(to, [patch]);
    if (start < stop) found.push([start, stop]);
  }
  return found;
}

/**
 * A step as patches, one after the other, and marks to be set after all of them.
 * @param {Step} step
 * @returns {{patches: (Patch & {pieces?: Piece[]})[], marks: {from: number, to: number, name: string, value: unknown}[]}}
 */
export function plan(step) {
  const patches = [];
  const copies = new Map(step.actions.map((action) => [action, { ...action }]));
  const todo = [...copies.values()];
  const marks = todo.filter((action) => action.kind === "mark");
  while (todo.length) {
    const action = todo.shift();
    const own = [];
    if (action.kind === "delete") {
      for (const [from, to] of action.parts.toReversed()) own.push({ at: from, delete: to - from });
    } else if (action.kind === "insert") {
      const { at, pieces, revive } = action;
      own.push({ at, insert: pieces.map(({ insert }) => insert).join(""), pieces, revive });
    }
    const later = new Set([...todo, ...marks]);
    for (const patch of own) {
      for (const other of later) follow(other, patch);
      for (const revival of patch.revive ?? []) {
        const mine = copies.get(revival.action); // of this very step: several edits made one
        if (mine) revive(mine, revival, patch.at);
      }
    }
    patches.push(...own);
  }
  const spread = ({ parts, name, value }) => parts.map(([from, to]) => ({ from, to, name, value }));
  return { patches, marks: marks.flatMap(spread) };
}

/**
 * What takes patches back, told from the text with its marks before them.
 * @param {Piece[]} before @param {Patch[]} patches @returns {Action[]}  of the last patch first
 */
export function inverse(before, patches) {
  /** @type {Action[]} */
  const actions = [];
  let delta = before;
  for (const [index, patch] of patches.entries()) {
    const { at, insert, delete: size } = patch;
    const rest = patches.slice(index + 1);
    const action = insert !== undefined
      ? { kind: "delete", parts: [[at, at + insert.length]] }
      : { kind: "insert", at, pieces: sliced(delta, at, at + size), revive: [] };
    for (const later of rest) follow(action, later);
    actions.unshift(action);
    if (rest.length) delta = withPatch(delta, patch);
  }
  return actions;
}

/** A stretch of a delta. @param {Piece[]} delta @returns {Piece[]} */
export function sliced(delta, start, stop) {
  const found = [];
  let at = 0;
  for (const piece of delta) {
    const insert = piece.insert.slice(Math.max(0, start - at), Math.max(0, stop - at));
    if (insert) found.push(piece.attributes ? { insert, attributes: piece.attributes } : { insert });
    at += piece.insert.length;
  }
  return found;
}

function withPatch(delta, { at, insert, delete: size = 0 }) {
  const inserted = insert === undefined ? [] : [{ insert }];
  return [...sliced(delta, 0, at), ...inserted, ...sliced(delta, at + size, Infinity)];
}

/**
 * What takes a mark back that is about to be set.
 * @param {Piece[]} before @returns {Action[]}
 */
export function unmarking(before, from, to, name) {
  const actions = [];
  let at = from;
  for (const { insert, attributes } of sliced(before, from, to)) {
    const stop = at + insert.length;
    actions.push({ kind: "mark", parts: [[at, stop]], name, value: attributes?.[name] ?? null });
    at = stop;
  }
  return actions;
}
