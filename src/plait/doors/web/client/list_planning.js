// What operations on a list have to say for what people want: edits at places.
//
// Edits come one after another, so deletions go from the last to the first: none moves another.
// Mirrors `plait.types.lists.planning`. Another order for the whole list: list_arranging.js.

import { DELETE, EDIT, INSERT, MOVE, REVIVE } from "./list_bodies.js";
import { greatest } from "./list_elements.js";
import { nameOfElement } from "./list_slots.js";

/** Edits that delete the slots at some places, which are ascending. */
export function deletions(places) {
  const edits = [];
  let end = places.length;
  while (end) {
    let start = end - 1;
    while (start && places[start - 1] === places[start] - 1) start--;
    edits.push(places[start], DELETE, end - start);
    end = start;
  }
  return edits;
}

/** New elements. */
export function inserted(state, index, values) {
  return values.length ? [EDIT, state.place(index), INSERT, values] : undefined;
}

/** Elements go. */
export function deleted(state, index, count) {
  return count ? [EDIT, ...deletions(state.placesOf(state.elements(index, index + count)))] : undefined;
}

/** New elements instead of others. */
export function replaced(state, index, count, values) {
  const gone = state.placesOf(state.elements(index, index + count));
  const edits = deletions(gone);
  if (values.length) edits.push(after(state.place(index), gone), INSERT, values);
  return edits.length ? [EDIT, ...edits] : undefined;
}

/** An element goes to where it is at index `target` afterwards. */
export function moved(state, source, target) {
  if (source === target) return undefined;
  const [element] = state.elements(source, source + 1);
  const gone = state.placesOf([element]);
  // the element that it will stand behind, by its index as it is now
  const before = target > source ? target : target - 1;
  return [EDIT, ...deletions(gone), after(state.place(before + 1), gone), MOVE, element.id];
}

// ----------------------------------------------------------------------------- taking back

/** Elements go, as far as they are there; others ([id, value]) come back, as far as they are not. */
export function swapped(state, gone, come, near) {
  const places = state.placesOf(gone.map((id) => ({ id })));
  const edits = deletions(places);
  let place = after(placeNear(state, near, gone), places);
  for (const [id, value] of come) {
    if (state.indexOf(nameOfElement(id)) < 0) edits.push(place++, REVIVE, [id, value]);
  }
  return edits.length ? [EDIT, ...edits] : undefined;
}

/** An element goes back to where it stood, unless somebody else has moved it since. */
export function placedBack(state, id, near, replica) {
  const known = state.items.known.get(nameOfElement(id));
  if (known === undefined || !known.slots.length || greatest(known.slots).order[1] !== replica) return undefined;
  const places = state.placesOf([known]);
  return [EDIT, ...deletions(places), after(placeNear(state, near, [id]), places), MOVE, id];
}

/** Where the elements at an index stand: behind one, before another, at some index. */
export function near(state, index, count) {
  const nameAt = (at) => {
    const [element] = at < 0 ? [] : state.elements(at, at + 1);
    return element ? nameOfElement(element.id) : null;
  };
  return { left: nameAt(index - 1), right: nameAt(index + count), at: index };
}

/** Where that is now. The elements that are about to go are no neighbours. */
function placeNear(state, { left, right, at }, without) {
  const names = new Set(without.map(nameOfElement));
  for (const [name, step] of [[left, 1], [right, 0]]) {
    if (name === null || names.has(name)) continue;
    const index = state.indexOf(name);
    if (index >= 0) return state.place(index + step);
  }
  return state.place(Math.min(at, state.size()));
}

/** A place after slots were deleted. */
function after(place, gone) {
  return place - gone.filter((other) => other < place).length;
}
