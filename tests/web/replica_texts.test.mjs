// What was lost of a text is carried over into what others have made of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeEdits } from "../../src/plait/doors/web/client/reissue_texts.js";

const WORDS = ["one ", "two ", "é🙂 ", "x", "long word ", "\n"];

function chanceOf(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function changed(text, chance) {
  const points = [...text];
  for (let edits = 1 + chance(3); edits > 0; edits -= 1) {
    const at = chance(points.length + 1);
    if (chance(2)) points.splice(at, 0, ...WORDS[chance(WORDS.length)]);
    else points.splice(at, chance(6));
  }
  return points.join("");
}

function applied(text, edits) {
  const points = [...text];
  for (const [at, what] of edits) {
    if (typeof what === "number") assert.equal(points.splice(at, what).length, what);
    else {
      assert.ok(at <= points.length);
      points.splice(at, 0, ...what);
    }
  }
  return points.join("");
}

test("edits fit, one side's alone are taken, equal ones count once", () => {
  const chance = chanceOf(20261122);
  for (let turn = 0; turn < 5000; turn += 1) {
    let base = "";
    for (let words = chance(12); words > 0; words -= 1) base += WORDS[chance(WORDS.length)];
    const [mine, theirs] = [changed(base, chance), changed(base, chance)];
    applied(theirs, mergeEdits(base, mine, theirs));
    assert.equal(applied(base, mergeEdits(base, mine, base)), mine);
    assert.equal(applied(theirs, mergeEdits(base, base, theirs)), theirs);
    assert.equal(applied(mine, mergeEdits(base, mine, mine)), mine);
  }
});

test("what both wrote in one place stays, theirs first", () => {
  assert.equal(applied("a B c", mergeEdits("a c", "a M c", "a B c")), "a B M c");
});
