// Another order for a list, by moving as few of its elements as possible, as one operation.
//
// Mirrors that part of `plait.types.lists.planning`.
// Source: Fredman, "On computing the length of longest increasing subsequences" (1975).

import { EDIT, MOVE } from "./list_bodies.js";
import { greatest } from "./list_elements.js";
import { deletions } from "./list_planning.js";
import { nameOfElement } from "./list_slots.js";
import { bisectLeft } from "./walker_spans.js";

const namesOf = (state) => state.elements().map(({ id }) => nameOfElement(id));

/** The elements stand so that each one is that which had the index in `order`. */
export function arranged(state, order) {
  const names = namesOf(state);
  return inOrder(state, order.map((index) => names[index]), new Set(outOfOrder(state, order).map(nameOfElement)));
}

/** The elements that `arranged` moves. */
export function outOfOrder(state, order) {
  const elements = state.elements();
  const stay = new Set(longestAscent(order));
  return order.filter((index) => !stay.has(index)).map((index) => elements[index].id);
}

/** Elements that were moved go behind those that stood before them, as far as they are there; but none
 * that somebody else has moved since. before, moved: ids. */
export function arrangedBack(state, before, moved, replica) {
  const { known } = state.items;
  const elsewhere = new Set(moved.map(nameOfElement)); // as long as they are not going
  const going = new Set();
  for (const name of elsewhere) {
    const element = known.get(name);
    if (element && element.slots.length && greatest(element.slots).order[1] === replica) going.add(name);
  }
  const names = namesOf(state);
  const present = new Set(names);
  const behind = new Map();
  let last = null;
  for (const name of before.map(nameOfElement)) {
    if (going.has(name)) behind.set(last, [...(behind.get(last) ?? []), name]);
    else if (present.has(name) && !elsewhere.has(name)) last = name;
  }
  const wanted = [...(behind.get(null) ?? [])];
  for (const name of names) if (!going.has(name)) wanted.push(name, ...(behind.get(name) ?? []));
  return inOrder(state, wanted, going);
}

/** The elements in another order, of which some move; the others are in it already. */
function inOrder(state, wanted, going) {
  const { known } = state.items;
  const gone = state.placesOf([...going].map((name) => known.get(name)));
  const edits = deletions(gone);
  const names = namesOf(state);
  const staying = state.items.shown().filter((_, index) => !going.has(names[index]));
  let place = 0;
  let come = 0;
  for (const name of wanted) {
    if (going.has(name)) {
      edits.push(place++, MOVE, known.get(name).id);
      come++;
    } else {
      const at = staying.shift();
      place = at - bisectLeft(gone, at) + come + 1;
    }
  }
  return edits.length ? [EDIT, ...edits] : undefined;
}

/** A longest ascending subsequence. */
function longestAscent(numbers) {
  const ends = []; // of the ascents of each length, the least last number,
  const places = []; // and where it stands
  const before = []; // where the number stands that comes before each one; -1: none
  numbers.forEach((number, place) => {
    const length = bisectLeft(ends, number);
    before.push(length ? places[length - 1] : -1);
    ends[length] = number;
    places[length] = place;
  });
  const found = [];
  for (let place = places.length ? places[places.length - 1] : -1; place >= 0; place = before[place]) {
    found.push(numbers[place]);
  }
  return found.reverse();
}
