// Patches of texts and lists: whoever applies them to a copy has what there is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Documents, list, map, nested, register, text } from "../../src/plait/doors/web/client.js";
import { LocalReplica } from "./local_replica.mjs";

const schema = () => ({
  title: register(), body: text(), items: list(), tasks: list(nested({ what: register(), note: text() })),
  pages: map(text()),
});

function group(count) {
  const replicas = Array.from({ length: count }, (_, i) => new LocalReplica(BigInt(i + 1) << 33n));
  const hear = () => {
    for (let round = 0; round < 2; round++)
      for (const one of replicas) for (const other of replicas) if (one !== other) one.hear(other);
  };
  return [replicas.map((replica) => new Documents(replica, schema())), hear];
}

/** Copies of texts and lists, kept by what a subscriber is told. */
function follow(notes) {
  const copies = new Map();
  const key = (patch) => JSON.stringify([patch.key, ...patch.path]);
  notes.subscribe(({ patches }) => {
    for (const patch of patches) {
      if (patch.kind === "text") {
        let copy = copies.get(key(patch)) ?? "";
        for (const edit of patch.edits) {
          if (edit.insert) copy = copy.slice(0, edit.at) + edit.insert + copy.slice(edit.at);
          else if (edit.delete) copy = copy.slice(0, edit.at) + copy.slice(edit.at + edit.delete);
          else assert.ok(edit.at + edit.length <= copy.length, "a mark lies in the text");
        }
        copies.set(key(patch), copy);
      } else if (patch.kind === "list") {
        const copy = copies.get(key(patch)) ?? [];
        for (const { at, delete: gone, insert } of patch.edits) copy.splice(at, gone, ...insert);
        copies.set(key(patch), copy);
      }
    }
  });
  return (...path) => copies.get(JSON.stringify(path));
}

function chance(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39) | 0;
    return ((state ^ (state >>> 12)) >>> 0) % below;
  };
}

test("copies that follow patches have the text, whatever happens to it", async () => {
  for (let seed = 1; seed <= 15; seed++) {
    const draw = chance(seed);
    const [all, hear] = group(3);
    const copies = all.map(follow);
    for (let step = 0; step < 40; step++) {
      const note = all[draw(3)].get("a");
      const { length } = note.body;
      const at = draw(length + 1);
      const safe = /[\udc00-\udfff]/.test(note.body.toString()[at] ?? "") ? at - 1 : at;
      switch (draw(9)) {
        case 0: case 1: case 2:
          note.body.insert(safe, ["a", "hello", "\u{1f600}", "é\n"][draw(4)]);
          break;
        case 3:
          note.body.applyDiff(note.body.toString().slice(0, safe) + "\u{1f680}!");
          break;
        case 4:
          if (safe < length) note.body.mark(safe, length, "bold", true);
          break;
        case 5:
          note.items.push(step, "x");
          break;
        case 6:
          if (note.items.length) note.items.move(draw(note.items.length), draw(note.items.length));
          break;
        case 7:
          if (note.items.length) note.items.delete(draw(note.items.length));
          if (draw(4) === 0) all[draw(3)].delete("a");
          break;
        default:
          if (draw(2)) hear();
          else all[0].replica.shelf.fold(all[0].replica.vector.met(all[1].replica.vector).met(all[2].replica.vector));
      }
    }
    hear();
    all.forEach((notes, i) => {
      if (!notes.has("a")) return;
      assert.equal(copies[i]("a", "body") ?? "", notes.get("a").body.toString(), `seed ${seed}, body`);
      assert.deepEqual(copies[i]("a", "items") ?? [], notes.get("a").items.toArray(), `seed ${seed}, items`);
    });
    assert.equal(new Set(all.map((notes) => notes.get("a").body.toString())).size, 1);
  }
});

test("a subscriber that comes later has patches that fit what it read", () => {
  const [[one, other], hear] = group(2);
  one.get("a").body.insert(0, "\u{1f600}\u{1f600} smile");
  one.get("a").pages.get("p").insert(0, "page");
  hear();
  const patches = [];
  other.subscribe((told) => patches.push(...told.patches));
  one.get("a").body.delete(0, 2);
  one.get("a").pages.get("p").append("!");
  hear();
  assert.deepEqual(patches.map(({ path, edits }) => [path, edits]), [
    [["body"], [{ at: 0, delete: 2 }]],
    [["pages", "p"], [{ at: 4, insert: "!" }]],
  ]);
});

test("documents in lists move with what is in them, and are told by name", () => {
  const [[one, other], hear] = group(2);
  const { tasks } = one.get("a");
  tasks.push({ what: "first" }, { what: "second" });
  hear();
  other.get("a").tasks.move(1, 0);
  tasks.get(1).note.insert(0, "in it");
  tasks.get(1).what = "2nd";
  hear();
  assert.deepEqual(tasks.toJSON(), [{ what: "2nd", note: "in it" }, { what: "first", note: "" }]);
  assert.deepEqual(other.get("a").tasks.toJSON(), tasks.toJSON());
});

test("texts and lists are undone, and brought back with their document", async () => {
  const tick = () => new Promise((resolve) => setTimeout(resolve, 0));
  const [[notes]] = group(1);
  const note = notes.get("a");
  note.body.insert(0, "one");
  await tick();
  note.body.insert(3, " two");
  note.items.push(1, 2);
  await tick();
  note.body.delete(0, 4);
  await tick();
  assert.equal(note.body.toString(), "two");
  notes.undo();
  assert.equal(note.body.toString(), "one two");
  notes.undo();
  assert.deepEqual([note.body.toString(), note.items.length], ["one", 0]);
  notes.redo();
  assert.deepEqual([note.body.toString(), note.items.toArray()], ["one two", [1, 2]]);
  note.tasks.push({ what: "kept" });
  await tick();
  notes.delete("a");
  await tick();
  notes.undo();
  assert.deepEqual([note.body.toString(), note.items.toArray()], ["one two", [1, 2]]);
  assert.deepEqual(note.tasks.toJSON(), [{ what: "kept", note: "" }]);
});

test("a change with texts that throws leaves them as they were", () => {
  const [[notes]] = group(1);
  const note = notes.get("a");
  note.body.insert(0, "stays");
  note.items.push("stays");
  assert.throws(() => notes.change(() => {
    note.body.insert(5, " not");
    note.items.delete(0);
    note.tasks.push({ what: "no" });
    throw new Error("no");
  }));
  assert.deepEqual([note.body.toString(), note.items.toArray(), note.tasks.length], ["stays", ["stays"], 0]);
  note.body.append("!");
  assert.equal(note.body.toString(), "stays!");
});
