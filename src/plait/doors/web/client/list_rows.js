// Lists and their operations as data: what others are sent, and what is stored.
//
// Invariant: nothing that comes back is believed before it was looked at; whatever is no list is a
// `BadFrame`. Mirrors `plait.types.lists.rows`.

import { byPair } from "./causality.js";
import { decode, encode } from "./codec.js";
import { BadFrame } from "./errors.js";
import { Elements } from "./list_elements.js";
import { checkedElement, checkedOrder, compareAll, isBehind, nameOfElement, packed, unpacked } from "./list_slots.js";
import { ListState } from "./list_state.js";
import { isCount } from "./walker_sequence.js";
import { readDot, readDots } from "./walker_type.js";

// ----------------------------------------------------------------------------- operations

/** An operation. */
export function opRow({ name, seq, parents, edits, clears }) {
  return [name, seq, parents, edits.map((what) => (typeof what === "number" ? what : packed(what))), clears];
}

/** What `opRow` gave, of each. */
export function readOps(rows) {
  if (!Array.isArray(rows)) throw new BadFrame("no operations on a list");
  return rows.map((row) => {
    if (!Array.isArray(row) || row.length !== 5) throw new BadFrame("no operation on a list");
    const [, , parents, edits, clears] = row;
    if (!Array.isArray(edits) || !edits.length || typeof clears !== "boolean") throw new BadFrame("no edits");
    const [name, seq] = readDot(row);
    const read = edits.map((what) => (isCount(what) ? what : unpacked(what)));
    return { name, seq, parents: readDots(parents), edits: read, clears };
  });
}

// ----------------------------------------------------------------------------- elements

/** What is known of elements, by their names: [stamp, replica, operation, offset, [value, ...]] for those
 * that hold what they were inserted with, [element, order or null, value, deleters] for others. */
export function elementRows(items, names) {
  const rows = [];
  let likely = null; // the order before, if the row may go on
  const wanted = names.map((name) => items.known.get(name)).filter((element) => element !== undefined);
  for (const { id, order, value, slots, deleters } of wanted.sort((a, b) => compareAll(a.id, b.id))) {
    const told = slots.length ? [] : [...deleters].sort(byPair);
    if (order === null || compareAll(order.slice(1), id) || told.length) {
      rows.push([id, order, value, told]);
      likely = null;
      continue;
    }
    if (likely !== null && isBehind(order, likely)) rows[rows.length - 1][4].push(value);
    else rows.push([...order, [value]]);
    likely = order;
  }
  return rows;
}

/** What `elementRows` gave: {id, order, value, deleters} of each. */
export function readElements(rows) {
  if (!Array.isArray(rows)) throw new BadFrame("no elements of a list");
  const found = [];
  for (const row of rows) {
    if (!Array.isArray(row)) throw new BadFrame("no elements of a list");
    if (row.length === 5) {
      const [stamp, replica, seq, first] = checkedOrder(row.slice(0, 4));
      const values = row[4];
      if (!Array.isArray(values)) throw new BadFrame("no values");
      checkedOrder([stamp, replica, seq, first + values.length]);
      values.forEach((value, index) => {
        const id = [replica, seq, first + index];
        found.push({ id, order: [stamp, ...id], value, deleters: [] });
      });
    } else if (row.length === 4) {
      const [id, order, value, deleters] = row;
      const written = order === null ? null : checkedOrder(order);
      found.push({ id: checkedElement(id), order: written, value, deleters: readDots(deleters) });
    } else {
      throw new BadFrame("no elements of a list");
    }
  }
  return found;
}

/** Take over what somebody knows of elements. */
export function learn(items, known) {
  for (const { id, order, value, deleters } of known) {
    const name = nameOfElement(id);
    items.remember(id, name, deleters);
    if (order !== null) items.write(name, order, value);
  }
}

// ----------------------------------------------------------------------------- whole lists

/** The whole list as bytes. */
export function dump(state) {
  const items = state.items;
  const elements = elementRows(items, [...items.known.keys()]);
  return encode([packed(items.slots), elements, state.ops().map(opRow), state.baseDots()]);
}

/** The list in bytes. */
export function load(data) {
  const whole = decode(data);
  if (!Array.isArray(whole) || whole.length !== 4) throw new BadFrame("no list");
  const slots = unpacked(whole[0]);
  const base = new Map(readDots(whole[3]));
  const known = readElements(whole[1]);
  const ops = readOps(whole[2]);
  const distinct = new Set(slots.map((slot) => `${slot.order} ${slot.name}`));
  if (distinct.size !== slots.length) throw new BadFrame("a list with the same slot twice");
  const state = new ListState();
  for (const op of ops) {
    if (state.has([op.name, op.seq])) throw new BadFrame("a list with the same operation twice");
    state.restore(op);
  }
  state.hold(new Elements(slots));
  learn(state.items, known);
  state.base = base;
  return state;
}
