/** Marked words, undo and search of notes. */

import assert from "node:assert/strict";
import test from "node:test";

import * as inline from "../../src/plait/apps/notes/web/inline.js";
import { linesOf } from "../../src/plait/apps/notes/web/lines.js";
import { patched } from "../../src/plait/apps/notes/web/places.js";
import * as search from "../../src/plait/apps/notes/web/search.js";
import { Undo, inverse, plan, sliced, unmarking } from "../../src/plait/apps/notes/web/undo.js";
import { chance } from "./notes_chance.mjs";

const plain = (text) => [{ insert: text }];

test("runs are cut by lines and marks, and prefixes are in none", () => {
  const delta = [
    { insert: "# He" },
    { insert: "ll", attributes: { bold: true, "comment:1": "x" } },
    { insert: "o\n- a" },
  ];
  assert.deepEqual(inline.runsOf(delta, linesOf("# Hello\n- a")), [
    [{ text: "He", marks: {} }, { text: "ll", marks: { bold: true } }, { text: "o", marks: {} }],
    [{ text: "a", marks: {} }],
  ]);
  assert.deepEqual(inline.runsOf([], linesOf("")), [[]]);
});

test("addresses are shown as links without their full stop", () => {
  const text = "see https://a.example/b, or (http://c.example).";
  const [runs] = inline.runsOf(plain(text), linesOf(text));
  assert.deepEqual(
    runs.filter((run) => run.marks.link).map((run) => run.text),
    ["https://a.example/b", "http://c.example"]
  );
  assert.equal(runs.map((run) => run.text).join(""), text);
});

test("no link runs anything", () => {
  for (const bad of ["javascript:alert(1)", " JaVaScRiPt:x", "data:text/html,x", "vbscript:x", "x", 4, null]) {
    assert.equal(inline.safeAddress(bad), null);
  }
  assert.equal(inline.addressOf("example.org/a?b"), "https://example.org/a?b");
  assert.equal(inline.addressOf("ann@example.org"), "mailto:ann@example.org");
  assert.equal(inline.addressOf("javascript:alert(1)"), null);
  assert.equal(inline.addressOf("two words"), null);
});

test("marks are asked for by place", () => {
  const delta = [{ insert: "ab" }, { insert: "cd", attributes: { bold: true } }, { insert: "\nef" }];
  assert.deepEqual(inline.marksAt(delta, 2), {});
  assert.deepEqual(inline.marksAt(delta, 4), { bold: true });
  assert.ok(inline.allMarked(delta, 2, 5, "bold"));
  assert.ok(!inline.allMarked(delta, 2, 6, "bold"));
  assert.deepEqual(inline.stretchAt(delta, 3, "bold"), [2, 4, true]);
  assert.equal(inline.stretchAt(delta, 1, "bold"), null);
});

test("Markdown that is closed becomes a mark, what only looks like it does not", () => {
  const closed = (text) => inline.justClosed(text, 0, text.length);
  assert.deepEqual(closed("a **bc**"), { name: "bold", open: 2, from: 4, to: 6, close: 8 });
  assert.equal(closed("a *b*").name, "italic");
  assert.equal(closed("`x y`").name, "code");
  assert.equal(closed("~~x~~").name, "strike");
  for (const text of ["2*3*", "snake_case_", "**", "** a**", "**a*", "a * b *", "__"]) {
    assert.equal(closed(text), null, text);
  }
});

test("letters typed one behind the other are taken back together, word by word", () => {
  const undo = new Undo();
  let text = "";
  for (const [index, typed] of [..."ab cd"].entries()) {
    const patches = [{ at: index, insert: typed }];
    undo.did(patches, inverse(plain(text), patches), [index, index], { typed, time: index });
    text = patched(text, patches);
  }
  assert.deepEqual(undo.back().actions, [{ kind: "delete", parts: [[3, 5]] }]);
  assert.deepEqual(undo.back().actions, [{ kind: "delete", parts: [[0, 3]] }]);
  assert.equal(undo.back(), null);
});

test("what was erased letter by letter comes back together, with its marks", () => {
  const undo = new Undo();
  const delta = [{ insert: "ab" }, { insert: "c", attributes: { bold: true } }];
  undo.did([{ at: 2, delete: 1 }], inverse(delta, [{ at: 2, delete: 1 }]), [3, 3], { erased: true, time: 0 });
  undo.did([{ at: 1, delete: 1 }], inverse(plain("ab"), [{ at: 1, delete: 1 }]), [2, 2], { erased: true, time: 9 });
  const [action] = undo.back().actions;
  assert.deepEqual(action, { kind: "insert", at: 1, pieces: [{ insert: "b" }, delta[1]], revive: [] });
  assert.equal(undo.back(), null);
});

test("marks are put back as they were, piece by piece", () => {
  const delta = [{ insert: "ab" }, { insert: "cd", attributes: { link: "https://x.example" } }];
  assert.deepEqual(unmarking(delta, 1, 4, "link"), [
    { kind: "mark", parts: [[1, 2]], name: "link", value: null },
    { kind: "mark", parts: [[2, 4]], name: "link", value: "https://x.example" },
  ]);
});

/** Does what a step says to a text. */
function take(undo, step, text, isForth) {
  const { patches } = plan(step);
  const after = patched(text, patches);
  assert.notEqual(after, null);
  undo.went(isForth, patches, inverse(plain(text), patches), step.select);
  return after;
}

test("whatever others write meanwhile, undo takes back what is mine and nothing else", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const c = chance(seed);
    const undo = new Undo();
    let text = "";
    let theirs = 0;
    for (let step = 0; step < 14; step++) {
      const at = c.below(text.length + 1);
      const mine = c.next() < 0.5;
      let patch = { at, insert: (mine ? "AB" : "ab").slice(c.below(2)) };
      const size = Math.min(c.below(3), text.length - at);
      if (mine && c.next() < 0.3 && size) patch = { at, delete: size };
      const before = plain(text);
      text = patched(text, [patch]);
      if (!mine) {
        undo.follow([patch]);
        theirs += patch.insert.length;
      } else undo.did([patch], inverse(before, [patch]), [at, at], { typed: patch.insert, time: step * 400 });
      if (c.next() < 0.15) {
        const back = undo.back();
        if (back) text = take(undo, back, text, false);
      } else if (c.next() < 0.1) {
        const forth = undo.forth();
        if (forth) text = take(undo, forth, text, true);
      }
    }
    for (let back = undo.back(); back; back = undo.back()) text = take(undo, back, text, false);
    assert.ok(/^[ab]*$/.test(text), `seed ${seed}: ${text}`);
    assert.equal(text.length, theirs, `seed ${seed}`);
  }
});

test("a stretch of a delta keeps its marks", () => {
  const delta = [{ insert: "ab" }, { insert: "cd", attributes: { code: true } }];
  assert.deepEqual(sliced(delta, 1, 3), [{ insert: "b" }, { insert: "c", attributes: { code: true } }]);
});

const note = (key, more) => ({
  key, title: "", plain: "", tags: [], pinned: false, edited: 0, progress: { done: 0, all: 0 }, conflicts: 0, ...more,
});
const NOTES = [
  note("a", { title: "Lissabon", plain: "Café near the river", tags: ["travel"], edited: 3 }),
  note("b", { title: "Bread", plain: "flour, water; Lissabon style", tags: ["recipes"], edited: 9 }),
  note("c", { title: "Pinned", pinned: true, edited: 1, progress: { done: 1, all: 2 } }),
];
const keys = (query, tag) => search.found(NOTES, query, tag).map((one) => one.key).join("");

test("all words have to be there, titles count most, accents and capitals do not", () => {
  assert.equal(keys("lissabon"), "ab");
  assert.equal(keys("cafe RIVER"), "a");
  assert.equal(keys("cafe flour"), "");
  assert.equal(keys("#trav"), "a");
  assert.equal(keys("is:open"), "c");
  assert.equal(keys(""), "cba");
  assert.equal(keys("", "recipes"), "b");
});

test("a snippet shows what was found, wherever it stands", () => {
  const pieces = search.snippet(`${"word ".repeat(80)}the Café here`, "cafe");
  assert.deepEqual(pieces.filter((piece) => piece.hit), [{ text: "Café", hit: true }]);
  assert.ok(pieces.map((piece) => piece.text).join("").length < 150);
  assert.deepEqual(search.snippet("", "x"), []);
});

test("tags are counted and notes grouped by when they were edited", () => {
  assert.deepEqual(search.tagsOf(NOTES), [["recipes", 1], ["travel", 1]]);
  const now = new Date(2026, 4, 17, 12).getTime();
  const days = [0, 1, 3, 30].map((day) => note(`${day}`, { edited: now - day * 864e5 }));
  assert.deepEqual(
    search.grouped([note("p", { pinned: true }), ...days], now).map((group) => group.name),
    ["Pinned", "Today", "Yesterday", "Last seven days", "Earlier"]
  );
});
