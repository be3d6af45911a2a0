// Event graphs of texts, fed to the browser's text in the orders that Python says.
// Standard input: MessagePack of [[name, events, orders, whole, text, spans or null]…], an event being
// [author, number, edits, indexes of parents]. Output: JSON, what was not the same.

import { decode, encode, sameBytes } from "../../src/plait/doors/web/client/codec.js";
import { MarkedText } from "../../src/plait/doors/web/client/text_marked.js";
import { Rope } from "../../src/plait/doors/web/client/text_rope.js";
import { TextState } from "../../src/plait/doors/web/client/text_state.js";
import { OpLog } from "../../src/plait/doors/web/client/walker_log.js";
import { Records } from "../../src/plait/doors/web/client/walker_records.js";
import { EditableSequence } from "../../src/plait/doors/web/client/walker_sequence.js";
import { Trail } from "../../src/plait/doors/web/client/walker_trail.js";

const authorOf = (name) => (typeof name === "string" ? name : BigInt(name));

function fed(events, order, whole, kind) {
  const state = new TextState();
  const told = new Rope();
  state.observer = (pos, gone, content) => (gone ? told.delete(pos, gone) : told.insert(pos, content));
  if (kind % 2) state.trail = new Trail();
  const lasts = new Map();
  order.forEach((index, step) => {
    const [name, seq, edits, parents] = events[index];
    if (kind > 1 && step % 3 === 1) draft(state);
    const version = parents.map((parent) => lasts.get(parent)).sort((a, b) => a - b);
    lasts.set(index, state.add(authorOf(name), seq, edits, version, whole));
    if (kind > 1 && step % 5 === 0) state.spans();
  });
  state.closeRun();
  if (told.text() !== state.text()) throw new Error(`the patches make ${told.text()} of ${state.text()}`);
  if (told.units !== state.items.units || told.length !== state.length) throw new Error("a rope has miscounted");
  return state;
}

/** Something that never happened. */
function draft(state) {
  state.closeRun();
  const told = state.observer;
  state.observer = null;
  const mark = state.beginDraft();
  state.add("draft", 1, [0, "drafted😀", 2, [4, "bold", "draft", "both"], 1, 2], null, true);
  state.spans();
  state.discardDraft(mark);
  state.observer = told;
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const [small, cases] = decode(new Uint8Array(Buffer.concat(chunks)));
if (small) {
  Records.leafMax = 3;
  OpLog.contentMax = 5;
  EditableSequence.keepWarm = 2;
  EditableSequence.keepWarmFactor = 0;
}
const mismatches = [];
for (const [name, events, orders, whole, text, spans] of cases) {
  orders.forEach((order, kind) => {
    try {
      const state = fed(events, order, whole, kind);
      if (state.text() !== text) mismatches.push([name, kind, state.text(), text]);
      if (spans === null) return;
      if (!sameBytes(encode(state.spans()), encode(spans))) mismatches.push([name, kind, `${encode(state.spans())}`, `${encode(spans)}`]);
      state.marks = new MarkedText(new TextState().marked()); // found anew, from the beginning
      if (!sameBytes(encode(state.spans()), encode(spans))) mismatches.push([name, kind, "anew"]);
    } catch (error) {
      mismatches.push([name, kind, error.stack]);
    }
  });
  if (mismatches.length > 4) break;
}
process.stdout.write(JSON.stringify({ count: cases.length, mismatches }));
