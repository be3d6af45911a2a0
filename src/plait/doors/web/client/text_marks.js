// Marks: bold, a link, a comment on a stretch of a text; which of them count, and for what.
//
// A mark is an operation of one unit that covers characters; its body is [length, name, value, expand].
// Which ones never changes once it is decided; the three rules are in `plait.types.text.marks`, of which
// this is the counterpart. At a character, of the marks of one name that cover it, those count that are
// not causally before another of them; of several the one of the greatest (author, number). The value
// null means: no mark.
//
// A mark is {lv, author, seq, nth, name, value, expand, rivals}; LVs number marks here only. `ids` are
// the LVs of the marks that cover something, ascending. `marks` is a Map from LV to mark.
// Source: Litt, Lim, Kleppmann, van Hardenberg, "Peritext" (CSCW 2022), sections 3 and 4.

import { compareStrings, encode, Float, isWellFormed } from "./codec.js";
import { BadCall, BadValue } from "./errors.js";
import { pointsIn } from "./text_points.js";
import { isCount } from "./walker_sequence.js";
import { ascending, same } from "./walker_spans.js";

const NAME_MAX = 256; // characters
const VALUE_MAX = 8192; // characters

export const EXPANDS = ["none", "before", "after", "both"];
const expandsAtStart = (mark) => mark.expand === "before" || mark.expand === "both";
const expandsAtEnd = (mark) => mark.expand === "after" || mark.expand === "both";

// ------------------------------------------------------------------ bodies

/** Whether this says of a mark what there is to say. */
export function isBody(body) {
  if (!Array.isArray(body) || body.length !== 4) return false;
  const [length, name, value, expand] = body;
  return isCount(length) && length > 0 && isName(name) && (value === null || isValue(value)) && EXPANDS.includes(expand);
}

/** The body of a mark on a text of some length. `BadCall` for characters that are not there, `BadValue`
 * for what is no mark. */
export function checkedBody(pos, size, name, value, expand, length) {
  if (!isCount(pos) || !isCount(size)) throw new BadValue("a mark goes from a position to a position");
  if (pos < 0 || size < 0 || pos + size > length) {
    throw new BadCall(`characters ${pos} to ${pos + size} of a text of ${length} characters`);
  }
  if (!isName(name)) throw new BadValue(`a mark's name has 1 to ${NAME_MAX} characters`);
  if (value !== null && !isValue(value)) {
    throw new BadValue(`a mark's value is a truth value, a number, or a text of up to ${VALUE_MAX} characters`);
  }
  if (!EXPANDS.includes(expand)) throw new BadValue(`a mark expands ${EXPANDS.join(", ")}, not ${String(expand)}`);
  return [size, name, value, expand];
}

function isName(name) {
  return typeof name === "string" && name.length > 0 && isWellFormed(name) && pointsIn(name) <= NAME_MAX;
}

function isValue(value) {
  if (typeof value === "string") return isWellFormed(value) && pointsIn(value) <= VALUE_MAX;
  if (typeof value === "bigint") return value >= -(1n << 63n) && value < 1n << 64n;
  if (value instanceof Float) return Number.isFinite(value.value);
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

// ------------------------------------------------------------------ what counts

/** Whether the author of a mark had seen an earlier one of its name. */
export function beats(mark, other) {
  return other.lv < mark.lv && !mark.rivals.includes(other.lv);
}

/** Whether a mark can never count again where `later` is: it covers all of it, and expands as far. */
export function isHiddenBy(mark, later, cover) {
  if (!beats(later, mark)) return false;
  const expands = later.expand === "both" || later.expand === mark.expand || mark.expand === "none";
  const covered = cover.get(later.lv);
  return expands && [...cover.get(mark.lv)].every((index) => covered.has(index));
}

/** What covers something that is inserted between two neighbours by who has seen the marks. */
export function inherited(left, right, marks) {
  if (same(left, right)) return left;
  const ids = left.filter((lv) => right.includes(lv) || expandsAtEnd(marks.get(lv)));
  for (const lv of right) if (!left.includes(lv) && expandsAtStart(marks.get(lv))) ids.push(lv);
  return ascending(ids);
}

/** Of the marks that cover something, the one of each name that counts: a Map, sorted by name. */
export function winners(ids, marks) {
  const named = new Map();
  for (const lv of ids) {
    const mark = marks.get(lv);
    if (named.has(mark.name)) named.get(mark.name).push(mark);
    else named.set(mark.name, [mark]);
  }
  const names = [...named.keys()].sort(compareStrings);
  return new Map(names.map((name) => [name, winner(named.get(name))]));
}

/** rivals: of one name, ascending. */
function winner(rivals) {
  const last = rivals[rivals.length - 1];
  if (!last.rivals.length) return last;
  const latest = rivals.filter((mark) => !rivals.some((other) => beats(other, mark)));
  return latest.reduce((best, mark) => {
    if (mark.author !== best.author) return mark.author > best.author ? mark : best;
    return mark.seq > best.seq ? mark : best;
  });
}

/** The names and values that marks come to: a Map, sorted by name. */
function attributes(ids, marks) {
  const found = new Map();
  for (const [name, mark] of winners(ids, marks)) if (mark.value !== null) found.set(name, mark.value);
  return found;
}

/** Spans [characters, values by name (a Map)]: neighbours differ, and the last one has some. */
export function merged(spans, marks) {
  const found = [];
  const known = new Map();
  let last = "";
  for (const [size, ids] of spans) {
    const key = ids.join();
    if (!known.has(key)) {
      const values = attributes(ids, marks);
      known.set(key, [encode(values).join(), values]);
    }
    const [bytes, values] = known.get(key); // 1 and 1.0 are equal, but not in bytes
    if (found.length && bytes === last) found[found.length - 1][0] += size;
    else found.push([size, values]);
    last = bytes;
  }
  if (found.length && !found[found.length - 1][1].size) found.pop();
  return found;
}
