// Graph types of the browser replica, driven from Python: frames of MessagePack on stdin and stdout.
//
// A request is [method, type's tag, arguments]; an answer is [true, what it gave] or [false, the error's
// code, message]. States and drafts stay here: they are numbers outside.

import { decode, encode } from "../../src/plait/doors/web/client/codec.js";
import { typeOf } from "../../src/plait/doors/web/client/catalogue.js";
import { Event } from "../../src/plait/doors/web/client/event.js";
import { PlaitError } from "../../src/plait/doors/web/client/errors.js";

const held = new Map();
let last = 0;

function hold(thing) {
  held.set(++last, thing);
  return last;
}

const vector = (pairs) => new Map(pairs.map(([replica, seq]) => [BigInt(replica), seq]));
const eventOf = ([replica, seq, hlc, context]) => new Event(BigInt(replica), seq, BigInt(hlc), vector(context));
const hereOf = ([replica, context]) => ({ replica: BigInt(replica), context: vector(context) });

const METHODS = {
  zero: (type) => hold(type.zero()),
  drop: (_, numbers) => numbers.forEach((number) => held.delete(number)),
  copy: (_, state) => hold(cloned(held.get(state), new Map())),
  prepare: (type, state, mutation, here) => {
    const body = type.prepare(held.get(state), mutation, hereOf(here));
    return body === undefined ? null : body;
  },
  apply: (type, state, body, event) => type.apply(held.get(state), body, eventOf(event)),
  patches: (type, state, body, event) => {
    const told = type.watching(held.get(state), () => type.apply(held.get(state), body, eventOf(event)));
    return told.map((patch) => (Array.isArray(patch) ? patch : { ...patch }));
  },
  clear: (type, state, event) => type.clear(held.get(state), eventOf(event)),
  join: (type, state, data, mine, theirs, whole) =>
    type.join(held.get(state), data, vector(mine), vector(theirs), whole),
  delta: (type, state, slots) => type.delta(held.get(state), slots),
  value: (type, state) => type.value(held.get(state)),
  image: (type, state) => type.image(held.get(state)),
  fold: (type, state, cut) => type.fold(held.get(state), vector(cut)),
  slots: (type, body, dot) => type.eventSlots(body, [BigInt(dot[0]), dot[1]]),
  encode: (type, state) => type.encode(held.get(state)),
  decode: (type, data) => hold(type.decode(data)),
  canonical: (type, state, cut) => type.canonical(held.get(state), vector(cut)),
  mark: (type, state) => hold(type.mark(held.get(state))),
  rollback: (type, state, mark) => hold(type.rollback(held.get(state), held.get(mark))),
  keep: (type, state, mark) => type.keep(held.get(state), held.get(mark)),
  anchor: (_, state, pos, left) => held.get(state).anchor(pos, left),
  locate: (_, state, anchor) => held.get(state).locate(anchor),
  hold: (_, mutation) => hold(mutation),
  before: (type, state, mutation, dot) => {
    const note = type.before(held.get(state), held.get(mutation), [BigInt(dot[0]), dot[1]]);
    return note === null ? null : hold(note);
  },
  takingBack: (type, note, mutation, dot) => {
    const inverse = type.takingBack(held.get(note), held.get(mutation), [BigInt(dot[0]), dot[1]]);
    return inverse === null ? null : hold(inverse);
  },
  prepareHeld: (type, state, mutation, here) => type.prepare(held.get(state), held.get(mutation), hereOf(here)) ?? null,
};

/** Everything anew, as it is. */
function cloned(thing, known) {
  if (typeof thing !== "object" || thing === null) return thing;
  if (known.has(thing)) return known.get(thing);
  if (thing instanceof Set) return new Set(thing);
  const made = Array.isArray(thing) ? [] : thing instanceof Map ? new Map() : Object.create(Object.getPrototypeOf(thing));
  if (thing instanceof Uint8Array) return thing.slice();
  known.set(thing, made);
  if (thing instanceof Map) for (const [key, value] of thing) made.set(cloned(key, known), cloned(value, known));
  else for (const name of Object.keys(thing)) made[name] = cloned(thing[name], known);
  return made;
}

function answer(frame) {
  const [method, tag, given] = decode(frame);
  try {
    return encode([true, METHODS[method](typeOf(tag), ...given) ?? null]);
  } catch (error) {
    return encode([false, error instanceof PlaitError ? error.code : "", `${error.stack}`]);
  }
}

let waiting = Buffer.alloc(0);
process.stdin.on("data", (chunk) => {
  waiting = waiting.length ? Buffer.concat([waiting, chunk]) : chunk;
  while (waiting.length >= 4 && waiting.length >= 4 + waiting.readUInt32BE(0)) {
    const size = waiting.readUInt32BE(0);
    const data = answer(new Uint8Array(waiting.subarray(4, 4 + size)));
    waiting = waiting.subarray(4 + size);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    process.stdout.write(Buffer.concat([head, data]));
  }
});
