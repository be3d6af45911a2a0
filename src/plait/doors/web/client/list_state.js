// A list that several people edit at once: a sequence of slots, and elements.
//
// The walker orders slots; what an element is, and which of its slots shows, is said by list_elements.js.
// An index counts what shows, a *place* counts every slot. Mirrors `plait.types.lists.state`.

import { BadFrame } from "./errors.js";
import { readBody } from "./list_bodies.js";
import { Elements, greatest } from "./list_elements.js";
import { nameOfElement, SLOT_CONTENTS } from "./list_slots.js";
import { ReplicatedSequence } from "./walker_replica.js";

/** The slots and the elements, and the event graph of what is not folded. */
export class ListState extends ReplicatedSequence {
  constructor() {
    super(new Elements(), SLOT_CONTENTS);
    this._drafts = []; // open ones: [elements, where their journal began]
  }

  /** These are the items, which is what the events come to. */
  hold(items) {
    this._items = items;
    this._length = items.length;
  }

  // ------------------------------------------------------------------ operations

  /** See `EditableSequence.add`. Nothing stays on the pile, for elements want to know who deletes their
   * slots. */
  add(name, seq, edits, parents = null, whole = false) {
    this.items.by = [name, seq];
    try {
      const last = super.add(name, seq, edits, parents, whole);
      this.closeRun();
      return last;
    } finally {
      this._items.by = null;
    }
  }

  /** An operation. `BadFrame`, and nothing happened. */
  do(body, event) {
    const { edits, writes } = readBody(body, event);
    if (edits.length && !this.happen(event, edits)) throw new BadFrame("an operation that does nothing");
    for (const [id, order, value] of writes) this._items.write(nameOfElement(id), order, value);
  }

  /** Forget events that everybody has seen, and elements that are gone for everybody. */
  fold(cut) {
    const folded = super.fold(cut);
    this._items.fold(cut);
    return folded;
  }

  // ------------------------------------------------------------------ reading

  /** How many elements it has. */
  size() {
    return this.items.size();
  }

  /** The elements from one index to another. */
  elements(start = 0, stop = undefined) {
    const items = this.items;
    return items.shownSlots().slice(start, stop).map((slot) => items.known.get(slot.name));
  }

  /** Where an element (by its name) shows; -1 if it does not. */
  indexOf(name) {
    const items = this.items;
    const element = items.known.get(name);
    if (element === undefined || !element.slots.length) return -1;
    return items.shownSlots().indexOf(greatest(element.slots));
  }

  /** The place behind the element before an index: where something goes to stand there. */
  place(index) {
    return index ? this.items.shown()[index - 1] + 1 : 0;
  }

  /** The places of all slots of some elements, ascending. */
  placesOf(elements) {
    const names = new Set(elements.map(({ id }) => nameOfElement(id)));
    const places = [];
    this.items.slots.forEach((slot, at) => {
      if (names.has(slot.name)) places.push(at);
    });
    return places;
  }

  // ------------------------------------------------------------------ drafts

  beginDraft() {
    const mark = super.beginDraft();
    const items = this._items;
    items.journal ??= [];
    this._drafts.push([items, items.journal.length]);
    return mark;
  }

  keepDraft(mark) {
    super.keepDraft(mark);
    const [items] = this._drafts.pop();
    if (!this._drafts.length) items.journal = this._items.journal = null;
  }

  discardDraft(mark) {
    super.discardDraft(mark);
    const [items, length] = this._drafts.pop();
    items.rollback(length);
    if (!this._drafts.length) items.journal = null;
  }
}
