// Unpacks what bzip2 packed: the histories of texts come so from nodes, and browsers have nothing for it.
//
// A stream is blocks; a block is, from the outside in: Huffman codes (up to six, changed every 50
// symbols), runs of zeros, move to front, the Burrows-Wheeler transform, runs of equal bytes.
//
// Invariant: bytes that bzip2 cannot have written raise `BadFrame`, and no more than `bytesMax` bytes are
// ever made. Absent: packing, and the blocks' checksums: pages have one of their own.

import { BadFrame } from "./errors.js";

const CODE_BITS_MAX = 20;
const GROUP = 50; // symbols by one code
const RUN_A = 0;
const RUN_B = 1;

class Bits {
  constructor(input) {
    this.input = input;
    this.at = 0;
    this.held = 0;
    this.count = 0;
  }

  take(count) {
    if (count > 16) return this.take(count - 16) * 65536 + this.take(16);
    while (this.count < count) {
      if (this.at >= this.input.length) throw new BadFrame("a bzip2 stream that ends too early");
      this.held = ((this.held << 8) | this.input[this.at++]) & 0xffffff;
      this.count += 8;
    }
    this.count -= count;
    return (this.held >>> this.count) & ((1 << count) - 1);
  }
}

/** What a bzip2 stream holds. */
export function unpackBzip2(data, bytesMax) {
  const bits = new Bits(data);
  const level = bits.take(24) === 0x425a68 ? bits.take(8) - 0x30 : 0;
  if (level < 1 || level > 9) throw new BadFrame("no bzip2 stream");
  const out = { bytes: new Uint8Array(Math.min(bytesMax, 1 << 16)), length: 0, max: bytesMax };
  for (;;) {
    const high = bits.take(24);
    const low = bits.take(24);
    bits.take(32); // checksum
    if (high === 0x177245 && low === 0x385090) return out.bytes.slice(0, out.length);
    if (high !== 0x314159 || low !== 0x265359) throw new BadFrame("a bzip2 stream with no block where one should be");
    unpackBlock(bits, level * 100_000, out);
  }
}

function unpackBlock(bits, sizeMax, out) {
  if (bits.take(1)) throw new BadFrame("a bzip2 block that was made random");
  const origin = bits.take(24);
  const alphabet = readAlphabet(bits);
  const last = alphabet.length + 1; // the symbol that ends the block
  const groups = bits.take(3);
  const selectors = readSelectors(bits, groups);
  const codes = [];
  for (let group = 0; group < groups; group++) codes.push(readCode(bits, last + 1));
  const bytes = unpackSymbols(bits, alphabet, last, selectors, codes, sizeMax);
  if (origin >= bytes.length) throw new BadFrame("a bzip2 block that begins nowhere");
  expand(untransformed(bytes, origin), out);
}

/** The bytes that the block has. */
function readAlphabet(bits) {
  const used = bits.take(16);
  const alphabet = [];
  for (let row = 0; row < 16; row++) {
    if (!(used & (0x8000 >> row))) continue;
    const columns = bits.take(16);
    for (let column = 0; column < 16; column++) if (columns & (0x8000 >> column)) alphabet.push(row * 16 + column);
  }
  if (!alphabet.length) throw new BadFrame("a bzip2 block of no bytes");
  return alphabet;
}

/** Which code each group of symbols has. */
function readSelectors(bits, groups) {
  const count = bits.take(15);
  if (groups < 2 || groups > 6 || !count) throw new BadFrame("a bzip2 block without codes");
  const order = Array.from({ length: groups }, (_, group) => group);
  const selectors = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    let place = 0;
    while (bits.take(1)) if (++place >= groups) throw new BadFrame("a bzip2 block with no such code");
    const [group] = order.splice(place, 1);
    order.unshift(group);
    selectors[index] = group;
  }
  return selectors;
}

/** One code: how many words it has of each length, and their symbols in order. */
function readCode(bits, size) {
  const lengths = new Uint8Array(size);
  let length = bits.take(5);
  for (let symbol = 0; symbol < size; symbol++) {
    for (;;) {
      if (length < 1 || length > CODE_BITS_MAX) throw new BadFrame("a bzip2 code with a word of no length");
      if (!bits.take(1)) break;
      length += bits.take(1) ? -1 : 1;
    }
    lengths[symbol] = length;
  }
  const counts = new Uint16Array(CODE_BITS_MAX + 1);
  for (const each of lengths) counts[each]++;
  const symbols = [];
  for (let each = 1; each <= CODE_BITS_MAX; each++) {
    for (let symbol = 0; symbol < size; symbol++) if (lengths[symbol] === each) symbols.push(symbol);
  }
  return { counts, symbols };
}

function readSymbol(bits, { counts, symbols }) {
  let word = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length <= CODE_BITS_MAX; length++) {
    word = (word << 1) | bits.take(1);
    if (word - first < counts[length]) return symbols[index + word - first];
    index += counts[length];
    first = (first + counts[length]) << 1;
  }
  throw new BadFrame("a bzip2 word that is in no code");
}

function unpackSymbols(bits, alphabet, last, selectors, codes, sizeMax) {
  const order = [...alphabet]; // most recent first
  const bytes = new Uint8Array(sizeMax);
  let size = 0;
  let run = 0;
  let weight = 1;
  for (let index = 0; ; index++) {
    const group = Math.floor(index / GROUP);
    if (group >= selectors.length) throw new BadFrame("a bzip2 block with too few codes");
    const symbol = readSymbol(bits, codes[selectors[group]]);
    if (symbol === RUN_A || symbol === RUN_B) {
      run += weight << symbol;
      weight *= 2;
      if (run > sizeMax - size) throw new BadFrame("a bzip2 block that is too long");
      continue;
    }
    if (run) {
      bytes.fill(order[0], size, size + run);
      size += run;
      run = 0;
    }
    weight = 1;
    if (symbol === last) return bytes.subarray(0, size);
    if (size >= sizeMax) throw new BadFrame("a bzip2 block that is too long");
    const [byte] = order.splice(symbol - 1, 1);
    order.unshift(byte);
    bytes[size++] = byte;
  }
}

/** What the last column of the sorted rotations was made of. */
function untransformed(bytes, origin) {
  const starts = new Uint32Array(257);
  for (const byte of bytes) starts[byte + 1]++;
  for (let byte = 0; byte < 256; byte++) starts[byte + 1] += starts[byte];
  const next = new Uint32Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) next[starts[bytes[index]]++] = index;
  const found = new Uint8Array(bytes.length);
  let at = next[origin];
  for (let index = 0; index < bytes.length; index++) {
    found[index] = bytes[at];
    at = next[at];
  }
  return found;
}

/** Four equal bytes are followed by how many more there are. */
function expand(bytes, out) {
  let equal = 0;
  let before = -1;
  for (const byte of bytes) {
    if (equal === 4) {
      for (let left = byte; left; left--) push(out, before);
      equal = 0;
      before = -1;
      continue;
    }
    equal = byte === before ? equal + 1 : 1;
    before = byte;
    push(out, byte);
  }
}

function push(out, byte) {
  if (out.length === out.bytes.length) {
    if (out.length >= out.max) throw new BadFrame(`it unpacks to more than ${out.max} bytes`);
    const grown = new Uint8Array(Math.min(out.max, out.length * 2));
    grown.set(out.bytes);
    out.bytes = grown;
  }
  out.bytes[out.length++] = byte;
}
