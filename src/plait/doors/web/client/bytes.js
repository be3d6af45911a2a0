/**
 * Bytes and strings as Python has them: their orders, CRC-32, UTF-8.
 */

const utf8 = new TextEncoder();


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
