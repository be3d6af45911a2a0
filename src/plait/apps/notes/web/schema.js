/**
 * What a note is: the same fields as in `model.py`, which says what they mean.
 *
 * Invariant: names and types are those that Python writes; whoever changes one changes both.
 */

import { addWinsSet, ask, flag, register, text } from "/client.js";

export const COLLECTION = "notes";

export const NOTE = {
  title: ask(),
  when: ask(), // the day it is about, "2026-05-17"
  body: text(),
  tags: addWinsSet(),
  pinned: flag(),
  made: register(), // milliseconds since 1970
  edited: register(),
};

/** Fields that ask, as people call them. */
export const ASKED = { title: "title", when: "date" };
