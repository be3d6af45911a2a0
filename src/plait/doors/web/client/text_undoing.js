// Taking edits back: what undoes them, carried to the present through what happened since.
//
// Undoing an insertion deletes those characters, wherever they are now, and nothing that others typed
// between them. Undoing a deletion puts the text back where it stood; for what was done before the
// deletion, these are the characters that it had deleted (`Trail.restored`): so undoing can go on.
// An *inverse* is {low, high, content}: content goes in at `low`; null: what is from `low` to `high` is
// deleted; as of right after the edit. Undo of marks: text_mark_undoing.js. Absent: keeping what was found out for the next.

import { pointsIn } from "./text_points.js";
import { TrackedItems } from "./walker_tracked.js";

const AHEAD = 16; // steps before the one that is taken back, so that what it restored is known

/** What takes edits back; `contents`: what each of them deletes. */
export function inverses(edits, contents) {
  const found = [];
  for (let index = 0; index < edits.length; index += 2) {
    const pos = edits[index];
    const what = edits[index + 1];
    if (typeof what === "number") found.push({ low: pos, high: pos, content: contents[index / 2] });
    else found.push({ low: pos, high: pos + pointsIn(what), content: null });
  }
  return found;
}

/**
 * [edits that take back an operation after which the trail's next step was `since`, the steps that they
 * will be where they put back what a step had deleted: pairs]. None if nobody knows any more which
 * characters those were.
 */
export function takingBack(pieces, trail, since) {
  const first = since - pieces.length;
  if (!trail.knows(first) || !trail.tellsOfItems(since) || since > trail.end) return [[], []];
  const happened = pieces.every(({ low, high, content }, index) => {
    const [at, gone, come] = trail.step(first + index);
    return at === low && (content === null ? !gone && come === high - low : gone === pointsIn(content) && !come);
  });
  if (!happened) return [[], []]; // it happened to a text that this one has replaced
  let start = first;
  for (const step of trail.restored.values()) if (step < start && step >= trail.start) start = step;
  start = Math.max(Math.min(start, first - AHEAD), trail.start);
  return new Carrier(trail, start).carry(pieces, first);
}

/** Where the characters are that the steps of a trail inserted or deleted. */
class Carrier {
  constructor(trail, start) {
    this.start = start;
    this._items = new TrackedItems();
    this._pieces = []; // of the steps
    for (const step of trail.since(start)) this._take(step, trail.restored.get(this._end()));
  }

  carry(pieces, first) {
    const edits = [];
    const back = [];
    for (let index = pieces.length - 1; index >= 0; index--) {
      const { content } = pieces[index]; // the last is taken back first
      const there = this._pieces[first + index - this.start];
      if (content === null) {
        for (const [pos, end] of this._items.ranges(there).reverse()) {
          edits.push(pos, end - pos);
          this._take([pos, end - pos, 0], undefined);
        }
      } else {
        const pos = this._items.place(there[0][0]);
        edits.push(pos, content);
        back.push([this._end(), first + index]);
        this._take([pos, 0, pointsIn(content)], first + index);
      }
    }
    return [edits, back];
  }

  /** The number of the next step. */
  _end() {
    return this.start + this._pieces.length;
  }

  _take([pos, gone, come], restored) {
    if (gone) {
      this._pieces.push(this._items.delete(pos, gone));
      return;
    }
    if (restored !== undefined && restored >= this.start && restored < this._end()) {
      const back = this._pieces[restored - this.start];
      if (back.reduce((sum, [, size]) => sum + size, 0) === come && this._items.revive(back, pos)) {
        this._pieces.push(back);
        return;
      }
    }
    this._pieces.push([this._items.insert(pos, come)]);
  }
}
