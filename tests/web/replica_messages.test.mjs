// Whatever bytes come in, they are a message that fits its shape or a typed error; and what a
// replica stores of itself comes back as it was.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BadFrame, Corrupt } from "../../src/plait/doors/web/client/errors.js";
import { GENESIS } from "../../src/plait/doors/web/client/event.js";
import { decodeMessage, encodeMessage } from "../../src/plait/doors/web/client/messages.js";
import { Openings } from "../../src/plait/doors/web/client/openings.js";
import { Parcel } from "../../src/plait/doors/web/client/parcels.js";
import { loadReplica, newReplica } from "../../src/plait/doors/web/client/opening.js";
import { MemoryStorage } from "../../src/plait/doors/web/client/storage.js";

const LINEAGE = new Uint8Array(16).fill(7);
const FOUNDER = 77n;
const INFO = { name: "notes", lineage: LINEAGE, founder: FOUNDER, sync: "auto", node: "n1" };

let state = 20261122;
const chance = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

const MESSAGES = [
  {
    kind: "greeting", replica: 5n, vector: [[5n, 3]], held: [], seq: 3, digest: GENESIS,
    roots: [[5n, 77n, 2]], neighbours: [9n], sync: "auto", incarnation: 123n, nowMs: 1e12,
    flock: 0n, openings: new Openings(0, [[1, new Uint8Array(8)]]),
  },
  {
    kind: "standing", member: true, retired: null, verdict: 0, seq: 3, digest: GENESIS,
    complete: true, tail: [[3, GENESIS]], about: 5n,
  },
  { kind: "join", name: "browser" },
  { kind: "vector", pairs: [[5n, 3]], nowMs: 1e12 },
  { kind: "want", number: 1, since: [], held: [], road: "auto", bytesMax: 1000, keys: ["a"] },
  { kind: "part", number: 1, index: 0, last: true, data: new Uint8Array(20) },
  { kind: "more", number: 1, index: 4 },
  { kind: "nothing", number: 1 },
  { kind: "presence", replica: 5n, entries: [["", [1, { at: 3 }], 3000]] },
];

test("every message comes back as it was sent", () => {
  for (const message of MESSAGES) {
    const data = encodeMessage(LINEAGE, message);
    const read = decodeMessage(data);
    assert.equal(read.kind, message.kind);
    for (const field of ["number", "seq", "name", "replica", "complete", "index"]) {
      assert.deepEqual(read[field], message[field]);
    }
  }
});

test("damaged messages and parcels are bad frames, and nothing else", () => {
  for (let turn = 0; turn < 20_000; turn += 1) {
    const data = encodeMessage(LINEAGE, MESSAGES[chance(MESSAGES.length)]);
    for (let hits = 1 + chance(4); hits > 0; hits -= 1) data[chance(data.length)] = chance(256);
    const cut = chance(3) ? data : data.subarray(0, chance(data.length));
    for (const read of [decodeMessage, (bytes) => new Parcel(bytes)]) {
      try {
        read(cut);
      } catch (error) {
        assert.ok(error instanceof BadFrame, `${error.stack}`);
      }
    }
  }
});

/** A founder's replica, which needs nobody to be a member. */
function founded(storage) {
  const replica = newReplica({ name: "a" }, INFO, storage, "s0/notes", () => Date.now());
  replica.scope.replica = FOUNDER;
  replica.ids = [FOUNDER];
  replica.bind();
  return replica;
}

const load = (storage) => loadReplica({ name: "a" }, storage, "s0/notes", () => Date.now());

test("a replica comes back from its storage as it was, at any moment", async () => {
  const storage = new MemoryStorage();
  let replica = founded(storage);
  let folded = false; // what is alone folds what nobody has: then that is not counted
  for (let turn = 0; turn < 40; turn += 1) {
    for (let edits = chance(40); edits > 0; edits -= 1) {
      replica.mutate(`k${chance(60)}`, ["c:n"], ["add", 1 + chance(5)]);
      replica.mutate(`k${chance(60)}`, ["r:title"], ["set", `title ${chance(100)}`.repeat(20)]);
    }
    if (chance(3) === 0) replica.delete(`k${chance(60)}`);
    if (turn > 20 && chance(3) === 0) folded = replica.scope.collect() || folded;
    if (chance(4) === 0) replica.journal.checkpoint();
    await replica.flush();
    const again = await load(storage);
    const cut = replica.scope.cut();
    assert.deepEqual(again.shelf.canonical(cut), replica.shelf.canonical(cut));
    assert.deepEqual(again.vector.pairs(), replica.vector.pairs());
    if (!folded) assert.equal(again.pending, replica.pending);
    assert.equal(again.count(), replica.count());
    if (chance(4) === 0) {
      await replica.close();
      replica = again;
    } else again.journal.close();
  }
});

test("a row that is missing or damaged is corrupt, whichever it is", async () => {
  const storage = new MemoryStorage();
  const replica = founded(storage);
  for (let i = 0; i < 30; i += 1) replica.mutate(`k${i}`, ["c:n"], ["add", 1]);
  replica.journal.checkpoint();
  await replica.flush();
  replica.mutate("late", ["c:n"], ["add", 1]);
  await replica.flush();
  const rows = await storage.rows("");
  assert.ok(rows.size > 20);
  for (const [name, data] of rows) {
    const flipped = data.slice();
    flipped[chance(flipped.length)] ^= 1 << chance(8);
    for (const harm of [null, flipped, data.subarray(0, data.length - 1)]) {
      const hurt = new MemoryStorage();
      await hurt.write(rows);
      await hurt.write(new Map([[name, harm]]));
      await assert.rejects(load(hurt), Corrupt, name);
    }
  }
});

test("a draft that is discarded never happened, on the storage neither", async () => {
  const storage = new MemoryStorage();
  const replica = founded(storage);
  replica.mutate("a", ["c:n"], ["add", 1]);
  replica.begin("never");
  replica.mutate("a", ["c:n"], ["add", 10]);
  replica.mutate("b", ["c:n"], ["add", 1]);
  replica.journal.checkpoint();
  await new Promise((resolve) => setTimeout(resolve, 20));
  replica.discard();
  await replica.flush();
  const again = await load(storage);
  assert.deepEqual(again.keys(), ["a"]);
  assert.deepEqual(again.shelf.canonical(new Map()), replica.shelf.canonical(new Map()));
});
