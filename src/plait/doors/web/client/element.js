/**
 * Elements of sets: strings, bytes, numbers, booleans, null, and arrays of those. Mirrors
 * types/element.py.
 *
 * An element is what its MessagePack bytes say, and those are its slot: 1, 1.0 and true are three.
 */

import { slotKey, slotOf } from "./cells.js";
import { Float, compareBytes, decode, encode, encodeValue } from "./codec.js";
import { BadFrame, BadValue } from "./errors.js";
import { taken } from "./plain.js";

const ELEMENT_BYTES_MAX = 65_536;
const ELEMENT_DEPTH_MAX = 16;

/** Whether a stored value can be an element. @param {any} element @param {number} depth @returns {boolean} */
function isElement(element, depth) {
  switch (typeof element) {
    case "string":
    case "number":
    case "boolean":
    case "bigint":
      return true;
    case "object":
      if (element === null || element instanceof Uint8Array || element instanceof Float) return true;
      return Array.isArray(element) && depth > 0 && element.every((part) => isElement(part, depth - 1));
    default:
      return false;
  }
}

/** The slot of an element that somebody gave, and what is stored; raises `BadValue`.
 * @param {any} element @returns {{slot: string, stored: any}} */
export function elementSlot(element) {
  const stored = taken(element);
  if (!isElement(stored, ELEMENT_DEPTH_MAX))
    throw new BadValue("an element is a string, bytes, a number, a boolean, null, or an array of those");
  const data = encodeValue(stored);
  if (data.length > ELEMENT_BYTES_MAX)
    throw new BadValue(`an element has up to ${ELEMENT_BYTES_MAX} bytes, this one has ${data.length}`);
  return { slot: slotKey(data), stored };
}

/** The slot of an element in a body; null for what can be none. @param {any} element
 * @returns {Uint8Array | null} */
export function sentSlot(element) {
  if (!isElement(element, ELEMENT_DEPTH_MAX)) return null;
  const slot = encode(element);
  return slot.length <= ELEMENT_BYTES_MAX ? slot : null;
}

/** The stored element of a slot. @param {string} slot */
export const elementOf = (slot) => decode(/** @type {Uint8Array} */ (slotOf(slot)));

/** A slot that came from outside; raises `BadFrame`. @param {any} slot */
export function checkElement(slot) {
  const again = slot instanceof Uint8Array ? sentSlot(decode(slot)) : null;
  if (!again || compareBytes(again, slot)) throw new BadFrame("a slot that is no element");
}
