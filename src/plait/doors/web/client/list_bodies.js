// What operations on a list say: `plait.types.lists.bodies` in the browser.
//
// [EDIT, position, kind, argument, ...]: edits one after another, at positions as of what their author
// had seen, hidden slots counted; [SET, element, value]: a value for an element.
//
//     DELETE   how many         slots are deleted
//     INSERT   [value, ...]     slots for new elements
//     MOVE     element          a slot for an element that is there
//     REVIVE   [element, value] a slot for an element that was deleted, which begins anew
//
// Invariant: what Python refuses is refused, and what it takes is taken.

import { Float } from "./codec.js";
import { BadFrame } from "./errors.js";
import { checkedElement, parts, Slot } from "./list_slots.js";
import { isCount } from "./walker_sequence.js";

export const EDIT = 0;
export const SET = 1;
export const DELETE = 0;
export const INSERT = 1;
export const MOVE = 2;
export const REVIVE = 3;

/** An operation's parts: {edits, as sequences take them, writes: [[element, order, value], ...]}. */
export function readBody(body, event) {
  const kind = Array.isArray(body) && isCount(body[0]) ? body[0] : null;
  if (kind === EDIT && body.length > 1 && body.length % 3 === 1) return readEdits(body, event);
  if (kind === SET && body.length === 3) {
    const order = [event.hlc, event.replica, event.seq, 0];
    return { edits: [], writes: [[checkedElement(body[1]), order, body[2]]] };
  }
  throw new BadFrame("no operation on a list");
}

function readEdits(body, { hlc, replica, seq }) {
  const edits = [];
  const writes = [];
  let offset = 0;
  let run = []; // slots one behind the other are one edit
  let begin = 0;
  const close = () => {
    if (run.length) edits.push(begin, run);
    run = [];
  };
  for (let index = 1; index < body.length; index += 3) {
    const [pos, kind, argument] = [body[index], numberOf(body[index + 1]), body[index + 2]];
    if (run.length && (kind === DELETE || numberOf(pos) !== numberOf(begin) + run.length)) close();
    if (kind === DELETE && isCount(argument)) {
      edits.push(pos, argument);
      continue;
    }
    if (!run.length) begin = pos;
    if (kind === INSERT && Array.isArray(argument)) {
      for (const value of argument) {
        const id = [replica, seq, offset++];
        run.push(new Slot([hlc, ...id], id));
        writes.push([id, [hlc, ...id], value]);
      }
    } else if (kind === MOVE) {
      run.push(new Slot([hlc, replica, seq, offset++], checkedElement(argument)));
    } else if (kind === REVIVE) {
      const [element, value] = parts(argument, 2);
      const id = checkedElement(element);
      const order = [hlc, replica, seq, offset++];
      run.push(new Slot(order, id));
      writes.push([id, order, value]);
    } else {
      throw new BadFrame("an edit of no kind");
    }
  }
  close();
  return { edits, writes };
}

/** As Python compares numbers: 1, 1.0 and True are equal. */
function numberOf(value) {
  if (typeof value === "boolean") return Number(value);
  return value instanceof Float ? value.value : value;
}

/** The elements, older than it, that an operation writes; none for what is no operation. */
export function elementsIn(body) {
  if (!Array.isArray(body) || body.length !== 3 || numberOf(body[0]) !== SET) return [];
  try {
    return [checkedElement(body[1])];
  } catch (error) {
    if (error instanceof BadFrame) return [];
    throw error;
  }
}
