/**
 * Which type a tag names: the only place that knows them all. Mirrors types/catalogue.py.
 *
 * Invariant: one instance a tag. A tag that is not here is `Opaque`: what arrives is kept.
 * Absent: trees and users' own types; `o`, maps and nested documents, which have no state.
 */

import { BoundedCounter } from "./bounded_counter.js";
import { ASK, MERGE } from "./concurrent_register.js";
import { AddWinsSet, GrowSet, RemoveWinsSet, TwoPhaseSet } from "./element_set.js";
import { DisableFlag, EnableFlag } from "./flags.js";
import { LAST_WRITER_WINS } from "./last_writer_wins.js";
import { LIST } from "./list.js";
import { Opaque } from "./opaque.js";
import { Counter, GrowCounter } from "./tally.js";
import { TEXT } from "./text.js";

/** @type {import("./graph_type.js").GraphType[]} */
const OURS = [
  new GrowCounter(), new Counter(), new BoundedCounter(),
  LAST_WRITER_WINS, MERGE, ASK,
  new EnableFlag(), new DisableFlag(),
  new GrowSet(), new TwoPhaseSet(), new AddWinsSet(), new RemoveWinsSet(),
  TEXT, LIST,
];

const types = new Map(OURS.map((type) => [type.tag, type]));

/** The type with this tag; an `Opaque` one if nobody knows it here. @param {string} tag */
export function typeOf(tag) {
  return types.get(tag) ?? new Opaque(tag);
}
