/**
 * Writing an own operation once more, on what there is now: because it was refused and a person
 * wants it again, or because it was lost with an id that was given up.
 *
 * Counts are added, registers are set (of what was lost: unless somebody set them later), a text
 * gets what was typed where it was typed, as far as there is such a place (what was lost is merged:
 * see `reissue_texts.js`), a list what was inserted, near where it was; every other operation is told
 * again as it was. Mirrors engines/graph/refused.py and reissue.py; absent: deletions, moves and
 * assignments in a list.
 */

import { dotKey } from "./causality.js";
import { APPLY, CLEAR, DELETE, bigOf } from "./event.js";
import { isInt } from "./members.js";
import { mergeEdits } from "./reissue_texts.js";

const COUNTERS = ["c", "gc", "b"];
const REGISTERS = ["r", "m", "q"];
const TEXT = "x";
const LIST = "l";
const LIST_EDIT = 0; // what a body begins with: then position, kind, argument, and so on
const LIST_INSERT = 1;

const tagOf = (path) => (path.length ? path[path.length - 1].split(":", 1)[0] : "");

/**
 * Do an operation again.
 * @param {any} replica with mutate, clear, delete, write and object
 * @param {import("./event.js").Op} op
 */
export function writeAgain(replica, op) {
  if (op.kind === DELETE) return void replica.delete(op.key);
  if (op.kind === CLEAR) return void replica.clear(op.key, op.path);
  const tag = tagOf(op.path);
  const { body } = op;
  const amount = Array.isArray(body) && body.length === 1 ? body[0] : body;
  const counted = typeof amount === "bigint" || Number.isSafeInteger(amount);
  if (COUNTERS.includes(tag) && counted) {
    replica.mutate(op.key, op.path, ["add", amount]);
  } else if (tag === "r" && Array.isArray(body) && body.length === 1) {
    replica.mutate(op.key, op.path, ["set", body[0]]);
  } else if (REGISTERS.includes(tag) && Array.isArray(body) && body[0] === 0) {
    replica.mutate(op.key, op.path, ["set", body[1]]);
  } else if (tag === TEXT && Array.isArray(body) && body.length % 2 === 0) {
    typeAgain(replica, op);
  } else if (tag === LIST && Array.isArray(body)) {
    insertAgain(replica, op);
  } else {
    replica.write(op);
  }
}

/** Bring what a text was to become, [base, mine], into what it is now. */
export function mergeAgain(replica, key, path, [base, mine]) {
  const state = replica.object(key, path);
  const edits = mergeEdits(base, mine, state === null ? "" : state.text());
  if (edits.length) replica.mutate(key, path, ["edit", edits.flat()]);
}

function insertAgain(replica, { key, path, body }) {
  if (body[0] !== LIST_EDIT) return;
  for (let i = 1; i + 2 < body.length; i += 3) {
    if (body[i + 1] !== LIST_INSERT || !Array.isArray(body[i + 2])) continue;
    const state = replica.object(key, path);
    const size = state === null ? 0 : sizeOf(state);
    replica.mutate(key, path, ["insert", Math.min(body[i], size), body[i + 2]]);
  }
}

function typeAgain(replica, { key, path, body }) {
  for (let i = 0; i < body.length; i += 2) {
    const what = body[i + 1];
    const state = replica.object(key, path);
    const size = state === null ? 0 : sizeOf(state);
    const at = Number.isSafeInteger(body[i]) ? Math.min(body[i], size) : size;
    if (typeof what === "string") replica.mutate(key, path, ["insert", at, what]);
    else if (Number.isSafeInteger(what) && at < size) {
      replica.mutate(key, path, ["delete", at, Math.min(what, size - at)]);
    }
  }
}

/** In code points, as positions on the wire are. */
function sizeOf(state) {
  if (typeof state.size === "function") return state.size();
  return state.length ?? 0;
}

/**
 * Whether a register was assigned after `hlc`, by another event than those in `done`.
 * @param {any} state of a register @param {bigint} hlc @param {Set<string>} done names of dots
 */
export function overtaken(state, hlc, done) {
  for (const cells of state.slots.values()) {
    for (const [replica, seq, payload] of cells.values()) {
      const stamp = Array.isArray(payload) ? payload[0] : null;
      if (!isInt(stamp) || done.has(dotKey(replica, seq))) continue;
      if (bigOf(stamp) > hlc) return true;
    }
  }
  return false;
}

/** Whether an operation edits a text. */
export const types = (op) => op.kind === APPLY && tagOf(op.path) === TEXT;

/** Whether an operation assigns a register. @param {import("./event.js").Op} op */
export const assigns = (op) => op.kind === APPLY && REGISTERS.includes(tagOf(op.path));
