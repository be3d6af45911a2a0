// The elements of a list: what stands in its slots, and what is remembered of those that went.
//
// It holds the slots that are there (it is what the walker edits), and of every element its value, the
// write that the value is from, its slots, and who deleted slots of it. What an element was is remembered
// after its last slot is gone: somebody may have moved it who had not seen that; once everybody has, it
// is forgotten. Mirrors `plait.types.lists.elements`.
//
// Invariants: an element's `slots` are those of `slots` that are its own; `crowded` has exactly the
// elements with several. Every element of a slot is known. Elements are kept by their names.

import { compareAll } from "./list_slots.js";

const sameDot = (one, other) => one[0] === other[0] && one[1] === other[1];

/** What is known of one element. */
class Element {
  constructor(id) {
    this.id = id;
    this.value = null;
    this.order = null; // the write that the value is from
    this.slots = []; // that are there; never changed in place
    this.deleters = []; // a deletion of each slot that is not; never changed in place
  }

  /** Whether everybody has seen that it is gone, and what it was. */
  goneFor(cut) {
    if (this.slots.length || !this.deleters.every(([name, seq]) => seq <= (cut.get(name) ?? 0))) return false;
    return this.order === null || this.order[2] <= (cut.get(this.order[1]) ?? 0);
  }
}

/** The items of a list, as a sequence edits them. */
export class Elements {
  constructor(slots = []) {
    this.slots = [];
    this.known = new Map();
    this.crowded = new Set();
    this.by = null; // the operation that is being done
    this.journal = null;
    this.written = null; // names of those given a value, while somebody wants to know
    this._shown = null;
    if (slots.length) this.insert(0, slots);
  }

  get length() {
    return this.slots.length;
  }

  // ------------------------------------------------------------------ as items

  /** Put slots before the one at `pos`. */
  insert(pos, content) {
    if (content.length < 10_000) this.slots.splice(pos, 0, ...content);
    else this.slots = [...this.slots.slice(0, pos), ...content, ...this.slots.slice(pos)];
    this._shown = null;
    for (const slot of content) {
      const element = this.known.get(slot.name) ?? this._meet(slot.element, slot.name);
      element.slots = [...element.slots, slot];
      if (element.slots.length > 1) this.crowded.add(slot.name);
    }
  }

  /** Take slots away. */
  delete(pos, size) {
    this._shown = null;
    for (const slot of this.slots.splice(pos, size)) {
      const element = this.known.get(slot.name);
      if (this.by !== null && !element.deleters.some((dot) => sameDot(dot, this.by))) {
        this._note(slot.name, element);
        element.deleters = [...element.deleters, this.by];
      }
      element.slots = element.slots.filter((other) => compareAll(other.order, slot.order));
      if (element.slots.length === 1) this.crowded.delete(slot.name);
    }
  }

  /** The slots from `start` to `stop`. */
  slice(start, stop) {
    return this.slots.slice(start, stop);
  }

  // ------------------------------------------------------------------ reading

  /** The slots that show, in order. */
  shownSlots() {
    return this.crowded.size ? this.slots.filter((slot) => this.shows(slot)) : this.slots;
  }

  /** Where the slots are that show, in order. */
  shown() {
    if (this._shown === null) {
      this._shown = [];
      this.slots.forEach((slot, at) => {
        if (!this.crowded.size || this.shows(slot)) this._shown.push(at);
      });
    }
    return this._shown;
  }

  /** Whether a slot that is there shows. */
  shows(slot) {
    const { slots } = this.known.get(slot.name);
    return slots.length === 1 || greatest(slots) === slot;
  }

  /** How many show. */
  size() {
    return this.crowded.size ? this.shown().length : this.slots.length;
  }

  // ------------------------------------------------------------------ writing

  /** An element was given a value; the last writer wins. Of unknown ones nothing shows. */
  write(name, order, value) {
    const element = this.known.get(name);
    if (element === undefined || (element.order !== null && compareAll(order, element.order) <= 0)) return;
    this._note(name, element);
    element.value = value;
    element.order = order;
    if (this.written !== null) this.written.push(name);
  }

  /** An element of which others know too, and who deleted slots of it. */
  remember(id, name, deleters) {
    const element = this.known.get(name) ?? this._meet(id, name);
    const fresh = deleters.filter((dot) => !element.deleters.some((known) => sameDot(known, dot)));
    if (!fresh.length) return;
    this._note(name, element);
    element.deleters = [...element.deleters, ...fresh];
  }

  /** Forget elements that are gone for everybody. */
  fold(cut) {
    for (const [name, element] of [...this.known]) {
      if (element.goneFor(cut)) this.known.delete(name);
      else if (element.deleters.length && element.slots.length) {
        element.deleters = element.deleters.filter((dot) => dot[1] > (cut.get(dot[0]) ?? 0));
      }
    }
  }

  // ------------------------------------------------------------------ drafts

  /** What was written since the journal had this length is taken back; slots are already. */
  rollback(length) {
    while (this.journal.length > length) {
      const [name, before] = this.journal.pop();
      if (before === null) this.known.delete(name);
      else Object.assign(this.known.get(name), before);
    }
  }

  _meet(id, name) {
    const element = new Element(id);
    this.known.set(name, element);
    if (this.journal !== null) this.journal.push([name, null]);
    return element;
  }

  _note(name, { value, order, deleters }) {
    if (this.journal !== null) this.journal.push([name, { value, order, deleters }]);
  }
}

/** Of the slots of an element the one that shows. */
export function greatest(slots) {
  return slots.reduce((best, slot) => (compareAll(slot.order, best.order) > 0 ? slot : best));
}
