// Texts and lists of documents in the browser, as programs use them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { BadCall, BadValue, Documents, flag, list, nested, register, text } from "../../src/plait/doors/web/client.js";
import { edits } from "../../src/plait/doors/web/client/text_diff.js";
import { unpackBlock } from "../../src/plait/doors/web/client/text_blocks.js";
import { LocalReplica } from "./local_replica.mjs";

const schema = () => ({
  body: text(), tasks: list(), steps: list(nested({ what: register(), done: flag() })),
});

function pair() {
  const [one, other] = [new LocalReplica(1), new LocalReplica((1n << 62n) + 7n)];
  const exchange = () => {
    one.hear(other);
    other.hear(one);
  };
  const [here, there] = [new Documents(one, schema()), new Documents(other, schema())];
  return [here, there, exchange];
}

function two() {
  const [here, there, exchange] = pair();
  return [here.get("n"), there.get("n"), exchange];
}

const tick = () => new Promise((resolve) => setTimeout(resolve, 0));

test("a text counts as JavaScript does, whatever is in it", () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "a😀b");
  ann.body.insert(3, "!");
  assert.deepEqual([ann.body.length, ann.body.toString()], [5, "a😀!b"]);
  exchange();
  bob.body.delete(1, 2);
  bob.body.replace(1, 2, "?𝔘");
  exchange();
  assert.equal(ann.body.toString(), "a?𝔘b");
  assert.equal(JSON.stringify({ body: ann.body }), '{"body":"a?𝔘b"}');
  assert.throws(() => ann.body.insert(3, "x"), BadValue);
  assert.throws(() => ann.body.insert(9, "x"), BadCall);
  assert.throws(() => ann.body.insert(1.5, "x"), BadCall);
  assert.throws(() => ann.body.insert(0, "\ud83d"), BadValue);
  assert.throws(() => ann.body.delete(4, 5), BadCall);
  assert.throws(() => { ann.body = "whole"; }, BadCall); // prettier-ignore
  assert.equal(ann.body.toString(), "a?𝔘b");
});

test("two people's words stand one behind the other, and both read the same", () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "the end");
  exchange();
  for (const letter of "first ") ann.body.insert(ann.body.length - 3, letter);
  for (const letter of "second ") bob.body.insert(bob.body.length - 3, letter);
  exchange();
  assert.equal(ann.body.toString(), bob.body.toString());
  assert.ok(["the first second end", "the second first end"].includes(ann.body.toString()));
});

test("a mark goes where its characters go, and takes in what is typed at its end", () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "😀 bold word");
  ann.body.mark(3, 7, "bold");
  ann.body.mark(8, 12, "link", "https://example.org");
  exchange();
  bob.body.insert(0, ">");
  bob.body.insert(8, "er");
  exchange();
  const delta = [
    { insert: ">😀 " }, { insert: "bolder", attributes: { bold: true } }, { insert: " " },
    { insert: "word", attributes: { link: "https://example.org" } },
  ];
  assert.deepEqual(ann.body.toDelta(), delta);
  assert.deepEqual(bob.body.toDelta(), delta);
  bob.body.unmark(4, 10, "bold");
  exchange();
  assert.deepEqual(ann.body.marks(), [[11, 15, { link: "https://example.org" }]]);
  assert.throws(() => ann.body.mark(0, 1, "bold", { no: "value" }), BadValue);
});

test("a cursor stays where it is, also elsewhere; of what is not here yet nothing is said", () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "one two");
  exchange();
  const place = ann.body.cursor(4);
  bob.body.insert(0, "😀 ");
  assert.deepEqual([ann.body.position(place), bob.body.position(place)], [4, 7]);
  const later = bob.body.cursor(3, "right");
  assert.equal(ann.body.position(later), null);
  exchange();
  assert.deepEqual([ann.body.position(place), ann.body.position(later)], [7, 3]);
  for (const wrong of ["", "!", "AAAA", 5, null]) assert.throws(() => ann.body.position(wrong), BadValue);
});

test("a whole text is taken in by small edits, so what others do stays", () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "The quick brown fox jumps over the lazy dog.\n".repeat(3));
  exchange();
  ann.body.applyDiff(ann.body.toString().replace("quick", "slow").replace("lazy", "busy"));
  bob.body.insert(10, "big ");
  exchange();
  assert.ok(bob.body.toString().startsWith("The slow big brown fox jumps over the busy dog."));
});

test("edits between two texts lead from one to the other, whatever they are", () => {
  let seed = 7;
  const chance = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const words = ["a", "b ", "\n", "é", "😀", "e\u0301", "word", "𝔘x", " ", "ab"];
  const drawn = () => Array.from({ length: chance(30) }, () => words[chance(words.length)]).join("");
  for (let round = 0; round < 3000; round++) {
    const old = drawn();
    const wanted = round % 2 ? drawn() : old.slice(0, chance(old.length + 1)) + drawn() + old.slice(chance(old.length + 1));
    if (!wanted.isWellFormed() || !old.isWellFormed()) continue;
    let points = [...old];
    for (const [pos, gone, come] of edits(old, wanted)) points.splice(pos, gone, ...come);
    assert.equal(points.join(""), wanted);
  }
  assert.deepEqual(edits("one two three", "one 2 three"), [[4, 3, "2"]]);
});

test("what is undone is one's own, wherever it is by now", async () => {
  const [ann, bob, exchange] = two();
  ann.body.insert(0, "shared ");
  exchange();
  await tick();
  ann.body.insert(7, "mine");
  await tick();
  exchange();
  bob.body.insert(9, " THEIRS ");
  bob.body.insert(0, "> ");
  exchange();
  assert.ok(ann.undo());
  assert.equal(ann.body.toString(), "> shared  THEIRS ");
  assert.ok(ann.redo());
  assert.equal(ann.body.toString(), "> shared mi THEIRS ne");
});

test("subscribers' patches make of a copy what the text is", async () => {
  const [here, there, exchange] = pair();
  let copy = "";
  here.subscribe(({ patches }) => {
    for (const { kind, edits: told } of patches) {
      for (const { at, insert, delete: gone } of kind === "text" ? told : []) {
        if (gone) copy = copy.slice(0, at) + copy.slice(at + gone);
        if (insert) copy = copy.slice(0, at) + insert + copy.slice(at);
      }
    }
  });
  const [ann, bob] = [here.get("n"), there.get("n")];
  for (let round = 0; round < 20; round++) {
    ann.body.insert(round % 2 ? ann.body.length : 0, "😀a");
    bob.body.append(`b${round}`);
    if (round % 3 === 0) bob.body.delete(bob.body.length - 2, 2);
    if (round % 4 === 0) exchange();
    await tick();
    assert.equal(copy, ann.body.toString());
  }
});

test("a change that throws leaves no trace in texts and lists", () => {
  const [here] = pair();
  const note = here.get("n");
  note.body.insert(0, "kept");
  note.tasks.push("kept");
  assert.throws(() =>
    here.change(() => {
      note.body.insert(4, " not");
      note.tasks.push("not");
      note.tasks.move(1, 0);
      throw new Error("no");
    }),
  );
  assert.deepEqual([note.body.toString(), note.tasks.toArray()], ["kept", ["kept"]]);
});

test("a list is edited by several, and of two moves of one element one counts", () => {
  const [ann, bob, exchange] = two();
  ann.tasks.push("milk", "bread", { deep: [1.5] });
  exchange();
  ann.tasks.move(0, 2);
  bob.tasks.move(0, 1);
  bob.tasks.insert(0, "eggs");
  ann.tasks.set(0, "rye bread");
  exchange();
  assert.deepEqual(ann.tasks.toArray(), bob.tasks.toArray());
  assert.equal(ann.tasks.length, 4);
  assert.equal(ann.tasks.toArray().filter((one) => one === "milk").length, 1);
  assert.deepEqual([...ann.tasks].includes("rye bread"), true);
  ann.tasks.delete(0, 2);
  assert.equal(ann.tasks.length, 2);
  assert.equal(ann.tasks.get(7), undefined);
  assert.throws(() => ann.tasks.delete(1, 2), BadCall);
  ann.tasks = ["x", "y"];
  ann.tasks.sort((a, b) => (a < b ? 1 : -1));
  exchange();
  assert.deepEqual(bob.tasks.toArray(), ["y", "x"]);
});

test("elements that are documents are edited inside by several", () => {
  const [ann, bob, exchange] = two();
  ann.steps.push({ what: "plan" }, { what: "build" });
  exchange();
  ann.steps.get(0).done = true;
  bob.steps.move(0, 1);
  bob.steps.get(1).what = "plan well";
  exchange();
  const wanted = [{ what: "build", done: false }, { what: "plan well", done: true }];
  assert.deepEqual(ann.steps.toJSON(), wanted);
  assert.deepEqual(bob.steps.toJSON(), wanted);
  ann.steps.delete(1);
  exchange();
  assert.deepEqual(bob.steps.toJSON(), wanted.slice(0, 1));
});

test("blocks of bytes that nothing packed are refused", () => {
  let seed = 3;
  const chance = (below) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: chance(60) }, () => chance(256));
    if (bytes.length) bytes[0] = chance(5);
    if (round % 3 === 0) bytes.set([2, 50, 0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59].slice(0, bytes.length));
    try {
      unpackBlock(bytes);
    } catch (error) {
      assert.equal(error.code, "BadFrame", error.stack);
    }
  }
});
