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

import { BadFrame, BadValue } from "./errors.js";

export const KEY_BYTES_MAX = 4096;
export const VALUE_BYTES_MAX = 16 * 1024 * 1024;
const DEPTH_MAX = 1024;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A float of Python's that a JavaScript number would take for an int (1.0), or a NaN as sent. */
export class Float {
  /** @param {number} value @param {bigint} [bits] of a NaN that is not the usual one */
  constructor(value, bits = undefined) {
    this.value = Number(value);
    this.bits = bits;
  }
  valueOf() {
    return this.value;
  }
  toString() {
    return String(this.value);
  }
  toJSON() {
    return this.value;
  }
}

/** An extension value, kept as it came. */
export class Ext {
  /** @param {number} type @param {Uint8Array} data */
  constructor(type, data) {
    this.type = type;
    this.data = data;
  }
}

// ----------------------------------------------------------------------------- encoding

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

const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER);
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const UINT64_MAX = (1n << 64n) - 1n;
const INT64_MIN = -(1n << 63n);
const NAN_BITS = 0x7ff8000000000000n;
const FIXED_EXT = [1, 2, 4, 8, 16];

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

// ----------------------------------------------------------------------------- decoding

/** Reads MessagePack, value by value; raises `BadFrame`. */
export class Reader {
  /** @param {Uint8Array} bytes @param {number} [offset] */
  constructor(bytes, offset = 0) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset; // where the next value begins
    this.depth = 0;
  }

  /** The next value. @returns {any} */
  value() {
    return this.read();
  }

  /** The count of the array that begins here; its values follow. @returns {number} */
  array() {
    const head = this.bytes[this.pass(1)];
    if (head >= 0x90 && head < 0xa0) return head & 0x0f;
    if (head !== 0xdc && head !== 0xdd) throw new BadFrame("an array was to come");
    const count = this.count(head === 0xdc ? 2 : 4);
    if (count > this.bytes.length - this.offset) throw new BadFrame("an array that ends too early");
    return count;
  }

  /** Pass over the next value. */
  skip() {
    this.read();
  }

  /** The bytes from an offset to here. @param {number} start */
  slice(start) {
    return this.bytes.slice(start, this.offset);
  }

  /** Whether everything was read. */
  get ended() {
    return this.offset === this.bytes.length;
  }

  /** Pass `count` bytes; where they began. @param {number} count */
  pass(count) {
    const at = this.offset;
    if (at + count > this.bytes.length) throw new BadFrame("MessagePack that ends too early");
    this.offset = at + count;
    return at;
  }

  /** A count of 1, 2 or 4 bytes. @param {number} size */
  count(size) {
    const at = this.pass(size);
    if (size === 1) return this.bytes[at];
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
  }

  /** @param {number} length */
  string(length) {
    const at = this.pass(length);
    if (length < 24) {
      let text = "";
      let i = 0;
      for (; i < length && this.bytes[at + i] < 0x80; i++)
        text += String.fromCharCode(this.bytes[at + i]);
      if (i === length) return text;
    }
    try {
      return fromUtf8.decode(this.bytes.subarray(at, at + length));
    } catch {
      throw new BadFrame("a string that is no UTF-8");
    }
  }

  /** @param {number} length */
  binary(length) {
    const at = this.pass(length);
    return this.bytes.slice(at, at + length);
  }

  /** @param {number} count */
  items(count) {
    if (count > this.bytes.length - this.offset) throw new BadFrame("an array that ends too early");
    this.deeper();
    const items = new Array(count);
    for (let i = 0; i < count; i++) items[i] = this.read();
    this.depth--;
    return items;
  }

  /** @param {number} count */
  map(count) {
    if (count * 2 > this.bytes.length - this.offset) throw new BadFrame("a map that ends too early");
    this.deeper();
    const map = new Map();
    for (let i = 0; i < count; i++) {
      const key = this.read();
      map.set(key, this.read());
    }
    this.depth--;
    return map;
  }

  deeper() {
    if (++this.depth > DEPTH_MAX) throw new BadFrame(`values nest up to ${DEPTH_MAX} deep`);
  }

  /** @param {bigint} number */
  integer(number) {
    return number >= MIN_SAFE && number <= MAX_SAFE ? Number(number) : number;
  }

  float() {
    const at = this.pass(8);
    const value = this.view.getFloat64(at);
    if (Number.isSafeInteger(value)) return new Float(value);
    if (Number.isNaN(value)) {
      const bits = this.view.getBigUint64(at);
      return bits === NAN_BITS ? value : new Float(value, bits);
    }
    return value;
  }

  /** @param {number} length */
  ext(length) {
    const type = this.view.getInt8(this.pass(1));
    return new Ext(type, this.binary(length));
  }

  /** @returns {any} */
  read() {
    const head = this.bytes[this.pass(1)];
    if (head < 0x80) return head;
    if (head < 0x90) return this.map(head & 0x0f);
    if (head < 0xa0) return this.items(head & 0x0f);
    if (head < 0xc0) return this.string(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.headed(head);
  }

  /** @param {number} head @returns {any} */
  headed(head) {
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.binary(this.count(1));
      case 0xc5: return this.binary(this.count(2));
      case 0xc6: return this.binary(this.count(4));
      case 0xc7: return this.ext(this.count(1));
      case 0xc8: return this.ext(this.count(2));
      case 0xc9: return this.ext(this.count(4));
      case 0xca: {
        const value = this.view.getFloat32(this.pass(4));
        return Number.isSafeInteger(value) ? new Float(value) : value;
      }
      case 0xcb: return this.float();
      case 0xcc: return this.count(1);
      case 0xcd: return this.count(2);
      case 0xce: return this.count(4);
      case 0xcf: return this.integer(this.view.getBigUint64(this.pass(8)));
      case 0xd0: return this.view.getInt8(this.pass(1));
      case 0xd1: return this.view.getInt16(this.pass(2));
      case 0xd2: return this.view.getInt32(this.pass(4));
      case 0xd3: return this.integer(this.view.getBigInt64(this.pass(8)));
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8:
        return this.ext(FIXED_EXT[head - 0xd4]);
      case 0xd9: return this.string(this.count(1));
      case 0xda: return this.string(this.count(2));
      case 0xdb: return this.string(this.count(4));
      case 0xdc: return this.items(this.count(2));
      case 0xdd: return this.items(this.count(4));
      case 0xde: return this.map(this.count(2));
      case 0xdf: return this.map(this.count(4));
      default: throw new BadFrame(`no MessagePack begins with byte ${head}`);
    }
  }
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

// ----------------------------------------------------------------------------- bytes and strings

/** @param {Uint8Array} one @param {Uint8Array} other */
export function sameBytes(one, other) {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** Byte order, as Python compares bytes. @param {Uint8Array} one @param {Uint8Array} other */
export function compareBytes(one, other) {
  const shorter = Math.min(one.length, other.length);
  for (let i = 0; i < shorter; i++) if (one[i] !== other[i]) return one[i] - other[i];
  return one.length - other.length;
}

/** Code-point order, as Python compares strings. @param {string} one @param {string} other */
export function compareStrings(one, other) {
  const shorter = Math.min(one.length, other.length);
  for (let i = 0; i < shorter; i++) {
    const a = one.charCodeAt(i);
    const b = other.charCodeAt(i);
    if (a !== b) {
      // surrogates stand for what is above all others
      const fixed = (/** @type {number} */ unit) =>
        unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
      return fixed(a) - fixed(b);
    }
  }
  return one.length - other.length;
}

/** Whether the string has no half of a surrogate pair. @param {string} text */
export function isWellFormed(text) {
  // @ts-ignore - newer than the types
  if (text.isWellFormed) return text.isWellFormed();
  return !/(?:[\ud800-\udbff](?![\udc00-\udfff]))|(?:(?<![\ud800-\udbff])[\udc00-\udfff])/.test(text);
}

/** UTF-8. @param {string} text */
export function utf8Bytes(text) {
  return utf8.encode(text);
}

const CRC = new Uint32Array(256).map((_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** CRC-32, continued from `seed`. @param {Uint8Array} data @param {number} [seed] */
export function checksum(data, seed = 0) {
  let crc = ~seed;
  for (let i = 0; i < data.length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ data[i]) & 0xff];
  return ~crc >>> 0;
}

/** Several pieces as one. @param {...Uint8Array} pieces */
export function concat(...pieces) {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** @param {any} value */
export function isPlainObject(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
