// Code points and UTF-16 units: Plait counts the former, JavaScript's strings the latter.
//
// Everything inside (states, bodies, the wire) counts code points; what users see counts units, and is
// converted where it comes in and goes out: in text_view.js, by the rope. Text without surrogates, which
// most is, needs no conversion, and its size tells that.
//
// Invariant: an offset between the two halves of a character is a `BadValue`; it is never rounded.

import { isWellFormed } from "./codec.js";
import { BadValue } from "./errors.js";

const TEXT_UNITS_MAX = 64 * 1024 * 1024;
const SURROGATE = /[\ud800-\udbff]/;

const isHigh = (unit) => (unit & 0xfc00) === 0xd800;
const isLow = (unit) => (unit & 0xfc00) === 0xdc00;

/** How many code points a text has. */
export function pointsIn(text) {
  if (!SURROGATE.test(text)) return text.length;
  let size = text.length;
  for (let at = 0; at < text.length; at++) {
    if (isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1))) {
      size--;
      at++;
    }
  }
  return size;
}

/** How many units the first code points of a text take. size: of the text, in code points. */
export function unitsBefore(text, points, size) {
  if (size === text.length) return points;
  if (points === size) return text.length;
  let at = 0;
  for (let left = points; left > 0; left--) {
    at += isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1;
  }
  return at;
}

/** How many code points the first units of a text are. `BadValue` inside a character. */
export function pointsBefore(text, units, size) {
  if (size === text.length) return units;
  if (units === text.length) return size;
  if (partsCharacter(text, units)) throw new BadValue("an offset inside a character of two UTF-16 units");
  return pointsIn(text.slice(0, units));
}

/** Whether a cut there goes through a pair of surrogates. */
export function partsCharacter(text, unit) {
  return unit > 0 && isHigh(text.charCodeAt(unit - 1)) && isLow(text.charCodeAt(unit));
}

/** The code points of a text from one to another. size: of the text, in code points, if known. */
export function sliceOf(text, start, stop, size = pointsIn(text)) {
  if (size === text.length) return text.slice(start, stop);
  const first = unitsBefore(text, start, size);
  if (stop >= size) return text.slice(first);
  const rest = text.slice(first);
  return rest.slice(0, unitsBefore(rest, stop - start, size - start));
}

/** The value, if it is text that can be stored. `BadValue`. */
export function checkText(value) {
  if (typeof value !== "string") throw new BadValue(`text must be a string, not ${typeof value}`);
  if (value.length > TEXT_UNITS_MAX) throw new BadValue(`text of ${value.length} units is over the limit`);
  if (!isWellFormed(value)) throw new BadValue("text holds a lone surrogate");
  return value;
}
