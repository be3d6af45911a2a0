/**
 * Writing an own operation once more, on what there is now: because it was refused and a person
 * wants it again, or because it was lost with an id that was given up.
 *
 * Counts are added, registers are set (of what was lost: unless somebody set them later), a text
 * gets what was typed where it was typed, as far as there is such a place; every other operation is
 * told again as it was. Mirrors engines/graph/refused.py and reissue.py; absent: merging the texts
 * by words.
 */

import { CLEAR, DELETE } from "./event.js";

const COUNTERS = ["c", "gc", "b"];
const REGISTERS = ["r", "m", "q"];
const TEXT = "x";

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
  } else {
    replica.write(op);
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
 * @param {any} state of a register, or null @param {bigint} hlc @param {Set<string>} done
 */
export function overtaken(state, hlc, done) {
  const slots = state?.slots;
  if (!(slots instanceof Map)) return false;
  for (const cells of slots.values()) {
    if (!(cells instanceof Map)) continue;
    for (const [dot, cell] of cells) {
      const stamp = Array.isArray(cell) ? cell[0] : null;
      if (done.has(String(dot)) || !(typeof stamp === "bigint" || typeof stamp === "number")) continue;
      if (BigInt(stamp) > hlc) return true;
    }
  }
  return false;
}

/** Whether an operation assigns a register. @param {import("./event.js").Op} op */
export const assigns = (op) => op.kind === 0 && REGISTERS.includes(tagOf(op.path));
