// What a browser replica keeps of objects whose type it does not know. Standard input: MessagePack of
// [[operations with their events, vector]…]; output: of each the fragments of the state, after it was
// saved and read again.

import { NOTHING, vectorOf } from "../../src/plait/doors/web/client/causality.js";
import { decode, encode } from "../../src/plait/doors/web/client/codec.js";
import { Event, Op, bigOf } from "../../src/plait/doors/web/client/event.js";
import { Shelf } from "../../src/plait/doors/web/client/shelf.js";

const vector = (pairs) => vectorOf(pairs.map(([replica, seq]) => [bigOf(replica), seq]));
const eventOf = ([replica, seq, hlc, context]) => new Event(bigOf(replica), seq, bigOf(hlc), vector(context));
const told = (shelf) => [...shelf.state()].map((one) => [one.key, one.path, one.whole, one.data]);

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const states = decode(new Uint8Array(Buffer.concat(chunks))).map(([steps, seen]) => {
  const shelf = new Shelf();
  for (const [[key, path, body, kind], event] of steps) shelf.apply(new Op(key, path, body, kind), eventOf(event));
  const saved = decode(encode(told(shelf)));
  const again = new Shelf();
  again.join(saved.map(([key, path, whole, data]) => ({ key, path, whole, data })), NOTHING, vector(seen), true);
  return told(again);
});
process.stdout.write(encode(states));
