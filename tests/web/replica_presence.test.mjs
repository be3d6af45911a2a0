// What a replica says of itself, when its id is exchanged for another.

import assert from "node:assert/strict";
import test from "node:test";

import { Presence } from "../../src/plait/doors/web/client/presence_saying.js";

function alone() {
  const said = [];
  const owner = { replica: 1n, now: () => 1000, syncing: { broadcast: (message) => said.push(message) } };
  return { owner, said, presence: new Presence(owner) };
}

test("who has another id now leaves under the old one, and says the same under the new", () => {
  const { owner, said, presence } = alone();
  presence.say({ at: 1 });
  owner.replica = 2n;
  presence.say({ at: 2 });
  const entries = said.map(({ replica, entries: [[, [, value]]] }) => [replica, value]);
  assert.deepEqual(entries, [[1n, { at: 1 }], [1n, null], [2n, { at: 1 }], [2n, { at: 2 }]]);
  assert.deepEqual([...presence.known.everybody()], [[2n, { at: 2 }]]);
  presence.close();
});

test("nothing is said once it has ended", () => {
  const { presence, said } = alone();
  presence.close();
  presence.heard({ replica: 5n, entries: [["", [1, "x"], 3000]] });
  assert.deepEqual(said, []);
  assert.equal(presence._timer, null);
});
