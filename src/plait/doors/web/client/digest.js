/**
 * BLAKE2b with 16 bytes, for the rolling hashes of streams: browsers have no such hash of their
 * own, and theirs are asynchronous.
 *
 * 64-bit words are pairs of 32-bit ones (low, high), for BigInts are ten times as slow.
 *
 * Source: RFC 7693. Absent: keys, salts, trees, streaming.
 */

export const DIGEST_BYTES = 16;

const IV = new Uint32Array([
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
]);

const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const ROUNDS = 12;
const BLOCK_BYTES = 128;

const v = new Uint32Array(32);
const m = new Uint32Array(32);

function add(a, b) {
  const low = v[a] + v[b];
  v[a + 1] = v[a + 1] + v[b + 1] + (low > 0xffffffff ? 1 : 0);
  v[a] = low;
}

function addWord(a, i) {
  const low = v[a] + m[i];
  v[a + 1] = v[a + 1] + m[i + 1] + (low > 0xffffffff ? 1 : 0);
  v[a] = low;
}

function xorRotate(a, b, bits) {
  const low = v[a] ^ v[b];
  const high = v[a + 1] ^ v[b + 1];
  if (bits === 32) {
    v[a] = high;
    v[a + 1] = low;
  } else if (bits === 63) {
    v[a] = (low << 1) | (high >>> 31);
    v[a + 1] = (high << 1) | (low >>> 31);
  } else {
    v[a] = (low >>> bits) | (high << (32 - bits));
    v[a + 1] = (high >>> bits) | (low << (32 - bits));
  }
}

function mix(a, b, c, d, x, y) {
  add(a, b);
  addWord(a, x);
  xorRotate(d, a, 32);
  add(c, d);
  xorRotate(b, c, 24);
  add(a, b);
  addWord(a, y);
  xorRotate(d, a, 16);
  add(c, d);
  xorRotate(b, c, 63);
}

function compress(h, count, last) {
  v.set(h, 0);
  v.set(IV, 16);
  v[24] ^= count >>> 0;
  v[25] ^= Math.floor(count / 0x100000000);
  if (last) {
    v[28] = ~v[28];
    v[29] = ~v[29];
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const s = SIGMA[round % 10];
    mix(0, 8, 16, 24, s[0] * 2, s[1] * 2);
    mix(2, 10, 18, 26, s[2] * 2, s[3] * 2);
    mix(4, 12, 20, 28, s[4] * 2, s[5] * 2);
    mix(6, 14, 22, 30, s[6] * 2, s[7] * 2);
    mix(0, 10, 20, 30, s[8] * 2, s[9] * 2);
    mix(2, 12, 22, 24, s[10] * 2, s[11] * 2);
    mix(4, 14, 16, 26, s[12] * 2, s[13] * 2);
    mix(6, 8, 18, 28, s[14] * 2, s[15] * 2);
  }
  for (let i = 0; i < 16; i += 1) h[i] ^= v[i] ^ v[i + 16];
}

/** The hash of `data`. @param {Uint8Array} data @returns {Uint8Array} */
export function blake2b(data, size = DIGEST_BYTES) {
  const h = new Uint32Array(IV);
  h[0] ^= 0x01010000 ^ size;
  const block = new Uint8Array(BLOCK_BYTES);
  const words = new DataView(block.buffer);
  let offset = 0;
  for (;;) {
    const end = Math.min(offset + BLOCK_BYTES, data.length);
    block.fill(0);
    block.set(data.subarray(offset, end));
    for (let i = 0; i < 32; i += 1) m[i] = words.getUint32(i * 4, true);
    const last = end === data.length;
    compress(h, end, last);
    if (last) break;
    offset = end;
  }
  const out = new Uint8Array(64);
  const view = new DataView(out.buffer);
  for (let i = 0; i < 16; i += 1) view.setUint32(i * 4, h[i], true);
  return out.slice(0, size);
}
