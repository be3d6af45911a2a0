/** Lines, places and edits of notes: what keys do to a text, and what concurrent prefixes come to. */

import assert from "node:assert/strict";
import test from "node:test";

import * as edits from "../../src/plait/apps/notes/web/edits.js";
import { lineIndexAt, linesOf, plainOf, prefixOf, progressOf } from "../../src/plait/apps/notes/web/lines.js";
import { difference, moved, patched } from "../../src/plait/apps/notes/web/places.js";
import { chance } from "./notes_chance.mjs";

const kinds = (text) => linesOf(text).map((line) => line.kind).join(" ");

/** A text with | for the caret, or | twice for a selection. */
function at(marked) {
  const parts = marked.split("|");
  const text = parts.join("");
  const anchor = parts[0].length;
  return [text, [anchor, parts.length > 2 ? anchor + parts[1].length : anchor]];
}

function after(text, edit) {
  const changed = patched(text, edit.patches);
  assert.notEqual(changed, null);
  const [from, to] = [Math.min(...edit.select), Math.max(...edit.select)];
  const middle = from === to ? "|" : `|${changed.slice(from, to)}|`;
  return changed.slice(0, from) + middle + changed.slice(to);
}

function press(action, marked, ...more) {
  const [text, selection] = at(marked);
  return after(text, action(text, selection, ...more));
}

test("a line is what its first characters say", () => {
  assert.equal(
    kinds("a\n# a\n## a\n### a\n#### a\n- a\n* a\n3. a\n> a\n- [ ] a\n[x] a\n-a\n  - a"),
    "text h1 h2 h3 text item item number quote todo todo text item"
  );
  const [first, second] = linesOf("- [x] done\n    - deep");
  assert.deepEqual([first.checked, first.content, second.level], [true, 6, 2]);
});

test("of the prefixes of two people the first counts, and none is shown", () => {
  const [line] = linesOf("# - [ ] words");
  assert.deepEqual([line.kind, line.content], ["h1", 8]);
  assert.equal(plainOf("# - words\n> > quoted"), "words\nquoted");
});

test("two ticks at once are a tick, and one clears both", () => {
  const text = "- [xx] milk";
  assert.ok(linesOf(text)[0].checked);
  assert.equal(patched(text, edits.ticked(text, 0).patches), "- [ ] milk");
  assert.ok(!linesOf("- [  ] milk")[0].checked);
  assert.deepEqual(progressOf("- [x] a\n- [ ] b\nc"), { done: 1, all: 2 });
});

test("numbers are counted, by level, and begin anew behind other lines", () => {
  const text = "1. a\n  1. b\n  9. c\n1. d\nx\n5. e";
  assert.deepEqual(linesOf(text).map((line) => line.number), [1, 1, 2, 2, 0, 1]);
});

test("enter goes on in a list and ends it in an empty item", () => {
  assert.equal(press(edits.broken, "- milk|"), "- milk\n- |");
  assert.equal(press(edits.broken, "- [x] mi|lk"), "- [x] mi\n- [ ] |lk");
  assert.equal(press(edits.broken, "9. a|"), "9. a\n10. |");
  assert.equal(press(edits.broken, "- a\n- |"), "- a\n|");
  assert.equal(press(edits.broken, "  - |"), "- |");
  assert.equal(press(edits.broken, "# Title|"), "# Title\n|");
  assert.equal(press(edits.broken, "- |milk"), "- \n- |milk");
  assert.equal(press(edits.broken, "# |Title"), "\n# |Title");
  assert.equal(press(edits.broken, "a|bc|d"), "a\n|d");
});

test("backspace at the beginning takes the kind away, then the newline", () => {
  assert.equal(press(edits.backspaced, "a\n  - |b"), "a\n- |b");
  assert.equal(press(edits.backspaced, "a\n- |b"), "a\n|b");
  assert.equal(press(edits.backspaced, "a\n|b"), "a|b");
  assert.equal(press(edits.backspaced, "|b"), "|b");
  assert.equal(edits.backspaced(...at("ab|")), null);
  assert.equal(press(edits.deletedForward, "a|\n- b"), "a|b");
  assert.equal(edits.deletedForward(...at("|a")), null);
});

test("a prefix that is typed makes the line what it says, the last one typed", () => {
  assert.equal(press(edits.typed, "#|", " "), "# |");
  assert.equal(press(edits.typed, "[]|milk", " "), "- [ ] |milk");
  assert.equal(press(edits.typed, "- #|milk", " "), "# |milk");
  assert.equal(press(edits.typed, "  - []|milk", " "), "  - [ ] |milk");
  assert.equal(press(edits.typed, "- a -|", " "), "- a - |");
  assert.equal(press(edits.typed, "a|b|c", "x"), "ax|c");
});

test("kinds are set for all selected lines, and taken away again", () => {
  assert.equal(press(edits.kindToggled, "|a\nb|", "item"), "- |a\n- b|");
  assert.equal(press(edits.kindToggled, "- |a\n- b|", "item"), "|a\nb|");
  assert.equal(press(edits.kindToggled, "- a|", "todo"), "- [ ] a|");
  assert.equal(press(edits.kindToggled, "|a\nb\nc|", "number"), "1. |a\n2. b\n3. c|");
  assert.equal(press(edits.indented, "- a|", 1), "  - a|");
  assert.equal(press(edits.indented, "a|", 1), "a|");
  assert.equal(press(edits.indented, "        - a|", 1), "        - a|");
});

test("what is cut across lines leaves the first line's kind and no prefix in the middle", () => {
  assert.equal(press(edits.cut, "# ab|c\n- d|e"), "# ab|e");
  assert.equal(press(edits.cut, "# |abc\n|- de"), "# |de");
});

test("a place stays left of what is written there, and falls to where all around it went", () => {
  assert.equal(moved(3, [{ at: 3, insert: "xx" }]), 3);
  assert.equal(moved(3, [{ at: 3, insert: "xx" }], "right"), 5);
  assert.equal(moved(3, [{ at: 1, delete: 5 }]), 1);
  assert.equal(moved(3, [{ at: 0, insert: "ab" }, { at: 4, delete: 1 }]), 4);
});

test("a difference is where the caret says it is", () => {
  assert.deepEqual(difference("aa", "aaa", 1), [{ at: 0, insert: "a" }]);
  assert.deepEqual(difference("aa", "aaa"), [{ at: 2, insert: "a" }]);
  assert.deepEqual(difference("same", "same"), []);
  assert.deepEqual(difference("😀", "😁"), [{ at: 0, delete: 2 }, { at: 0, insert: "😁" }]);
});

test("random edits of random texts keep lines, selections and texts sound", () => {
  const pieces = ["# ", "- ", "[ ] ", "- [xx] ", "> ", "1. ", "  ", "\n", "\n", "word", "é😀", "*", "[", "x] "];
  const actions = [
    (text, where, c) => edits.typed(text, where, c.pick(pieces)),
    edits.broken,
    edits.newline,
    edits.cut,
    edits.backspaced,
    edits.deletedForward,
    edits.tickToggled,
    (text, where, c) => edits.kindToggled(text, where, c.pick(["h1", "item", "number", "todo", "quote"])),
    (text, where, c) => edits.indented(text, where, c.pick([1, -1])),
    (text, where, c) => edits.ticked(text, c.below(6)),
  ];
  for (let seed = 0; seed < 3000; seed++) {
    const c = chance(seed);
    let text = Array.from({ length: c.below(12) }, () => c.pick(pieces)).join("");
    for (let step = 0; step < 6; step++) {
      const lines = linesOf(text);
      assert.equal(lines.map((line) => text.slice(line.start, line.end)).join("\n"), text);
      for (const [index, line] of lines.entries()) {
        assert.ok(line.start <= line.content && line.content <= line.end);
        assert.equal(lineIndexAt(lines, line.content), index);
        assert.deepEqual({ ...edits.lineNear(text, line.content), number: line.number }, line);
      }
      const place = () => {
        const line = c.pick(lines);
        return line.content + c.below(line.end - line.content + 1);
      };
      const edit = c.pick(actions)(text, [place(), place()], c);
      if (!edit) continue;
      const changed = patched(text, edit.patches);
      assert.notEqual(changed, null, `seed ${seed}`);
      const seen = patched(text, difference(text, changed, edit.select?.[1]));
      assert.equal(seen, changed);
      for (const spot of edit.select ?? []) assert.ok(spot >= 0 && spot <= changed.length, `seed ${seed}`);
      text = changed;
    }
  }
});

test("a prefix reads back as it was written", () => {
  for (const kind of ["text", "h1", "h2", "h3", "item", "number", "todo", "quote"]) {
    const [line] = linesOf(prefixOf(kind, 2, true) + "words");
    const level = ["item", "number", "todo"].includes(kind) ? 2 : 0;
    assert.deepEqual([line.kind, line.level, line.checked], [kind, level, kind === "todo"]);
  }
});
