// Tabs of one browser: each has a slot of its own, and shows what the others write, whatever one of
// them forgets of the other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connectCore } from "../../src/plait/doors/web/client/connect.js";
import { newReplica } from "../../src/plait/doors/web/client/opening.js";
import { MemoryStorage } from "../../src/plait/doors/web/client/storage.js";

const FOUNDER = 77n;
const INFO = { name: "notes", lineage: new Uint8Array(16).fill(7), founder: FOUNDER, sync: "auto", node: "n1" };
const TITLE = ["r:title"];

class NoSocket {
  constructor() {
    throw new Error("no node in this test");
  }
}

function locksOf() {
  const held = new Set();
  return {
    async request(name, _options, act) {
      if (held.has(name)) return act(null);
      held.add(name);
      try {
        return await act({ name });
      } finally {
        held.delete(name);
      }
    },
  };
}

async function shows(replica, key, wanted) {
  for (let turn = 0; turn < 500; turn += 1) {
    const state = replica.object(key, TITLE);
    const object = replica.shelf.documents.get(key)?.find(TITLE);
    if (state !== null && object.type.value(state) === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${key} never became ${wanted}`);
}

test("tabs show each other's edits, also after one has forgotten the other", async () => {
  const storage = new MemoryStorage();
  storage.close = () => undefined; // both use it
  const founder = newReplica({ name: "a" }, INFO, storage, "s0/notes", () => Date.now());
  founder.scope.replica = FOUNDER;
  founder.ids = [FOUNDER];
  founder.bind();
  founder.mutate("a", TITLE, ["set", "kept"]);
  await founder.close();

  const options = {
    persist: `tabs-${Math.random()}`, storage, locks: locksOf(), urls: ["ws://nowhere"],
    webSocket: NoSocket, offline: true,
  };
  const one = await connectCore(options);
  const first = await one.open("notes");
  const two = await connectCore(options);
  const second = await two.open("notes");
  await shows(second, "a", "kept");
  assert.notEqual(first.replica, second.replica);

  second.mutate("b", TITLE, ["set", "from the second"]);
  await shows(first, "b", "from the second");
  for (let turn = 0; turn < 6; turn += 1) {
    const [forgetful, other] = turn % 2 ? [one, two] : [two, one];
    forgetful.tabs._forget(other.tabs._id);
    if (turn >= 4) other.tabs._forget(forgetful.tabs._id);
    first.mutate("a", TITLE, ["set", `first ${turn}`]);
    second.mutate("b", TITLE, ["set", `second ${turn}`]);
    forgetful.tabs._sayHere();
    other.tabs._sayHere();
    await shows(second, "a", `first ${turn}`);
    await shows(first, "b", `second ${turn}`);
  }
  const cut = first.scope.cut();
  assert.deepEqual(first.shelf.canonical(cut), second.shelf.canonical(cut));
  await one.close();
  await two.close();
});
