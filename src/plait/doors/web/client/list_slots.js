// Slots: the places of a list, which are inserted and deleted and nothing else.
//
// An *element* is what people mean by an item of a list: it has an identity, a value, and stands in a
// slot. Moving it deletes its slot and inserts another one for the same element, so two moves at the same
// time leave it with two slots; of those that are there the greatest shows. An element is named by the
// operation that inserted it, and by which of that operation's it is: [replica, operation, offset].
//
// Invariant: a slot, an order and an id never change. Mirrors `plait.types.lists.slots`.

import { BadFrame } from "./errors.js";
import { isReplica } from "./walker_type.js";
import { isCount } from "./walker_sequence.js";

const OFFSET_MAX = 2 ** 40;
const SEQ_MAX = (1n << 62n) - 1n;
const HLC_MAX = (1n << 64n) - 1n;
const SLOTS_MAX = 1 << 24; // of one list

/** A place in a list. */
export class Slot {
  /** order: [stamp, replica, operation, which of its slots]. */
  constructor(order, element) {
    this.order = order;
    this.element = element;
    this.name = nameOfElement(element);
  }

  /** Whether its element began with it. */
  get isFirst() {
    const [, replica, seq, offset] = this.order;
    return this.element[0] === replica && this.element[1] === seq && this.element[2] === offset;
  }
}

/** How slots are the contents of a sequence. */
export const SLOT_CONTENTS = {
  size: (slots) => slots.length,
  slice: (slots, start, stop) => slots.slice(start, stop),
  joined: (piles) => piles.flat(),
  isContent: (value) => Array.isArray(value) && value.length > 0,
  isMark: () => false,
};

/** Which of two orders, or ids, comes first: arrays of numbers, entry by entry. */
export function compareAll(one, other) {
  for (let index = 0; index < one.length; index++) {
    if (one[index] < other[index]) return -1;
    if (one[index] > other[index]) return 1;
  }
  return 0;
}

/** The name of an element in paths, and in maps. */
export function nameOfElement([replica, seq, offset]) {
  return `${replica.toString(16)}.${seq.toString(16)}.${offset.toString(16)}`;
}

// ----------------------------------------------------------------------------- from outside

/** The values of what can be taken apart, as Python takes it apart. `BadFrame`. */
export function parts(data, count) {
  let found = null;
  if (Array.isArray(data)) found = data;
  else if (data instanceof Map) found = [...data.keys()];
  else if (data instanceof Uint8Array) found = [...data];
  if (found === null || found.length !== count) throw new BadFrame("no such thing of a list");
  return found;
}

/** An element's id from outside. `BadFrame`. */
export function checkedElement(data) {
  const [replica, seq, offset] = parts(data, 3);
  const isSeq = typeof seq === "bigint" ? seq >= 1n && seq <= SEQ_MAX : isCount(seq) && seq >= 1;
  if (!isReplica(replica) || !isSeq || !isCount(offset) || offset < 0 || offset > OFFSET_MAX) {
    throw new BadFrame("no element");
  }
  return [BigInt(replica), seq, offset];
}

/** An order from outside. `BadFrame`. */
export function checkedOrder(data) {
  const [stamp, ...rest] = parts(data, 4);
  const isStamp = typeof stamp === "bigint" ? stamp >= 0n && stamp <= HLC_MAX : isCount(stamp) && stamp >= 0;
  if (!isStamp) throw new BadFrame("no stamp");
  return [BigInt(stamp), ...checkedElement(rest)];
}

// ----------------------------------------------------------------------------- rows

/** Rows of slots: [stamp, replica, seq, offset, how many that came with it], or, for a slot that an
 * element was moved to, its id in the last place. */
export function packed(slots) {
  const rows = [];
  let last = null; // the order of the slot before, if the row may go on
  for (const slot of slots) {
    const { order } = slot;
    if (!slot.isFirst) {
      rows.push([...order, slot.element]);
      last = null;
      continue;
    }
    if (last !== null && isBehind(order, last)) rows[rows.length - 1][4]++;
    else rows.push([...order, 1]);
    last = order;
  }
  return rows;
}

/** Whether an order, or id, is the one that comes right behind another of the same operation. */
export function isBehind(order, last) {
  const end = order.length - 1;
  return order[end] === last[end] + 1 && order.every((entry, index) => index === end || entry === last[index]);
}

/** What was packed. `BadFrame`. */
export function unpacked(rows) {
  if (!Array.isArray(rows)) throw new BadFrame("no slots");
  const slots = [];
  for (const row of rows) {
    if (!Array.isArray(row) || row.length !== 5) throw new BadFrame("no slots");
    const order = checkedOrder(row.slice(0, 4));
    const last = row[4];
    if (!isCount(last)) {
      slots.push(new Slot(order, checkedElement(last)));
      continue;
    }
    const [stamp, replica, seq, first] = order;
    if (last < 1 || last > SLOTS_MAX - slots.length || first + last > OFFSET_MAX) throw new BadFrame(`${last} slots at once`);
    for (let offset = first; offset < first + last; offset++) {
      slots.push(new Slot([stamp, replica, seq, offset], [replica, seq, offset]));
    }
  }
  return slots;
}
