/**
 * Flags: on or off, and off at first. Mirrors types/enable_flag.py and disable_flag.py.
 *
 * An enable-wins flag has a cell (null) for each enabling that no later operation has seen, and is
 * on iff there is one. A disable-wins flag has a cell for each operation, with what it said, and is
 * on iff there is one and none says off. Bodies: true and false.
 */

import { CellType, allCovered } from "./cells.js";
import { BadFrame } from "./errors.js";

const SLOT = "b"; // the empty slot
const TOUCHED = [new Uint8Array(0)];

/** @param {import("./cells.js").SlotCells} cells */
function allOn(cells) {
  for (const cell of cells.values()) if (!cell[2]) return false;
  return cells.size > 0;
}

class Flag extends CellType {
  touched() {
    return TOUCHED;
  }

  checkSlot(key) {
    if (key !== SLOT) throw new BadFrame("a flag has one slot");
  }

  before(state, mutation, dot) {
    const enables = mutation[0] === "enable";
    return this.value(state) === enables ? null : [enables ? "disable" : "enable"];
  }
}

/** ["enable"] and ["disable"]; enabling wins. */
export class EnableFlag extends Flag {
  tag = "ew";

  prepare(state, mutation, here) {
    if (mutation[0] === "enable") return true;
    if (mutation[0] === "disable") return state.slots.size ? false : undefined;
    throw this.unknown(mutation);
  }

  apply(state, body, event) {
    if (typeof body !== "boolean") return;
    state.take(SLOT, event);
    if (body) state.put(SLOT, event.replica, event.seq, null);
  }

  value(state) {
    return state.slots.size > 0;
  }

  payload(slot, payload) {
    if (payload !== null) throw new BadFrame("no cell of a flag");
    return null;
  }
}

/** ["enable"] and ["disable"]; disabling wins. */
export class DisableFlag extends Flag {
  tag = "dw";

  prepare(state, mutation, here) {
    if (mutation[0] === "enable") return true;
    if (mutation[0] === "disable") return false;
    throw this.unknown(mutation);
  }

  apply(state, body, event) {
    if (typeof body !== "boolean") return;
    state.take(SLOT, event);
    state.put(SLOT, event.replica, event.seq, body);
  }

  value(state) {
    return allOn(state.at(SLOT));
  }

  alive(state) {
    return this.value(state);
  }

  /** Drop everything if it is stable and off. */
  fold(state, cut) {
    const cells = state.at(SLOT);
    if (cells.size && !allOn(cells) && allCovered(cells, cut)) state.replace(SLOT, new Map());
  }

  payload(slot, payload) {
    if (typeof payload !== "boolean") throw new BadFrame("no cell of a flag");
    return payload;
  }
}
