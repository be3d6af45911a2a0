/**
 * Reads MessagePack into stored values: see `codec.js`.
 *
 * Invariant: whatever is no MessagePack raises `BadFrame`, and no count is believed before it is
 * known that so many bytes follow.
 */

import { Ext, FIXED_EXT, Float, MAX_SAFE, MIN_SAFE, NAN_BITS } from "./codec_values.js";
import { BadFrame } from "./errors.js";

const DEPTH_MAX = 1024;
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });


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
