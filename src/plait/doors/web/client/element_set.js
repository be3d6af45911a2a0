/**
 * The sets: grow-only, two-phase, add-wins and remove-wins. Mirrors types/element_set.py,
 * grow_set.py, two_phase_set.py, add_wins_set.py and remove_wins_set.py.
 *
 * A slot for each element; cells hold true (added) or false (removed). Bodies: `[element]` adds,
 * `[element, false]` removes. An element is in iff it has a cell and none says removed.
 */

import { CellType, Cells, allCovered, compareDots, compareSlots, keptOf, slotKey } from "./cells.js";
import { dotKey } from "./causality.js";
import { BadFrame, BadValue } from "./errors.js";
import { checkElement, elementOf, elementSlot, sentSlot } from "./element.js";

/** @typedef {import("./cells.js").SlotCells} SlotCells @typedef {import("./event.js").Event} Event */

/** Whether no cell says removed. @param {SlotCells} cells */
function allAdded(cells) {
  for (const cell of cells.values()) if (!cell[2]) return false;
  return true;
}

class ElementSet extends CellType {
  removes = true;
  keepsRemovals = false;

  /** Whether adding has something to tell. @param {Cells} state @param {string} slot */
  adds(state, slot) {
    return true;
  }

  /** Whether removing has something to tell. @param {Cells} state @param {string} slot */
  takes(state, slot) {
    return true;
  }

  /** An element was added or removed: the cells that were seen are replaced.
   * @param {Cells} state @param {string} slot @param {boolean} added @param {Event} event */
  change(state, slot, added, event) {
    state.take(slot, event);
    state.put(slot, event.replica, event.seq, added);
  }

  prepare(state, mutation, here) {
    const [name, element] = mutation;
    if (mutation.length !== 2 || !(name === "add" || (name === "remove" && this.removes)))
      throw this.unknown(mutation);
    const { slot, stored } = elementSlot(element);
    if (name === "add") return this.adds(state, slot) ? [stored] : undefined;
    return this.takes(state, slot) ? [stored, false] : undefined;
  }

  apply(state, body, event) {
    const said = this.said(body);
    if (said) this.change(state, slotKey(said.slot), said.added, event);
  }

  /** What a body says; null for one that makes no sense. @param {any} body
   * @returns {{slot: Uint8Array, added: boolean} | null} */
  said(body) {
    if (!Array.isArray(body) || !body.length || body.length > 2) return null;
    if (body.length === 2 && (body[1] !== false || !this.removes)) return null;
    const slot = sentSlot(body[0]);
    return slot && { slot, added: body.length === 1 };
  }

  /** Whether the element of a slot is in. @param {Cells} state @param {string} slot */
  has(state, slot) {
    const cells = state.slots.get(slot);
    return cells !== undefined && allAdded(cells);
  }

  /** The stored elements that are in, in one order. */
  value(state) {
    return this.partial(state, null);
  }

  partial(state, slots) {
    const wanted = slots === null ? [...state.slots.keys()] : slots.map(slotKey);
    return wanted.filter((slot) => this.has(state, slot)).sort(compareSlots).map(elementOf);
  }

  alive(state) {
    for (const cells of state.slots.values()) if (allAdded(cells)) return true;
    return false;
  }

  touched(body, replica) {
    const said = this.said(body);
    return said ? [said.slot] : [];
  }

  checkSlot(key, slot) {
    checkElement(slot);
  }

  payload(slot, payload) {
    if (payload === true || (payload === false && this.keepsRemovals)) return payload;
    throw new BadFrame("no cell of a set");
  }

  before(state, mutation, dot) {
    const adds = mutation[0] === "add";
    if (this.has(state, elementSlot(mutation[1]).slot) === adds) return null;
    return [adds ? "remove" : "add", mutation[1]];
  }
}

/** ["add", element]; nothing goes out. */
export class GrowSet extends ElementSet {
  tag = "gs";
  removes = false;

  adds(state, slot) {
    return !state.slots.has(slot);
  }

  before() {
    return null;
  }
}

/** What was removed is never in again. */
export class TwoPhaseSet extends ElementSet {
  tag = "tp";
  keepsRemovals = true;

  adds(state, slot) {
    const cells = state.slots.get(slot);
    if (cells && !allAdded(cells)) throw new BadValue("it was removed, and so it is never in again");
    return !cells;
  }

  takes(state, slot) {
    return this.has(state, slot);
  }

  /** Replace the cells that were seen; an addition leaves removals alone. */
  change(state, slot, added, event) {
    const { replica, seq } = event;
    const keep = (/** @type {any} */ cell) => !event.sees(cell) || (added && !cell[2]);
    const cells = new Map(keptOf(state.at(slot), keep));
    cells.set(dotKey(replica, seq), [replica, seq, added]);
    state.replace(slot, cells);
  }

  /** Of what is stable and removed keep one removal. */
  fold(state, cut) {
    this.foldSlots(state, (slot, cells) => {
      if (allAdded(cells) || cells.size === 1 || !allCovered(cells, cut)) return cells;
      const removals = [...cells.values()].filter((cell) => !cell[2]);
      const last = removals.reduce((a, b) => (compareDots(a, b) > 0 ? a : b));
      return new Map([[dotKey(last[0], last[1]), last]]);
    });
  }

  before() {
    return null;
  }
}

/** An element that is added and removed at the same time stays. */
export class AddWinsSet extends ElementSet {
  tag = "aw";

  takes(state, slot) {
    return state.slots.has(slot);
  }

  change(state, slot, added, event) {
    state.take(slot, event);
    if (added) state.put(slot, event.replica, event.seq, true);
  }
}

/** An element that is added and removed at the same time goes. */
export class RemoveWinsSet extends ElementSet {
  tag = "rw";
  keepsRemovals = true;

  /** Drop elements that are out if all that was said of them is stable. */
  fold(state, cut) {
    this.foldSlots(state, (slot, cells) =>
      allAdded(cells) || !allCovered(cells, cut) ? cells : new Map(),
    );
  }
}
