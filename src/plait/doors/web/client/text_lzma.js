// Unpacks what LZMA2 packed: the histories of texts come so from nodes, and browsers have nothing for it.
//
// A stream is chunks, plain or LZMA: a range coder of adaptive bits, which say literals, matches (a
// distance and a length) and repetitions of the last four distances.
//
// Invariant: bytes that no LZMA2 encoder can have written raise `BadFrame`, and no more than `bytesMax`
// bytes are ever made. Absent: packing, and checks of the content: pages have a checksum of their own.

import { BadFrame } from "./errors.js";

const HALF = 1024; // of a probability's 2048
const STATES = 12;
const LITERAL_STATES = 7; // those below came after a literal
const ALIGN_BITS = 4;

const probabilities = (count) => new Uint16Array(count).fill(HALF);

class LengthModel {
  constructor() {
    this.choice = probabilities(2);
    this.low = probabilities(16 << 3);
    this.middle = probabilities(16 << 3);
    this.high = probabilities(256);
  }
}

class Unpacker {
  constructor(input, bytesMax) {
    this.input = input;
    this.at = 0;
    this.max = bytesMax;
    this.out = new Uint8Array(Math.min(bytesMax, 1 << 16));
    this.length = 0;
    this.begun = 0; // of the dictionary
    this.range = 0;
    this.code = 0;
    this.state = 0;
    this.distances = [0, 0, 0, 0];
  }

  run() {
    let needs = 3; // of the resets, the least that the next LZMA chunk must do
    for (;;) {
      const control = this.byte();
      if (control === 0) break;
      if (control < 0x80) {
        if (control > 2 || (control === 2 && needs === 3)) throw new BadFrame("an LZMA2 chunk of no kind");
        if (control === 1) {
          this.begun = this.length;
          needs = Math.min(needs, 2);
        }
        this.plain(this.short() + 1);
        continue;
      }
      const size = ((control & 0x1f) << 16) + this.short() + 1;
      const packed = this.short() + 1;
      const resets = (control >> 5) & 3;
      if (resets < needs) throw new BadFrame("an LZMA2 chunk that goes on with nothing");
      needs = 0;
      if (resets === 3) this.begun = this.length;
      if (resets >= 2) this.properties(this.byte());
      if (resets >= 1) this.reset();
      this.chunk(size, packed);
    }
    if (this.at !== this.input.length) throw new BadFrame("something is left over behind an LZMA2 stream");
    return this.out.slice(0, this.length);
  }

  byte() {
    if (this.at >= this.input.length) throw new BadFrame("an LZMA2 stream that ends too early");
    return this.input[this.at++];
  }

  short() {
    return this.byte() * 256 + this.byte();
  }

  plain(size) {
    if (size > this.input.length - this.at) throw new BadFrame("an LZMA2 stream that ends too early");
    this.room(size);
    this.out.set(this.input.subarray(this.at, this.at + size), this.length);
    this.length += size;
    this.at += size;
  }

  room(count) {
    const wanted = this.length + count;
    if (wanted > this.max) throw new BadFrame(`it unpacks to more than ${this.max} bytes`);
    if (wanted <= this.out.length) return;
    const grown = new Uint8Array(Math.min(this.max, Math.max(wanted, 2 * this.out.length)));
    grown.set(this.out.subarray(0, this.length));
    this.out = grown;
  }

  properties(byte) {
    this.literalBits = byte % 9;
    const rest = Math.floor(byte / 9);
    this.literalMask = (1 << rest % 5) - 1;
    this.placeMask = (1 << Math.floor(rest / 5)) - 1;
    if (byte >= 225 || this.literalBits + (rest % 5) > 4) throw new BadFrame("LZMA2 properties that cannot be");
    this.literalShift = 8 - this.literalBits;
    this.literalCount = 0x300 << (this.literalBits + (rest % 5));
  }

  reset() {
    this.state = 0;
    this.distances = [0, 0, 0, 0];
    this.literals = probabilities(this.literalCount);
    this.isMatch = probabilities(STATES << 4);
    this.isRepeated = probabilities(STATES);
    this.isRepeated0 = probabilities(STATES);
    this.isRepeated1 = probabilities(STATES);
    this.isRepeated2 = probabilities(STATES);
    this.isShort = probabilities(STATES << 4);
    this.slots = probabilities(4 * 64);
    this.special = probabilities(128);
    this.align = probabilities(1 << ALIGN_BITS);
    this.matchLength = new LengthModel();
    this.repeatedLength = new LengthModel();
  }

  // ------------------------------------------------------------------ bits

  bit(model, index) {
    if (this.range < 0x1000000) this.shift();
    const bound = (this.range >>> 11) * model[index];
    if (this.code < bound) {
      this.range = bound;
      model[index] += (2048 - model[index]) >> 5;
      return 0;
    }
    this.range -= bound;
    this.code -= bound;
    model[index] -= model[index] >> 5;
    return 1;
  }

  shift() {
    this.range = (this.range << 8) >>> 0;
    this.code = ((this.code << 8) | this.byte()) >>> 0;
  }

  /** Bits that have no model. */
  direct(count) {
    let found = 0;
    for (; count; count--) {
      if (this.range < 0x1000000) this.shift();
      this.range >>>= 1;
      const bit = this.code >= this.range ? 1 : 0;
      if (bit) this.code -= this.range;
      found = found * 2 + bit;
    }
    return found;
  }

  tree(model, start, bits) {
    let node = 1;
    for (let left = bits; left; left--) node = node * 2 + this.bit(model, start + node);
    return node - (1 << bits);
  }

  reverseTree(model, start, bits) {
    let node = 1;
    let found = 0;
    for (let place = 0; place < bits; place++) {
      const bit = this.bit(model, start + node);
      node = node * 2 + bit;
      found |= bit << place;
    }
    return found;
  }

  // ------------------------------------------------------------------ symbols

  chunk(size, packed) {
    const end = this.at + packed;
    if (end > this.input.length || packed < 5) throw new BadFrame("an LZMA2 stream that ends too early");
    this.at++; // always 0
    this.range = 0xffffffff;
    this.code = (this.byte() * 2 ** 24 + this.byte() * 2 ** 16 + this.byte() * 2 ** 8 + this.byte()) >>> 0;
    this.room(size);
    const stop = this.length + size;
    while (this.length < stop) {
      const place = (this.length - this.begun) & this.placeMask;
      if (!this.bit(this.isMatch, (this.state << 4) + place)) this.literal();
      else this.match(place, stop);
    }
    if (this.range < 0x1000000) this.shift();
    if (this.at !== end) throw new BadFrame("an LZMA2 chunk that is not as long as it says");
  }

  literal() {
    const before = this.length > this.begun ? this.out[this.length - 1] : 0;
    const place = (this.length - this.begun) & this.literalMask;
    const start = 0x300 * ((place << this.literalBits) + (before >> this.literalShift));
    let symbol = 1;
    if (this.state >= LITERAL_STATES) {
      let likely = this.far(this.distances[0]) << 1;
      let offset = 0x100;
      while (symbol < 0x100) {
        const match = likely & offset;
        const bit = this.bit(this.literals, start + offset + match + symbol);
        symbol = (symbol << 1) | bit;
        offset &= bit ? match : ~match;
        likely <<= 1;
      }
    } else {
      while (symbol < 0x100) symbol = (symbol << 1) | this.bit(this.literals, start + symbol);
    }
    this.out[this.length++] = symbol & 0xff;
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** The byte so far back. */
  far(distance) {
    if (distance >= this.length - this.begun) throw new BadFrame("an LZMA2 stream that points before itself");
    return this.out[this.length - distance - 1];
  }

  match(place, stop) {
    const state = this.state;
    const afterLiteral = state < LITERAL_STATES;
    let length;
    if (!this.bit(this.isRepeated, state)) {
      length = this.readLength(this.matchLength, place);
      this.distances = [this.readDistance(length), ...this.distances.slice(0, 3)];
      this.state = afterLiteral ? 7 : 10;
    } else {
      let which = 0;
      if (!this.bit(this.isRepeated0, state)) {
        if (!this.bit(this.isShort, (state << 4) + place)) {
          this.state = afterLiteral ? 9 : 11;
          this.out[this.length] = this.far(this.distances[0]);
          this.length++;
          return;
        }
      } else {
        which = !this.bit(this.isRepeated1, state) ? 1 : 2 + this.bit(this.isRepeated2, state);
      }
      this.distances.unshift(...this.distances.splice(which, 1));
      length = this.readLength(this.repeatedLength, place);
      this.state = afterLiteral ? 8 : 11;
    }
    if (length > stop - this.length) throw new BadFrame("an LZMA2 chunk that is not as long as it says");
    const distance = this.distances[0];
    for (; length; length--) {
      this.out[this.length] = this.far(distance);
      this.length++;
    }
  }

  readLength(model, place) {
    if (!this.bit(model.choice, 0)) return 2 + this.tree(model.low, place << 3, 3);
    if (!this.bit(model.choice, 1)) return 10 + this.tree(model.middle, place << 3, 3);
    return 18 + this.tree(model.high, 0, 8);
  }

  readDistance(length) {
    const slot = this.tree(this.slots, Math.min(length - 2, 3) << 6, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 + (slot & 1)) * 2 ** bits;
    if (slot < 14) return high + this.reverseTree(this.special, high - slot, bits);
    return high + this.direct(bits - ALIGN_BITS) * 16 + this.reverseTree(this.align, 0, ALIGN_BITS);
  }
}

/** What a raw LZMA2 stream holds. */
export function unpackLzma2(data, bytesMax) {
  return new Unpacker(data, bytesMax).run();
}
