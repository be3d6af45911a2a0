/**
 * Inflating, at once: browsers can only do it later (DecompressionStream), and messages of a link
 * have an order.
 *
 * Codes are decoded by canonical counting, a bit at a time. Source: RFC 1950, RFC 1951.
 * Invariant: never gives more than `bytesMax`; whatever is not whole and sound raises `BadFrame`.
 * Absent: compressing. `zlibStored` is a legal stream that is as long as what is in it.
 */

import { BadFrame } from "./errors.js";

const CODE_BITS_MAX = 15;
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
  163, 195, 227, 258,
];
const LENGTH_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
  3073, 4097, 6145, 8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** @typedef {{counts: Uint16Array, symbols: Uint16Array}} Code */

/** A canonical code from the lengths of its words. @param {ArrayLike<number>} lengths @returns {Code} */
function codeOf(lengths) {
  const counts = new Uint16Array(CODE_BITS_MAX + 1);
  for (let i = 0; i < lengths.length; i++) counts[lengths[i]]++;
  counts[0] = 0;
  let left = 1;
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
    left = left * 2 - counts[bits];
    if (left < 0) throw new BadFrame("a deflate stream with an impossible code");
  }
  const offsets = new Uint16Array(CODE_BITS_MAX + 2);
  for (let bits = 1; bits <= CODE_BITS_MAX; bits++) offsets[bits + 1] = offsets[bits] + counts[bits];
  const symbols = new Uint16Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) if (lengths[i]) symbols[offsets[lengths[i]]++] = i;
  return { counts, symbols };
}

const FIXED_LENGTHS = codeOf(
  Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const FIXED_DISTANCES = codeOf(new Uint8Array(30).fill(5));

class Inflater {
  /** @param {Uint8Array} input @param {number} at @param {number} bytesMax */
  constructor(input, at, bytesMax) {
    this.input = input;
    this.at = at;
    this.bytesMax = bytesMax;
    this.held = 0; // bits that were read and not used
    this.count = 0;
    this.out = new Uint8Array(Math.min(bytesMax, Math.max(1024, input.length * 4)));
    this.length = 0;
  }

  /** @param {number} count */
  bits(count) {
    while (this.count < count) {
      if (this.at >= this.input.length) throw new BadFrame("a deflate stream that ends too early");
      this.held |= this.input[this.at++] << this.count;
      this.count += 8;
    }
    const bits = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.count -= count;
    return bits;
  }

  /** The next word of a code. @param {Code} code */
  symbol({ counts, symbols }) {
    let word = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
      word |= this.bits(1);
      const count = counts[bits];
      if (word - count < first) return symbols[index + (word - first)];
      index += count;
      first = (first + count) << 1;
      word <<= 1;
    }
    throw new BadFrame("a deflate stream with a word that is in no code");
  }

  /** @param {number} count of bytes that follow */
  room(count) {
    const wanted = this.length + count;
    if (wanted > this.bytesMax) throw new BadFrame(`it inflates to more than ${this.bytesMax} bytes`);
    if (wanted <= this.out.length) return;
    const out = new Uint8Array(Math.min(this.bytesMax, Math.max(wanted, this.out.length * 2)));
    out.set(this.out.subarray(0, this.length));
    this.out = out;
  }

  stored() {
    this.held = this.count = 0;
    const { input, at } = this;
    const size = input[at] | (input[at + 1] << 8);
    const check = input[at + 2] | (input[at + 3] << 8);
    const start = at + 4;
    if (start + size > input.length || size !== (~check & 0xffff))
      throw new BadFrame("a deflate stream with a damaged block");
    this.room(size);
    this.out.set(input.subarray(start, start + size), this.length);
    this.length += size;
    this.at = start + size;
  }

  /** @returns {[Code, Code]} */
  codes() {
    const lengthCount = this.bits(5) + 257;
    const distanceCount = this.bits(5) + 1;
    const lengths = new Uint8Array(19);
    for (let i = 0, n = this.bits(4) + 4; i < n; i++) lengths[ORDER[i]] = this.bits(3);
    const code = codeOf(lengths);
    const both = new Uint8Array(lengthCount + distanceCount);
    for (let i = 0; i < both.length; ) {
      const symbol = this.symbol(code);
      if (symbol < 16) {
        both[i++] = symbol;
        continue;
      }
      if (symbol === 16 && !i) throw new BadFrame("a deflate stream that repeats nothing");
      const value = symbol === 16 ? both[i - 1] : 0;
      const times =
        symbol === 16 ? 3 + this.bits(2) : symbol === 17 ? 3 + this.bits(3) : 11 + this.bits(7);
      if (i + times > both.length) throw new BadFrame("a deflate stream with too many lengths");
      both.fill(value, i, i + times);
      i += times;
    }
    return [codeOf(both.subarray(0, lengthCount)), codeOf(both.subarray(lengthCount))];
  }

  /** @param {Code} lengths @param {Code} distances */
  block(lengths, distances) {
    for (;;) {
      let symbol = this.symbol(lengths);
      if (symbol < 256) {
        this.room(1);
        this.out[this.length++] = symbol;
        continue;
      }
      if (symbol === 256) return;
      symbol -= 257;
      if (symbol >= LENGTH_BASE.length) throw new BadFrame("a deflate stream with no such length");
      const length = LENGTH_BASE[symbol] + this.bits(LENGTH_BITS[symbol]);
      const far = this.symbol(distances);
      if (far >= DISTANCE_BASE.length) throw new BadFrame("a deflate stream with no such distance");
      const distance = DISTANCE_BASE[far] + this.bits(DISTANCE_BITS[far]);
      if (distance > this.length) throw new BadFrame("a deflate stream that points before itself");
      this.room(length);
      for (let i = 0; i < length; i++, this.length++)
        this.out[this.length] = this.out[this.length - distance];
    }
  }

  run() {
    for (let last = 0; !last; ) {
      last = this.bits(1);
      const kind = this.bits(2);
      if (kind === 0) this.stored();
      else if (kind === 1) this.block(FIXED_LENGTHS, FIXED_DISTANCES);
      else if (kind === 2) this.block(...this.codes());
      else throw new BadFrame("a deflate stream with a block of no kind");
    }
    return this.out.slice(0, this.length);
  }
}

/** What a raw deflate stream holds. @param {Uint8Array} data @param {number} bytesMax */
export function inflateRaw(data, bytesMax) {
  return new Inflater(data, 0, bytesMax).run();
}

/** What a zlib stream holds. @param {Uint8Array} data @param {number} bytesMax */
export function inflate(data, bytesMax) {
  if (data.length < 6 || (data[0] & 0x0f) !== 8 || ((data[0] << 8) | data[1]) % 31 || data[1] & 0x20)
    throw new BadFrame("no zlib stream");
  const inflater = new Inflater(data, 2, bytesMax);
  const bytes = inflater.run();
  const end = inflater.at;
  const sum = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length !== end + 4 || sum.getUint32(end) !== adler32(bytes))
    throw new BadFrame("a zlib stream with a wrong checksum");
  return bytes;
}

/** A zlib stream that holds the data as it is. @param {Uint8Array} data */
export function zlibStored(data) {
  const out = [0x78, 0x01];
  const blocks = Math.max(1, Math.ceil(data.length / 0xffff));
  const bytes = new Uint8Array(2 + blocks * 5 + data.length + 4);
  bytes.set(out);
  let at = 2;
  for (let block = 0; block < blocks; block++) {
    const part = data.subarray(block * 0xffff, (block + 1) * 0xffff);
    const size = part.length;
    bytes.set([block === blocks - 1 ? 1 : 0, size & 0xff, size >> 8, ~size & 0xff, (~size >> 8) & 0xff], at);
    bytes.set(part, at + 5);
    at += 5 + size;
  }
  new DataView(bytes.buffer).setUint32(at, adler32(data));
  return bytes;
}

/** @param {Uint8Array} data */
function adler32(data) {
  let a = 1;
  let b = 0;
  for (let i = 0; i < data.length; ) {
    for (const stop = Math.min(i + 3800, data.length); i < stop; i++) {
      a += data[i];
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return ((b << 16) | a) >>> 0;
}
