/**
 * Users' values and stored ones: see `codec.js` for what is stored.
 *
 * A value that is stored is what MessagePack would give back, never the caller's own object, and
 * what is read is the reader's to change.
 *
 * Absent: telling 1.0 from 1 to users; both are read as the number 1, and what is written as 1 is
 * an int. Who needs a float writes `new Float(1)`.
 */

import { Ext, Float, compareBytes, encode, encodeValue, isPlainObject, isWellFormed } from "./codec.js";
import { BadValue } from "./errors.js";

const TIMESTAMP = -1; // the extension type in which datetimes travel
const DEPTH_MAX = 512;

/** The value as it is stored; raises `BadValue` for what cannot be. @param {any} value */
export function taken(value) {
  if (typeof value === "string" && value.length < 4096 && isWellFormed(value)) return value;
  if (typeof value === "boolean" || value === null || typeof value === "number") return value;
  const stored = store(value, 0);
  encodeValue(stored);
  return stored;
}

/** @param {any} value @param {number} depth @returns {any} */
function store(value, depth) {
  if (value === null || typeof value !== "object") {
    if (value === undefined) throw new BadValue("undefined cannot be stored; null can");
    return value; // encoding looks at it
  }
  if (depth > DEPTH_MAX) throw new BadValue(`a value nests up to ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) return Array.from(value, (item) => store(item, depth + 1));
  if (value instanceof Float || value instanceof Ext) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (value instanceof Date) return timestamp(value);
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [store(key, depth + 1), store(item, depth + 1)]));
  if (isPlainObject(value))
    return new Map(Object.keys(value).map((key) => [key, store(value[key], depth + 1)]));
  if (typeof value.toJSON === "function") return store(value.toJSON(), depth + 1);
  throw new BadValue(`cannot store ${value.constructor?.name ?? "this object"}`);
}

/** A stored value for somebody to keep and change. @param {any} stored @returns {any} */
export function given(stored) {
  if (stored === null || typeof stored !== "object") return stored;
  if (Array.isArray(stored)) return stored.map(given);
  if (stored instanceof Float) return stored.value;
  if (stored instanceof Uint8Array) return stored.slice();
  if (stored instanceof Ext) return stored.type === TIMESTAMP ? (date(stored) ?? stored) : stored;
  if (stored instanceof Map) {
    if (![...stored.keys()].every((key) => typeof key === "string"))
      return new Map([...stored].map(([key, item]) => [given(key), given(item)]));
    /** @type {Record<string, any>} */
    const object = {};
    for (const [key, item] of stored) {
      if (key === "__proto__") Object.defineProperty(object, key, own(given(item)));
      else object[key] = given(item);
    }
    return object;
  }
  return stored;
}

/** @param {any} value */
const own = (value) => ({ value, writable: true, enumerable: true, configurable: true });

/** Whether two stored values are the same, in whatever order their maps' keys are. */
export function same(/** @type {any} */ one, /** @type {any} */ other) {
  return compareBytes(sameBytesOf(one), sameBytesOf(other)) === 0;
}

/** Bytes that are equal for the same values only. @param {any} stored */
export function sameBytesOf(stored) {
  return encode(ordered(stored));
}

/** @param {any} value @returns {any} */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (!(value instanceof Map)) return value;
  const entries = [...value].map(([key, item]) => ({ data: encode(key), key, item }));
  entries.sort((a, b) => compareBytes(a.data, b.data));
  return new Map(entries.map(({ key, item }) => [key, ordered(item)]));
}

/** @param {Date} when */
function timestamp(when) {
  const ms = when.getTime();
  if (Number.isNaN(ms)) throw new BadValue("an invalid Date cannot be stored");
  const seconds = Math.floor(ms / 1000);
  const nanoseconds = (ms - seconds * 1000) * 1_000_000;
  if (seconds < 0 || seconds >= 2 ** 34) {
    const view = new DataView(new ArrayBuffer(12));
    view.setUint32(0, nanoseconds);
    view.setBigInt64(4, BigInt(seconds));
    return new Ext(TIMESTAMP, new Uint8Array(view.buffer));
  }
  const view = new DataView(new ArrayBuffer(nanoseconds || seconds >= 2 ** 32 ? 8 : 4));
  if (view.byteLength === 4) view.setUint32(0, seconds);
  else view.setBigUint64(0, (BigInt(nanoseconds) << 34n) | BigInt(seconds));
  return new Ext(TIMESTAMP, new Uint8Array(view.buffer));
}

/** @param {Ext} stored @returns {Date | null} */
function date({ data }) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length === 4) return new Date(view.getUint32(0) * 1000);
  if (data.length === 8) {
    const both = view.getBigUint64(0);
    return new Date(Number(both & ((1n << 34n) - 1n)) * 1000 + Number(both >> 34n) / 1e6);
  }
  if (data.length !== 12) return null;
  return new Date(Number(view.getBigInt64(4)) * 1000 + view.getUint32(0) / 1e6);
}
