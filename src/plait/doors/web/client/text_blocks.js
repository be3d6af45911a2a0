// Numbers as bytes, and blocks of bytes that may be compressed.
//
// Numbers are varints: seven bits a byte, least first. Nodes compress a block in the way that makes it
// smallest; a browser unpacks them all, and packs none: what it sends is a few edits.
//
// Invariant: what is unpacked is no larger than it says; bytes that nothing packs to raise `BadFrame`.

import { BadFrame } from "./errors.js";
import { inflateRaw } from "./inflate.js";
import { unpackBzip2 } from "./text_bzip2.js";
import { unpackLzma2 } from "./text_lzma.js";

const BLOCK_BYTES_MAX = 1 << 28; // unpacked
export const NUMBER_MAX = 2 ** 53 - 1;

const PLAIN = 0;
const ZLIB = 1;
const BZ2 = 2;
const LZMA = 3;

/** Numbers from 0 on, seven bits a byte, least first. */
export function varints(numbers) {
  const out = [];
  for (let number of numbers) {
    while (number > 127) {
      out.push((number % 128) + 128);
      number = Math.floor(number / 128);
    }
    out.push(number);
  }
  return Uint8Array.from(out);
}

/** What `varints` was given. `BadFrame`. */
export function numbersIn(data) {
  const found = [];
  let number = 0;
  let weight = 1;
  for (const byte of data) {
    number += (byte & 127) * weight;
    if (number > NUMBER_MAX) throw new BadFrame("a number that is too large");
    if (byte < 128) {
      found.push(number);
      number = 0;
      weight = 1;
    } else {
      weight *= 128;
      if (weight > 2 ** 70) throw new BadFrame("a number of more than 64 bits");
    }
  }
  if (weight > 1) throw new BadFrame("the last number is not whole");
  return found;
}

/** A number with a sign as one without: 0, -1, 1, -2, ... */
export const folded = (number) => (number >= 0 ? 2 * number : -2 * number - 1);

/** What `folded` was given. */
export const unfolded = (number) => (number % 2 ? -(number + 1) / 2 : number / 2);

/** Reads what one block of varints holds. */
export class Numbers {
  constructor(data) {
    this._numbers = numbersIn(data);
    this._at = 0;
  }

  /** The next numbers. */
  column(size) {
    if (size > this._numbers.length - this._at) throw new BadFrame("a column is too short");
    const found = this._numbers.slice(this._at, this._at + size);
    this._at += size;
    return found;
  }

  /** There must be no more. */
  end() {
    if (this._at !== this._numbers.length) throw new BadFrame("something is left over behind the last column");
  }
}

/** Bytes as a block. */
export function packBlock(data) {
  const block = new Uint8Array(1 + data.length);
  block.set(data, 1);
  return block;
}

/** The bytes in a block. `BadFrame`. */
export function unpackBlock(block) {
  if (!block.length) throw new BadFrame("an empty block");
  if (block[0] === PLAIN) return block.subarray(1);
  let end = 1;
  while (end < Math.min(block.length, 10) && block[end] >= 128) end++;
  const [size] = numbersIn(block.subarray(1, end + 1));
  if (size === undefined || size > BLOCK_BYTES_MAX) throw new BadFrame("a block of more bytes than allowed");
  const data = unpacked(block[0], block.subarray(end + 1), size);
  if (data.length !== size) throw new BadFrame("a block is not as long as it says");
  return data;
}

function unpacked(method, packed, size) {
  if (method === ZLIB) return inflateRaw(packed, size);
  if (method === BZ2) return unpackBzip2(packed, size);
  if (method === LZMA) return unpackLzma2(packed, size);
  throw new BadFrame(`a block packed by an unknown method ${method}`);
}
