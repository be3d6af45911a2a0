// What happened to the present, for those who hold positions in it: cursors, undo.
//
// Invariants: step number `start + i` is `steps[i]`; older ones are forgotten. A step in `restored` put
// in exactly what the deletion that it names had taken away. Steps before `shared` are those of the
// trails that this one was cut from. At a number in `guesses` the present became another one of which
// nobody knows which items it has in common with the one before.

const STEPS_MAX = 50_000;

/** The latest changes of a sequence, in order; a step is [position, items deleted, or else inserted]. */
export class Trail {
  constructor() {
    this.start = 0;
    this.steps = [];
    this.restored = new Map(); // the number of a step: that of the deletion
    this.shared = 0;
    this.guesses = []; // ascending
    this.held = false; // somebody asked for it
    this.carrier = null; // see text_undoing.js; can be made anew
  }

  /** The number of the next step. */
  get end() {
    return this.start + this.steps.length;
  }

  /** Whether somebody may hold a position. */
  get isFollowed() {
    return this.held || this.steps.length > 0;
  }

  /** Something was deleted, or inserted. */
  add(pos, gone, come) {
    this.steps.push([pos, gone, come]);
    if (this.steps.length <= STEPS_MAX) return;
    this.steps.splice(0, STEPS_MAX / 2);
    this.start += STEPS_MAX / 2;
    for (const number of [...this.restored.keys()]) if (number < this.start) this.restored.delete(number);
    this.guesses = this.guesses.filter((number) => number >= this.start);
    this.carrier = null;
  }

  /** The steps that come next are guessed. */
  guess() {
    this.guesses.push(this.end);
  }

  /** Another trail, of the steps before `end`: the others were discarded. */
  cutBack(end) {
    const trail = new Trail();
    trail.start = Math.min(this.start, end);
    trail.steps = this.steps.slice(0, Math.max(end - this.start, 0));
    trail.restored = new Map([...this.restored].filter(([number]) => number < end));
    trail.shared = this.shared === 0 ? end : Math.min(this.shared, end);
    trail.guesses = this.guesses.filter((number) => number < end);
    trail.held = this.held;
    return trail;
  }

  /** Whether all steps from a number on are here. */
  knows(since) {
    return since >= this.start;
  }

  /** Whether none of the steps from a number on were guessed. */
  tellsOfItems(since) {
    return !this.guesses.length || since > this.guesses[this.guesses.length - 1];
  }

  /** One that is here. */
  step(number) {
    return this.steps[number - this.start];
  }

  /** The steps from a number on. */
  since(number) {
    return this.steps.slice(Math.max(number - this.start, 0));
  }
}

/** Where a place is after a step: behind what stood left of it, or before what stood right. */
export function moved(pos, step, left) {
  const [at, gone, come] = step;
  if (gone) return pos <= at ? pos : Math.max(at, pos - gone);
  return pos > at || (pos === at && !left) ? pos + come : pos;
}
