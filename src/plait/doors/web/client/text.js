// Text that several people edit at once, as a graph type: `plait.types.text.type` in the browser.
//
// Bodies are flat lists of edits, [position, text or how many to delete, ...], one after another, at
// positions (code points) as of what their author had seen; a mark (text_marks.js) stands for a list.
// Mutations: ["insert", position, text], ["delete", position, count], ["edit", edits],
// ["mark", from, to, name, value, expand] where the value null takes marks away, and what undo gives.

import { BadCall, BadValue } from "./errors.js";
import { marksBack } from "./text_mark_undoing.js";
import { coveredBy } from "./text_marked.js";
import { checkedBody } from "./text_marks.js";
import { checkText, pointsIn } from "./text_points.js";
import { Rope } from "./text_rope.js";
import { TextState } from "./text_state.js";
import { load, save } from "./text_storage.js";
import { inverses, takingBack } from "./text_undoing.js";
import { MARK } from "./walker_log.js";
import { isCount } from "./walker_sequence.js";
import { Trail } from "./walker_trail.js";
import { SequenceType } from "./walker_type.js";

/** Somebody marked something, as watchers are told: where that is in the present, in code points. */
export class MarkChange {
  constructor(start, stop, name, value) {
    Object.assign(this, { start, stop, name, value }); // value null: the marks of this name went
  }
}

export class TextType extends SequenceType {
  tag = "x";

  /** No text. What happens to it is noted from the beginning: undo counts from there. */
  zero() {
    const state = new TextState();
    state.trail = new Trail();
    return state;
  }

  dump(state) {
    return save(state);
  }

  load(data) {
    return load(data);
  }

  // ------------------------------------------------------------------ writing

  /** `BadCall` for positions that are not in the text, `BadValue` for what is no text. */
  prepare(state, mutation, _here) {
    const [method, ...given] = mutation;
    let edits;
    if (method === "insert") {
      edits = [given[0], checkText(given[1])];
    } else if (method === "delete") {
      if (!isCount(given[1])) throw new BadValue("how many characters to delete is a number");
      edits = given;
    } else if (method === "edit") {
      edits = given[0];
    } else if (method === "carry") {
      edits = carried(state, given[0], given[1])[0];
    } else if (method === "mark") {
      const [start, stop, name, value, expand] = given;
      const body = checkedBody(start, stop - start, name, value, expand, state.length);
      return body[0] ? [start, body] : undefined;
    } else if (method === "take_marks") {
      const [back] = marksBack(state, given[0]);
      return back.length ? back : undefined;
    } else {
      throw this.unknown(mutation);
    }
    const checked = checkedEdits(edits, state.length);
    return checked.length ? checked : undefined;
  }

  // ------------------------------------------------------------------ reading

  value(state) {
    return state.text();
  }

  /** The text, and its marks if there are any. */
  image(state) {
    const spans = state.spans();
    return spans.length ? [this.value(state), spans] : this.value(state);
  }

  /** The patches, and then what was marked, as `MarkChange`. */
  watching(state, act) {
    const start = state.end;
    const told = super.watching(state, act);
    const { graph, log } = state;
    const from = Math.max(start, graph.first);
    if (!log.marks || from >= graph.end) return told;
    for (const run of log.runs(from, graph.end)) {
      if (run.kind !== MARK) continue;
      const [, name, value] = run.content;
      for (const [low, high] of coveredBy(state.marked(), run.lv)) told.push(new MarkChange(low, high, name, value));
    }
    return told;
  }

  // ------------------------------------------------------------------ undo

  /** What takes the edits back, as of right after them, and when that is. */
  before(state, mutation, dot) {
    const trail = state.follow();
    const edits = this.prepare(state, mutation, { replica: dot[0], context: new Map() });
    if (edits === undefined) return null;
    if (isMarking(mutation)) {
      const back = mutation[0] === "take_marks" ? marksBack(state, mutation[1])[1] : [];
      if (state.marks !== null) state.marks.restored.note(dot, back);
      return dot;
    }
    if (mutation[0] === "carry") {
      for (const [step, back] of carried(state, mutation[1], mutation[2])[1]) trail.restored.set(step, back);
    }
    return [trail.end + edits.length / 2, inverses(edits, deletedBy(state, edits))];
  }

  /** Carry it to the present. */
  takingBack(before, mutation, dot) {
    if (before === null) return null;
    return isMarking(mutation) ? ["take_marks", dot] : ["carry", ...before];
  }
}

export const TEXT = new TextType();

const isMarking = ([method]) => method === "mark" || method === "take_marks";

/** Edits that do something; raises as `prepare` does. */
function checkedEdits(edits, length) {
  if (!Array.isArray(edits) || edits.length % 2) throw new BadCall("edits come in pairs: a position, and what is done there");
  const checked = [];
  for (let index = 0; index < edits.length; index += 2) {
    const pos = edits[index];
    const what = edits[index + 1];
    if (!isCount(pos)) throw new BadValue(`a position is a number, not ${String(pos)}`);
    if (pos < 0 || pos > length) throw new BadCall(`position ${pos} of a text of ${length} characters`);
    if (isCount(what)) {
      if (what < 0 || what > length - pos) {
        throw new BadCall(`characters ${pos} to ${pos + what} of a text of ${length} characters`);
      }
      length -= what;
    } else {
      length += pointsIn(checkText(what));
    }
    if (what) checked.push(pos, what);
  }
  return checked;
}

/** What each of some edits deletes (null: nothing), given the text before all of them. */
function deletedBy(state, edits) {
  if (edits.length === 2) return [typeof edits[1] === "number" ? state.slice(edits[0], edits[0] + edits[1]) : null];
  const scratch = new Rope(state.text());
  const found = [];
  for (let index = 0; index < edits.length; index += 2) {
    const pos = edits[index];
    const what = edits[index + 1];
    if (typeof what === "number") {
      found.push(scratch.slice(pos, pos + what));
      scratch.delete(pos, what);
    } else {
      found.push(null);
      scratch.insert(pos, what);
    }
  }
  return found;
}

/** [edits that take something back now, what of that puts back what (step, step)]; none if it is too
 * long ago. */
function carried(state, since, pieces) {
  return state.trail === null ? [[], []] : takingBack(pieces, state.trail, since);
}
