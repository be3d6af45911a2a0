// A text that several people edit at once, as one replica holds it: a sequence of characters, with marks.
//
// Invariant: positions are code points. Absent: UTF-16, which is of the API: see text_view.js.

import { edits as editsBetween } from "./text_diff.js";
import { MarkedText, UNMARKED } from "./text_marked.js";
import { isBody, merged } from "./text_marks.js";
import { TEXT_CONTENTS } from "./text_pages.js";
import { Rope } from "./text_rope.js";
import { ReplicatedSequence } from "./walker_replica.js";

const MARKED_CONTENTS = { ...TEXT_CONTENTS, isMark: (value, room) => isBody(value) && value[0] <= room };

/** The text, and the event graph of what is not folded. */
export class TextState extends ReplicatedSequence {
  constructor(items = new Rope()) {
    super(items, MARKED_CONTENTS);
    this.extensions = []; // of its pages, that are not understood here
  }

  /** All of it. */
  text() {
    return this.items.text();
  }

  /** The characters from one to another. */
  slice(start, stop) {
    return this.items.slice(start, stop);
  }

  /** As few as possible: who holds a place in the text keeps it. */
  changesTo(items) {
    const found = [];
    for (const [pos, gone, content] of editsBetween(this._items.text(), items.text())) {
      if (gone) found.push([pos, gone, null]);
      if (content) found.push([pos, 0, content]);
    }
    return found;
  }

  // ------------------------------------------------------------------ marks

  /** What covers the text now. */
  marked() {
    this.closeRun();
    if (this.marks === null) {
      if (!this.log.marks) return UNMARKED;
      this.marks = new MarkedText(UNMARKED);
    }
    this.thaw();
    return this.marks.at(this.graph, this.log, this.graph.end);
  }

  /** What the marks come to, from the beginning: [characters, values by name (a Map)], neighbours
   * differ; what lies behind the last one is unmarked. */
  spans() {
    const marked = this.marked();
    return merged(marked.spans, marked.marks);
  }

  /** Keep the marks of the root. */
  aboutToFold(boundary) {
    if (this.marks === null && this.log.marks) this.marks = new MarkedText(UNMARKED);
    if (this.marks !== null) this.marks.fold(this.graph, this.log, boundary);
  }

  /** As it was at the mark. */
  discardDraft(mark) {
    super.discardDraft(mark);
    if (this.marks !== null) this.marks.cutBack(mark.end);
  }
}

