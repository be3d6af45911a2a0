// Documents in the browser: fields, changes, undo, patches and the inbox, on shelves alone.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  BadCall, BadDocument, BadValue, ConflictChanged, Documents, Float, addWinsSet, ask, boundedCounter,
  counter, flag, json, map, merge, nested, register,
} from "../../src/plait/doors/web/client.js";
import { LocalReplica } from "./local_replica.mjs";

const schema = () => ({
  title: register(), when: ask(), plan: merge(), likes: counter(), tags: addWinsSet(), done: flag(),
  stock: boundedCounter({ minimum: 2 }), props: map(register()), meta: nested({ pinned: flag(), n: counter() }),
  data: json(), color: register({ default: "red" }),
});

function pair() {
  const [one, other] = [new LocalReplica(1), new LocalReplica((1n << 62n) + 7n)];
  const exchange = () => {
    one.hear(other);
    other.hear(one);
  };
  return [new Documents(one, schema()), new Documents(other, schema()), exchange];
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

test("a document is there once something was written, and gone when it was deleted", () => {
  const [notes] = pair();
  const note = notes.get("a");
  assert.equal(note.exists, false);
  assert.equal(note.title, null);
  assert.equal(note.color, "red");
  note.title = "Hello";
  assert.deepEqual([note.exists, note.title, notes.keys(), notes.size], [true, "Hello", ["a"], 1]);
  assert.equal(notes.get("a"), note);
  notes.delete("a");
  assert.deepEqual([note.exists, note.title, notes.keys(), notes.size], [false, null, [], 0]);
  note.title = "again";
  assert.deepEqual(note.toJSON().title, "again");
});

test("every kind of field reads as what was written elsewhere", () => {
  const [here, there, exchange] = pair();
  const a = here.get("k");
  a.title = { deep: [1, 2.5, null], bytes: new Uint8Array([1]) };
  a.likes.increment(3);
  a.likes.decrement();
  a.tags.add("x").add(1).add(["a", 2]);
  a.done = true;
  a.stock.increment(5);
  a.stock.decrement(2);
  a.props.set("color", "blue").set("size", 7);
  a.meta.pinned = true;
  a.meta.n.increment();
  a.data.set("list", "first", { done: false, sub: { x: 1 } });
  exchange();
  const b = there.get("k");
  assert.deepEqual(b.title, { deep: [1, 2.5, null], bytes: new Uint8Array([1]) });
  assert.equal(b.likes.value, 2);
  assert.equal(`${b.likes}`, "2");
  assert.deepEqual(new Set(b.tags.values().map(String)), new Set(["x", "1", "a,2"]));
  assert.equal(b.tags.has(["a", 2]), true);
  assert.equal(b.done, true);
  assert.deepEqual([b.stock.value, a.stock.rights, b.stock.rights], [5, 3, 0]);
  assert.throws(() => b.stock.decrement(1), { code: "RightsElsewhere" });
  assert.deepEqual([b.props.keys(), b.props.get("color"), b.props.get("none")], [["color", "size"], "blue", undefined]);
  assert.deepEqual(b.meta.toJSON(), { pinned: true, n: 1 });
  assert.deepEqual(b.data.toJSON(), { list: { first: { done: false, sub: { x: 1 } } } });
  assert.equal(b.data.get("list", "first", "sub", "x"), 1);
  b.props.delete("size");
  b.data.delete("list", "first", "sub");
  b.tags.delete("x");
  exchange();
  assert.deepEqual(a.props.toJSON(), { color: "blue" });
  assert.deepEqual(a.data.toJSON(), { list: { first: { done: false } } });
  assert.equal(a.tags.has("x"), false);
});

test("fields can be assigned where that means something", () => {
  const [notes] = pair();
  const note = notes.get("k");
  note.tags = ["a", "b"];
  note.tags = new Set(["b", "c"]);
  assert.deepEqual([...note.tags], ["b", "c"]);
  note.props = { a: 1, b: 2 };
  note.props = { b: 3 };
  assert.deepEqual(note.props.toJSON(), { b: 3 });
  note.data = { x: { y: 1 } };
  note.data = { z: 2 };
  assert.deepEqual(note.data.toJSON(), { z: 2 });
  assert.throws(() => (note.likes = 5), BadCall);
  assert.throws(() => (note.done = "yes"), BadCall);
  assert.throws(() => (note.title = undefined), BadValue);
  assert.throws(() => (note.title = () => 1), BadValue);
  assert.throws(() => note.tags.add({ a: 1 }), BadValue);
  assert.throws(() => new Documents(new LocalReplica(1), { title: "text" }), BadDocument);
});

test("floats that are integral stay floats, and are found as numbers", () => {
  const [notes] = pair();
  const note = notes.get("k");
  note.tags.add(new Float(1)).add(2);
  assert.deepEqual([note.tags.has(1), note.tags.size], [true, 2]);
  assert.equal(note.tags.delete(1), true);
  assert.deepEqual([...note.tags], [2]);
});

test("a change is one batch, and nothing of it stays if it throws", () => {
  const [notes, others, exchange] = pair();
  notes.change(() => {
    notes.get("a").title = "one";
    notes.get("b").likes.increment();
  }, "both");
  assert.equal(notes.replica.log.length, 1);
  assert.throws(() => notes.change(() => {
    notes.get("a").title = "two";
    notes.get("a").tags.add("x");
    notes.get("c").title = "new";
    throw new Error("no");
  }), /no/);
  assert.deepEqual([notes.get("a").title, notes.keys(), [...notes.get("a").tags]], ["one", ["a", "b"], []]);
  assert.throws(() => notes.change(async () => {}), BadCall);
  notes.get("a").title = "three";
  exchange();
  assert.equal(others.get("a").title, "three");
});

test("undo takes back own steps and leaves alone what others have overwritten", async () => {
  const [notes, others, exchange] = pair();
  const note = notes.get("a");
  note.title = "one";
  await tick();
  note.title = "two";
  note.likes.increment(5);
  await tick();
  notes.change(() => {
    note.tags.add("x");
    note.done = true;
  });
  assert.equal(notes.undo(), true);
  assert.deepEqual([[...note.tags], note.done], [[], false]);
  assert.equal(notes.redo(), true);
  assert.deepEqual([[...note.tags], note.done], [["x"], true]);
  notes.undo();
  notes.undo();
  assert.deepEqual([note.title, note.likes.value], ["one", 0]);
  notes.redo();
  assert.deepEqual([note.title, note.likes.value], ["two", 5]);
  exchange();
  others.get("a").title = "theirs";
  exchange();
  notes.undo();
  assert.deepEqual([note.title, note.likes.value], ["theirs", 0]);
  assert.equal(others.undo(), true);
});

test("a deleted document comes back by undo", async () => {
  const [notes] = pair();
  const note = notes.get("a");
  note.title = "kept";
  note.tags = ["a", "b"];
  note.meta.n.increment(2);
  await tick();
  notes.delete("a");
  await tick();
  assert.equal(notes.undo(), true);
  assert.deepEqual([note.exists, note.title, [...note.tags], note.meta.n.value], [true, "kept", ["a", "b"], 2]);
});

test("different concurrent values of an asked field wait for a person", () => {
  const [here, there, exchange] = pair();
  here.get("a").when = "base";
  exchange();
  here.get("a").when = "mine";
  there.get("a").when = "theirs";
  exchange();
  const [conflict] = here.conflicts();
  assert.equal(here.get("a").when, there.get("a").when);
  assert.deepEqual([conflict.key, conflict.field, conflict.kind, conflict.base], ["a", "when", "ask", "base"]);
  assert.deepEqual(new Set(conflict.siblings.map(({ value }) => value)), new Set(["mine", "theirs"]));
  assert.equal(conflict.shown, here.get("a").when);
  const stale = there.conflicts("a")[0];
  here.resolve(conflict, "both");
  assert.deepEqual([here.conflicts(), here.get("a").when], [[], "both"]);
  exchange();
  assert.throws(() => there.resolve(stale, "late"), ConflictChanged);
  assert.deepEqual([there.conflicts("a"), there.get("a").when], [[], "both"]);
});

test("a merge field shows one of its values and says that it is unmerged", () => {
  const [here, there, exchange] = pair();
  here.get("a").plan = 1;
  there.get("a").plan = 2;
  exchange();
  assert.equal(here.get("a").plan, there.get("a").plan);
  assert.deepEqual([here.unmerged().length, here.conflicts().length], [1, 0]);
  assert.equal(here.get("a").written("plan").losers.length, 1);
});

test("subscribers are told what changed, own edits as well", () => {
  const [here, others, exchange] = pair();
  const told = [];
  const stop = here.subscribe((one) => told.push(one));
  const mine = [];
  here.get("b").subscribe((patches) => mine.push(...patches));
  here.get("a").title = "one";
  others.get("b").likes.increment(2);
  others.get("b").tags.add("x");
  exchange();
  assert.deepEqual(told[0].keys, ["a"]);
  const [there, first] = told[0].patches;
  assert.deepEqual([there.kind, there.exists, there.own], ["document", true, true]);
  assert.deepEqual([first.path, first.kind, first.value, first.before, first.own], [["title"], "value", "one", null, true]);
  assert.deepEqual(mine.map(({ kind, own }) => [kind, own]), [["document", false], ["count", false], ["set", false]]);
  assert.deepEqual([mine[1].by, mine[2].added], [2, ["x"]]);
  others.delete("b");
  exchange();
  assert.deepEqual([mine.at(-1).kind, mine.at(-1).exists], ["document", false]);
  stop();
  here.get("a").title = "two";
  assert.equal(told.at(-1).keys[0], "b");
});

test("written says who and when, and what lost", () => {
  const [here, there, exchange] = pair();
  here.get("a").title = "x";
  there.get("a").title = "y";
  exchange();
  const { value, who, when, losers } = here.get("a").written("title");
  assert.equal(value, here.get("a").title);
  assert.ok(who.startsWith("r") && when instanceof Date);
  assert.equal(losers.length, 1);
});
