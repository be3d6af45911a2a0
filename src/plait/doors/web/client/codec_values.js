/**
 * What MessagePack has and JavaScript has not: see `codec.js`.
 */

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

// of integers, and of the usual NaN
export const MIN_SAFE = BigInt(Number.MIN_SAFE_INTEGER);
export const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
export const UINT64_MAX = (1n << 64n) - 1n;
export const INT64_MIN = -(1n << 63n);
export const NAN_BITS = 0x7ff8000000000000n;
export const FIXED_EXT = [1, 2, 4, 8, 16];
