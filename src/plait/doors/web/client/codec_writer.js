/**
 * Writes MessagePack as Python's codec does: see `codec.js`.
 *
 * Invariant: every value takes the shortest form that there is for it.
 */

import { isPlainObject, isWellFormed } from "./bytes.js";
import { Ext, FIXED_EXT, Float, INT64_MIN, MAX_SAFE, MIN_SAFE, NAN_BITS, UINT64_MAX } from "./codec_values.js";
import { BadValue } from "./errors.js";

const DEPTH_MAX = 1024;
const utf8 = new TextEncoder();


/** Writes MessagePack, value by value. */
export class Writer {
  constructor() {
    this.buffer = new Uint8Array(256);
    this.view = new DataView(this.buffer.buffer);
    this.length = 0;
  }

  /** A stored value, or plain objects as maps; raises `BadValue`. @param {any} value */
  value(value) {
    this.write(value, 0);
  }

  /** The head of an array of so many values, which follow. @param {number} count */
  array(count) {
    this.counted(count, 0x90, 16, 0, 0xdc, 0xdd);
  }

  /** What is encoded already. @param {Uint8Array} data */
  raw(data) {
    const at = this.room(data.length);
    this.buffer.set(data, at);
  }

  /** What was written. @returns {Uint8Array} */
  bytes() {
    return this.buffer.slice(0, this.length);
  }

  /** Make room for `count` bytes; where they begin. @param {number} count */
  room(count) {
    const start = this.length;
    this.length = start + count;
    if (this.length > this.buffer.length) {
      const bytes = new Uint8Array(Math.max(this.length, this.buffer.length * 2));
      bytes.set(this.buffer.subarray(0, start));
      this.buffer = bytes;
      this.view = new DataView(bytes.buffer);
    }
    return start;
  }

  /** @param {number} byte */
  byte(byte) {
    const at = this.room(1);
    this.buffer[at] = byte;
  }

  /** A head: its byte, then a number of 1, 2 or 4 bytes. */
  head(/** @type {number} */ byte, /** @type {number} */ size, /** @type {number} */ count) {
    const at = this.room(1 + size);
    this.buffer[at] = byte;
    if (size === 1) this.buffer[at + 1] = count;
    else if (size === 2) this.view.setUint16(at + 1, count);
    else this.view.setUint32(at + 1, count);
  }

  /** The head of something with a count: fixed up to `few`, else one of three bytes. */
  counted(
    /** @type {number} */ count, /** @type {number} */ fixed, /** @type {number} */ few,
    /** @type {number} */ one, /** @type {number} */ two, /** @type {number} */ four,
  ) {
    if (count < few) this.byte(fixed | count);
    else if (one && count < 0x100) this.head(one, 1, count);
    else if (count < 0x10000) this.head(two, 2, count);
    else this.head(four, 4, count);
  }

  /** @param {string} text */
  string(text) {
    const length = text.length;
    if (length < 32) {
      const start = this.room(1 + length);
      let i = 0;
      for (; i < length; i++) {
        const unit = text.charCodeAt(i);
        if (unit > 0x7f) break;
        this.buffer[start + 1 + i] = unit;
      }
      if (i === length) {
        this.buffer[start] = 0xa0 | length;
        return;
      }
      this.length = start;
    }
    if (!isWellFormed(text)) throw new BadValue("a string with half a surrogate pair is no text");
    const data = utf8.encode(text);
    this.counted(data.length, 0xa0, 32, 0xd9, 0xda, 0xdb);
    this.raw(data);
  }

  /** @param {Uint8Array} data */
  binary(data) {
    this.counted(data.length, 0, 0, 0xc4, 0xc5, 0xc6);
    this.raw(data);
  }

  /** @param {number} number a safe integer */
  int(number) {
    if (number >= 0) {
      if (number < 0x80) this.byte(number);
      else if (number < 0x100) this.head(0xcc, 1, number);
      else if (number < 0x10000) this.head(0xcd, 2, number);
      else if (number < 0x100000000) this.head(0xce, 4, number);
      else this.wide(0xcf, BigInt(number));
    } else if (number >= -0x20) this.byte(number & 0xff);
    else if (number >= -0x80) this.head(0xd0, 1, number & 0xff);
    else if (number >= -0x8000) this.head(0xd1, 2, number & 0xffff);
    else if (number >= -0x80000000) this.head(0xd2, 4, number >>> 0);
    else this.wide(0xd3, BigInt(number));
  }

  /** @param {number} byte @param {bigint} number */
  wide(byte, number) {
    const at = this.room(9);
    this.buffer[at] = byte;
    this.view.setBigUint64(at + 1, BigInt.asUintN(64, number));
  }

  /** @param {bigint} number */
  bigInt(number) {
    if (number >= MIN_SAFE && number <= MAX_SAFE) this.int(Number(number));
    else if (number > 0n && number <= UINT64_MAX) this.wide(0xcf, number);
    else if (number < 0n && number >= INT64_MIN) this.wide(0xd3, number);
    else throw new BadValue(`an integer has up to 64 bits, ${number} has more`);
  }

  /** @param {number} value @param {bigint} [bits] */
  float(value, bits) {
    const at = this.room(9);
    this.buffer[at] = 0xcb;
    if (bits !== undefined) this.view.setBigUint64(at + 1, bits);
    else if (Number.isNaN(value)) this.view.setBigUint64(at + 1, NAN_BITS);
    else this.view.setFloat64(at + 1, value);
  }

  /** @param {any} value @param {number} depth */
  write(value, depth) {
    switch (typeof value) {
      case "string":
        return this.string(value);
      case "number":
        return Number.isSafeInteger(value) ? this.int(value) : this.float(value);
      case "bigint":
        return this.bigInt(value);
      case "boolean":
        return this.byte(value ? 0xc3 : 0xc2);
      case "object":
        if (depth > DEPTH_MAX) throw new BadValue(`values nest up to ${DEPTH_MAX} deep`);
        return value === null ? this.byte(0xc0) : this.object(value, depth + 1);
      default:
        throw new BadValue(`cannot store ${typeof value}: ${String(value).slice(0, 100)}`);
    }
  }

  /** @param {any} value @param {number} depth */
  object(value, depth) {
    if (Array.isArray(value)) {
      this.array(value.length);
      for (let i = 0; i < value.length; i++) this.write(value[i], depth);
    } else if (value instanceof Uint8Array) this.binary(value);
    else if (value instanceof Map) {
      this.counted(value.size, 0x80, 16, 0, 0xde, 0xdf);
      for (const [key, item] of value) {
        this.write(key, depth);
        this.write(item, depth);
      }
    } else if (value instanceof Float) this.float(value.value, value.bits);
    else if (value instanceof Ext) this.ext(value);
    else if (isPlainObject(value)) {
      const keys = Object.keys(value);
      this.counted(keys.length, 0x80, 16, 0, 0xde, 0xdf);
      for (const key of keys) {
        this.string(key);
        this.write(value[key], depth);
      }
    } else throw new BadValue(`cannot store ${value.constructor?.name ?? "this object"}`);
  }

  /** @param {Ext} ext */
  ext({ type, data }) {
    const fixed = FIXED_EXT.indexOf(data.length);
    if (fixed >= 0) this.byte(0xd4 + fixed);
    else this.counted(data.length, 0, 0, 0xc7, 0xc8, 0xc9);
    this.byte(type & 0xff);
    this.raw(data);
  }
}
