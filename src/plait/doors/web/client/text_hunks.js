// What differs between two states of the same text, found by its pieces.
//
// A rope changes a piece by putting another in its place, so pieces that nobody edited are found at once.
// Between them the common beginning and end are left out.
//
// Invariant: the hunks, [position, characters deleted there, then what is inserted], applied one after
// another to what was, give what is; positions are code points.

import { partsCharacter, pointsIn } from "./text_points.js";

/** Hunks from one state to another. was, now: pieces. */
export function changesBetween(was, now) {
  const places = new Map(); // the first one last
  for (let place = was.length - 1; place >= 0; place--) {
    if (places.has(was[place])) places.get(was[place]).push(place);
    else places.set(was[place], [place]);
  }
  const found = [];
  let pos = 0; // characters before
  let done = 0; // pieces of each that were looked at
  let begun = 0;
  now.forEach((piece, index) => {
    const at = places.get(piece) ?? [];
    while (at.length && at[at.length - 1] < done) at.pop();
    if (!at.length) return;
    const place = at[at.length - 1];
    pos = change(was.slice(done, place).join(""), now.slice(begun, index).join(""), pos, found);
    pos += pointsIn(piece);
    done = place + 1;
    begun = index + 1;
  });
  change(was.slice(done).join(""), now.slice(begun).join(""), pos, found);
  return found;
}

/** Add what differs between two stretches that begin at `pos`; where the later one ends. */
function change(before, after, pos, found) {
  const left = commonStart(before, after);
  const right = commonEnd(before, after, left);
  const gone = before.slice(left, before.length - right);
  const come = after.slice(left, after.length - right);
  if (gone || come) found.push([pos + pointsIn(after.slice(0, left)), pointsIn(gone), come]);
  return pos + pointsIn(after);
}

/** How many units two texts begin with in common; no character is parted. */
export function commonStart(a, b) {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return partsCharacter(a, at) || partsCharacter(b, at) ? at - 1 : at;
}

/** How many units two texts end with in common, behind what they begin with. */
export function commonEnd(a, b, start) {
  const most = Math.min(a.length, b.length) - start;
  let at = 0;
  while (at < most && a.charCodeAt(a.length - 1 - at) === b.charCodeAt(b.length - 1 - at)) at++;
  return partsCharacter(a, a.length - at) || partsCharacter(b, b.length - at) ? at - 1 : at;
}
