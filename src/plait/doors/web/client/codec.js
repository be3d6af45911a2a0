/**
 * MessagePack, byte for byte as Python's codec (msgspec) writes it.
 *
 * *Stored* values are what `decode` gives and states hold: null, booleans, strings, numbers, BigInt
 * (integers beyond 2^53), `Float`, Uint8Array, arrays, Map, `Ext`. Two things of Python have no
 * JavaScript of their own, and are kept apart because equality is that of encoded bytes:
 *
 *   - 1.0 is not 1: a float that is integral is a `Float`; a plain number that is a safe integer is
 *     an int, any other number is a float;
 *   - the order of a map's keys is kept, which objects do not do: maps are `Map`.
 *
 * `plain.js` leads from users' values to stored ones and back.
 *
 * Invariant: `encode(decode(bytes))` is what Python's `encode(decode(bytes))` is; rolling digests
 * of streams rest on it. What is no MessagePack, or is followed by something, raises `BadFrame`.
 *
 * Absent: streaming.
 */

import { Reader } from "./codec_reader.js";
import { Writer } from "./codec_writer.js";
import { BadFrame, BadValue } from "./errors.js";

export { checksum, compareBytes, compareStrings, concat, isPlainObject, isWellFormed, sameBytes, utf8Bytes } from "./bytes.js";
export { Ext, Float } from "./codec_values.js";
export { Reader, Writer };

export const KEY_BYTES_MAX = 4096;
export const VALUE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * A stored value (or plain objects, as maps) as MessagePack; raises `BadValue`.
 * @param {any} value
 * @returns {Uint8Array}
 */
export function encode(value) {
  const writer = new Writer();
  writer.value(value);
  return writer.bytes();
}

/** A user's stored value as MessagePack, of limited size; raises `BadValue`. @param {any} value */
export function encodeValue(value) {
  const data = encode(value);
  if (data.length > VALUE_BYTES_MAX)
    throw new BadValue(`a value has at most ${VALUE_BYTES_MAX} bytes, this has ${data.length}`);
  return data;
}

/**
 * The stored value that the bytes are; raises `BadFrame`.
 * @param {Uint8Array} bytes
 * @returns {any}
 */
export function decode(bytes) {
  const reader = new Reader(bytes);
  const value = reader.read();
  if (!reader.ended) throw new BadFrame("MessagePack with something behind it");
  return value;
}
