/**
 * Where a place in a text is after edits: of carets, of selections, of what can be taken back.
 *
 * Invariant: what stood right of a place, and is still there, stands right of it afterwards. What
 * is inserted exactly there comes behind it, unless it sticks to the right ("right").
 */

/**
 * @typedef {{at: number, insert: string} | {at: number, delete: number}} Patch  one after another
 */

/** @param {number} place @param {Patch[]} patches @param {"left"|"right"} side */
export function moved(place, patches, side = "left") {
  for (const patch of patches) {
    if (patch.insert !== undefined) {
      if (patch.at < place || (patch.at === place && side === "right")) {
        place += patch.insert.length;
      }
    } else if (patch.at < place) place = Math.max(patch.at, place - patch.delete);
  }
  return place;
}

/** A text after patches; null if they are not for it. @param {Patch[]} patches */
export function patched(text, patches) {
  for (const { at, insert, delete: size = 0 } of patches) {
    if (!(at >= 0 && at + size <= text.length)) return null;
    text = text.slice(0, at) + (insert ?? "") + text.slice(at + size);
  }
  return text;
}

/**
 * What makes one text of another, as one deletion and one insertion; nothing if they are equal.
 * @param {number} [near]  where the change is likely to end in the new text: among equal letters,
 *   the one that was typed cannot be told, but the caret stands behind it
 * @returns {Patch[]}
 */
export function difference(before, after, near = after.length) {
  if (before === after) return [];
  const most = Math.min(before.length, after.length);
  const tail = Math.max(0, Math.min(after.length - near, most));
  let end = 0;
  while (end < tail && before.at(-1 - end) === after.at(-1 - end)) end++;
  let start = 0;
  while (start < most - end && before[start] === after[start]) start++;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  if (start && isHigh(before, start - 1)) start--; // never through the middle of a character
  if (end && isLow(before, before.length - end)) end--;
  const patches = [];
  if (before.length > start + end) patches.push({ at: start, delete: before.length - start - end });
  const inserted = after.slice(start, after.length - end);
  if (inserted) patches.push({ at: start, insert: inserted });
  return patches;
}

const isHigh = (text, index) => (text.charCodeAt(index) & 0xfc00) === 0xd800;
const isLow = (text, index) => (text.charCodeAt(index) & 0xfc00) === 0xdc00;
