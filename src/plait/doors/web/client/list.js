// Lists that several people edit at once, as a graph type: `plait.types.lists.type` in the browser.
//
// Mutations, with indexes of what shows: ["insert", index, values], ["delete", index, count],
// ["replace", index, count, values], ["move", from, to], ["set", index, value],
// ["arrange", indexes]; and what undo gives.
// A move keeps the element what it is; of two moves at the same time the later one counts, and nothing is
// there twice. The last writer of an element's value wins. Values are stored ones (codec.js).

import { decode, encode } from "./codec.js";
import { BadCall, BadFrame, BadValue } from "./errors.js";
import { arranged, arrangedBack, outOfOrder } from "./list_arranging.js";
import { elementsIn, SET } from "./list_bodies.js";
import { deleted, inserted, moved, near, placedBack, replaced, swapped } from "./list_planning.js";
import { dump, elementRows, learn, load, opRow, readElements, readOps } from "./list_rows.js";
import { nameOfElement } from "./list_slots.js";
import { ListState } from "./list_state.js";
import { same, taken } from "./plain.js";
import { isCount } from "./walker_sequence.js";
import { ascending } from "./walker_spans.js";
import { dotOf, inOrder, SequenceType } from "./walker_type.js";

export class ListType extends SequenceType {
  tag = "l";

  zero() {
    return new ListState();
  }

  dump(state) {
    return dump(state);
  }

  load(data) {
    return load(data);
  }

  // ------------------------------------------------------------------ writing

  /** `BadCall` for indexes that are not in the list, `BadValue` for what no list holds. */
  prepare(state, mutation, here) {
    const [method, ...said] = mutation;
    const size = state.size();
    switch (method) {
      case "insert":
        checkRange(said[0], 0, size);
        return inserted(state, said[0], plain(said[1]));
      case "delete":
        checkRange(said[0], said[1], size);
        return deleted(state, said[0], said[1]);
      case "replace":
        checkRange(said[0], said[1], size);
        return replaced(state, said[0], said[1], plain(said[2]));
      case "move":
        checkRange(said[0], 1, size);
        checkRange(said[1], 1, size);
        return moved(state, said[0], said[1]);
      case "arrange":
        if (!isOrder(said[0], size)) throw new BadCall(`that is no order of the ${size} elements of a list`);
        return arranged(state, said[0]);
      case "arrange_back":
        return arrangedBack(state, ...said, here.replica);
      case "set":
        checkRange(said[0], 1, size);
        return [SET, state.elements(said[0], said[0] + 1)[0].id, taken(said[1])];
      case "put_back":
        return putBack(state, ...said);
      case "swap":
        return swapped(state, ...said);
      case "place":
        return placedBack(state, ...said, here.replica);
      default:
        throw this.unknown(mutation);
    }
  }

  /** Edit the list as its author had seen it. */
  apply(state, body, event) {
    this._happening(() => state.do(body, event));
  }

  /** The operation itself, or the element that it writes. */
  eventSlots(body, dot) {
    const elements = elementsIn(body).map(encode);
    return elements.length ? elements : [encode(dot)];
  }

  // ------------------------------------------------------------------ reading

  /** The values of the elements, in order, as they are stored. */
  value(state) {
    return state.elements().map(({ value }) => value);
  }

  /** The patches: [index, how many elements are deleted there, the values that are inserted]. */
  watching(state, act) {
    const items = state.items;
    const before = items.shownSlots().map((slot) => slot.name);
    const crowded = items.crowded.size > 0;
    items.written = [];
    let patches;
    let written;
    try {
      patches = super.watching(state, act);
      written = items.written;
    } finally {
      items.written = null;
    }
    const known = (name) => state.items.known.get(name).value;
    let found = patches.map(([pos, gone, slots]) => [pos, gone, (slots ?? []).map((slot) => known(slot.name))]);
    if (crowded || state.items.crowded.size) {
      found = [difference(before, state)]; // a slot may have come into sight that no patch says anything of
      patches = [];
    }
    const come = new Set(patches.flatMap(([, , slots]) => (slots ?? []).map((slot) => slot.name)));
    for (const name of written) {
      const index = come.has(name) ? -1 : state.indexOf(name);
      if (index >= 0) found.push([index, 1, [known(name)]]);
    }
    return found.filter(([, gone, values]) => gone || values.length);
  }

  /** Which events there are, and how many elements are remembered. */
  stamp(state) {
    return [...super.stamp(state), state.items.known.size];
  }

  // ------------------------------------------------------------------ roads

  /** Everything as bytes; or [operations, base, elements]. */
  delta(state, slots) {
    if (slots === null) return dump(state);
    const dots = [];
    const names = new Set();
    for (const slot of slots) {
      const named = decode(slot);
      if (named.length === 3) names.add(nameOfElement([BigInt(named[0]), named[1], named[2]]));
      else if (state.has(dotOf(slot))) dots.push(dotOf(slot));
    }
    const ops = inOrder(state, dots).map((dot) => state.op(dot));
    for (const { edits } of ops) {
      for (const what of edits) if (typeof what !== "number") what.forEach((slot) => names.add(slot.name));
    }
    return [ops.map(opRow), state.baseDots(), elementRows(state.items, [...names])];
  }

  /** Take in operations that are not here, and what is known of elements. */
  join(state, data, mine, theirs, _whole) {
    let known;
    if (data instanceof Uint8Array) {
      const other = load(data);
      known = [...allKnown(other), ...(mine.size ? allKnown(state) : [])];
      this._joinAll(state, other, mine, theirs);
    } else {
      if (!Array.isArray(data) || data.length !== 3) throw new BadFrame("no operations on a list");
      known = readElements(data[2]);
      this.joinOps(state, readOps(data[0]), data[1], mine, theirs);
    }
    learn(state.items, known);
  }

  /** The slots with their elements, the latter as they were last written. */
  image(state) {
    const { slots, known } = state.items;
    const elements = slots.map((slot) => known.get(slot.name));
    return [slots.map(imageOf), elements.map(({ order, value }) => [order, value])];
  }

  listed(edits) {
    return edits.map((what) => (typeof what === "number" ? what : what.map(imageOf)));
  }

  // ------------------------------------------------------------------ undo

  /** What takes it back, said by elements: it means the same later. */
  before(state, mutation, dot) {
    const [method, ...said] = mutation;
    const fresh = (count) => Array.from({ length: count }, (_, offset) => [...dot, offset]);
    const pairs = (index, count) => state.elements(index, index + count).map(({ id, value }) => [id, value]);
    switch (method) {
      case "insert":
        return ["swap", fresh(said[1].length), [], near(state, said[0], 0)];
      case "delete":
        return ["swap", [], pairs(said[0], said[1]), near(state, said[0], said[1])];
      case "replace":
        return ["swap", fresh(said[2].length), pairs(said[0], said[1]), near(state, said[0], said[1])];
      case "move":
        return ["place", state.elements(said[0], said[0] + 1)[0].id, near(state, said[0], 1)];
      case "arrange":
        return ["arrange_back", state.elements().map(({ id }) => id), outOfOrder(state, said[0])];
      case "arrange_back":
        return ["arrange_back", state.elements().map(({ id }) => id), said[1]];
      case "set": {
        const [{ id, value }] = state.elements(said[0], said[0] + 1);
        return ["put_back", id, taken(said[1]), value];
      }
      case "put_back":
        return ["put_back", said[0], said[2], said[1]];
      case "place": {
        const index = state.indexOf(nameOfElement(said[0]));
        return index < 0 ? null : ["place", said[0], near(state, index, 1)];
      }
      case "swap":
        return swapBack(state, ...said);
      default:
        return null;
    }
  }

  takingBack(before, _mutation, _dot) {
    return before;
  }
}

export const LIST = new ListType();

const imageOf = (slot) => [...slot.order, slot.element];

/** What a list knows of all its elements. */
function allKnown(state) {
  return readElements(elementRows(state.items, [...state.items.known.keys()]));
}

/** The elements that come go, those that go come back. */
function swapBack(state, gone, come, where) {
  const there = gone
    .map((id) => [state.indexOf(nameOfElement(id)), id])
    .filter(([index]) => index >= 0)
    .sort((a, b) => a[0] - b[0]);
  const pairs = there.map(([, id]) => [id, state.items.known.get(nameOfElement(id)).value]);
  if (there.length) where = near(state, there[0][0], there.length);
  const revived = come.map(([id]) => id).filter((id) => state.indexOf(nameOfElement(id)) < 0);
  return ["swap", revived, pairs, where];
}

function putBack(state, id, written, value) {
  const known = state.items.known.get(nameOfElement(id));
  if (known === undefined || !known.slots.length || !same(known.value, written)) return undefined;
  return [SET, id, value];
}

/** One patch that leads from what showed to what shows. */
function difference(before, state) {
  const now = state.items.shownSlots().map((slot) => slot.name);
  const shorter = Math.min(before.length, now.length);
  let head = 0;
  while (head < shorter && before[head] === now[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before[before.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  const values = state.elements(head, now.length - tail).map(({ value }) => value);
  return [head, before.length - tail - head, values];
}

function checkRange(index, count, size) {
  if (!isCount(index) || !isCount(count)) throw new BadValue(`an index is a number, not ${String(index)}, ${String(count)}`);
  if (index < 0 || count < 0 || index + count > size) {
    throw new BadCall(`elements ${index} to ${index + count} of a list of ${size}`);
  }
}

function isOrder(order, size) {
  return Array.isArray(order) && order.length === size && ascending(order).every((index, at) => index === at);
}

function plain(values) {
  if (!Array.isArray(values)) throw new BadValue("values come in an array");
  return values.map(taken);
}
