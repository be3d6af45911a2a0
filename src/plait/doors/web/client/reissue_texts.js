/**
 * Texts of an id that was given up: what they were before the lost edits, and carrying those over
 * into what others have made of them.
 *
 * Where only one side changed a stretch its change is taken. Where both wrote in one place both stay,
 * theirs first; a stretch that one side changed is not removed by the other. A simpler reading of
 * types/text/three_way.py: it need not come to the same, since only who lost something does it.
 *
 * Invariant: everything that was inserted is in the result, in its order. Positions are code points.
 */

import { edits } from "./text_diff.js";
import { Walker } from "./walker.js";

/** A text as of what a replica has seen. @param {any} state @param {import("./causality.js").Context} context */
export function textAt(state, context) {
  const version = state.versionAt(0n, context);
  if (version === null) return state.text();
  state.closeRun();
  state.thaw();
  const { graph, log } = state;
  const walker = new Walker(graph, log, graph.first, state.length);
  walker.move(version);
  const parts = [];
  let now = 0; // where the record is in the present
  for (const leaf of walker.records.leaves) {
    for (const record of leaf.records) {
      const size = walker.sizeOf(record);
      if (record.state === 1 && size > 0) {
        if (!record.gone) parts.push(state.slice(now, now + size));
        else if (record.id >= 0) {
          for (const run of log.runs(record.id, record.id + size)) parts.push(run.content ?? "");
        }
      }
      if (!record.gone) now += size;
    }
  }
  return parts.join("");
}

/**
 * Edits for `theirs`, one after the other, that bring in what made `mine` of `base`.
 * @returns {(number|string)[][]} [position, what is inserted or how many are deleted there]
 */
export function mergeEdits(base, mine, theirs) {
  const others = changes(base, theirs);
  const found = [];
  let added = 0; // by the edits so far
  for (const [start, stop, text] of changes(base, mine)) {
    const met = others.filter((other) => other[0] < stop && start < other[1]);
    if (others.some((other) => other[0] === start && other[1] === stop && other[2] === text)) continue;
    const at = moved(others, met.length ? Math.max(stop, ...met.map((other) => other[1])) : start);
    const gone = met.length ? 0 : stop - start;
    if (gone) found.push([at + added, gone]);
    if (text) found.push([at + added, text]);
    added += [...text].length - gone;
  }
  return found;
}

/** [start, stop, what is there instead] in places of the first text, ascending. */
function changes(old, text) {
  let shift = 0; // of what is new so far
  return edits(old, text).map(([pos, gone, come]) => {
    const start = pos - shift;
    shift += [...come].length - gone;
    return [start, start + gone, come];
  });
}

/** Where a place of the base is after changes; behind what was inserted there. */
function moved(others, place) {
  let shift = 0;
  for (const [start, stop, text] of others) {
    if (start > place || stop > place) break;
    shift += [...text].length - (stop - start);
  }
  return place + shift;
}
