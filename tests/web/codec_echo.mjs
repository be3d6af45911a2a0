// What the browser's codec, hash and inflating make of what Python gives. Standard input:
// MessagePack of {values: [bytes], garbage: [bytes], hashed: [[bytes, size]], streams: [bytes],
// fragments: [[fragments…]]}; output: MessagePack of what came out.

import { blake2b } from "../../src/plait/doors/web/client/digest.js";
import { compareStrings, decode, encode, checksum } from "../../src/plait/doors/web/client/codec.js";
import { BadFrame } from "../../src/plait/doors/web/client/errors.js";
import { decodePack, encodePack } from "../../src/plait/doors/web/client/event.js";
import { inflate, zlibStored } from "../../src/plait/doors/web/client/inflate.js";
import { given, taken } from "../../src/plait/doors/web/client/plain.js";
import { VersionVector } from "../../src/plait/doors/web/client/causality.js";
import { Shelf } from "../../src/plait/doors/web/client/shelf.js";

/** What it gives, or that it refused the input. Anything else is a mistake, and is told. */
function attempt(act) {
  try {
    return act();
  } catch (error) {
    if (error instanceof BadFrame) return null;
    throw error;
  }
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const asked = decode(new Uint8Array(Buffer.concat(chunks)));

const STREAM_MAX = 1 << 20;
const answers = {
  values: asked.get("values").map((data) => encode(decode(data))),
  // a user's own values, which are read and written again
  users: asked.get("values").map((data) => encode(decode(encode(taken(given(decode(data))))))),
  garbage: asked.get("garbage").map((data) => attempt(() => encode(decode(data)))),
  hashed: asked.get("hashed").map(([data, size]) => blake2b(data, size)),
  checksums: asked.get("hashed").map(([data]) => checksum(data)),
  streams: asked.get("streams").map((data) => attempt(() => inflate(data, STREAM_MAX))),
  stored: asked.get("hashed").map(([data]) => zlibStored(data)),
  packs: asked.get("packs").map((data) => attempt(() => encodePack(decodePack(data)))),
  sorted: asked.get("strings").sort(compareStrings),
  fragments: asked.get("fragments").map((one) => attempt(() => joined(one))),
};
process.stdout.write(encode(answers));

/** Join fragments that somebody may have forged; a refused join changes nothing. */
function joined([pairs, listed, forged]) {
  const theirs = new VersionVector(pairs.map(([replica, seq]) => [BigInt(replica), seq]));
  const all = (fragments) => fragments.map(([key, path, whole, data]) => ({ key, path, whole, data }));
  const shelf = new Shelf();
  shelf.join(all(listed), new VersionVector(), theirs, true);
  const before = shelf.canonical(theirs);
  try {
    shelf.join(all(forged), theirs, theirs, false);
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    if (Buffer.compare(before, shelf.canonical(theirs))) throw new Error("a refused join changed something");
  }
  return before;
}
