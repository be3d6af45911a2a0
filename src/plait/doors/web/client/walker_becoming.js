// What happens to the items when a sequence takes another's place that knows all of its history.
//
// Items are the same where the same event inserted them. So nothing is compared: the other is looked at
// from the version that the first one was, and every item says whether it was there and is there.
//
// Invariant: the steps, [position, deleted, or else inserted], done one after the other, lead from the
// one to the other; an item that both have is in none of them.

import { Walker } from "./walker.js";

/** The steps from a version of a sequence, in which it had so many items, to its present; null if it
 * had not, so that it must be another one. */
export function stepsFrom(version, length, other) {
  const graph = other.graph;
  const walker = new Walker(graph, other.log, graph.critical(graph.unseen(version)), other.length);
  walker.move(version);
  if (walker.length() !== length) return null;
  const steps = [];
  let at = 0;
  for (const leaf of walker.records.leaves) {
    for (const record of leaf.records) {
      const size = walker.sizeOf(record);
      if (record.gone) {
        if (record.state === 1 && size) remove(steps, at, size);
        continue;
      }
      if (record.state !== 1 && size) insert(steps, at, size);
      at += size;
    }
  }
  return steps;
}

function remove(steps, at, size) {
  const last = steps[steps.length - 1];
  if (last && last[0] === at && last[1]) last[1] += size;
  else steps.push([at, size, 0]);
}

function insert(steps, at, size) {
  const last = steps[steps.length - 1];
  if (last && last[2] && last[0] + last[2] === at) last[2] += size;
  else steps.push([at, 0, size]);
}
