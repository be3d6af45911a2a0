// Follows recordings of Python's shelves (`shelf_recording.py`) on shelves of the browser replica.
// Standard input: MessagePack of [[seed, [replica ids, steps]]…]. Output: JSON, what was not the same.

import { decode, encode, sameBytes } from "../../src/plait/doors/web/client/codec.js";
import { NOTHING, vectorOf } from "../../src/plait/doors/web/client/causality.js";
import { CLEAR, Event, Op, bigOf } from "../../src/plait/doors/web/client/event.js";
import { Shelf } from "../../src/plait/doors/web/client/shelf.js";
import { given } from "../../src/plait/doors/web/client/plain.js";
import { typeOf } from "../../src/plait/doors/web/client/catalogue.js";
import { TEXT } from "../../src/plait/doors/web/client/text.js";
import { tagOf } from "../../src/plait/doors/web/client/paths.js";

const MISMATCHES_MAX = 5;
const PLSQ = new TextEncoder().encode("PLSQ"); // how the bytes of a text begin

const vector = (pairs) => vectorOf(pairs.map(([replica, seq]) => [bigOf(replica), seq]));
const opOf = ([key, path, body, kind]) => new Op(key, path, body, kind);
const byBytes = (one, other) => Buffer.compare(encode(one), encode(other));
/** What a clear says of several objects has no order of its own. */
const opData = ({ key, path, body, kind }) => [key, path, kind === CLEAR && body ? [...body].sort(byBytes) : body, kind];
const fragmentOf = ([key, path, whole, data]) => ({ key, path, whole, data });
const fragmentData = (one) => [one.key, one.path, one.whole, one.data];
const eventOf = ([replica, seq, hlc, context, who, message]) =>
  new Event(bigOf(replica), seq, bigOf(hlc), vector(context), who, message);

/** Without what each language packs in its own way: texts as bytes. */
function alike(value) {
  if (Array.isArray(value)) return value.map(alike);
  const isText = value instanceof Uint8Array && sameBytes(value.subarray(0, 4), PLSQ);
  return isText ? TEXT.canonical(TEXT.load(value), NOTHING) : value;
}

function mutationOf([name, ...rest]) {
  if (name === "restore") rest[0] = [bigOf(rest[0][0]), rest[0][1]];
  return [name, ...rest];
}

function attempt(act) {
  try {
    return encode(act().map(opData));
  } catch (error) {
    if (!error.code) throw error;
    return error.code;
  }
}

const acts = {
  prepare(shelf, key, path, mutation, replica, context) {
    const here = { replica: bigOf(replica), context: vector(context) };
    return attempt(() => shelf.prepare(key, path, mutationOf(mutation), here, () => {}));
  },
  prepareClear: (shelf, key, path) => attempt(() => shelf.prepareClear(key, path)),
  prepareDelete: (shelf, key) => attempt(() => shelf.prepareDelete(key)),
  apply: (shelf, op, event) => void shelf.apply(opOf(op), eventOf(event)),
  delta: (shelf, events) =>
    encode(alike([...shelf.delta(events.map(([op, [r, s]]) => [opOf(op), [bigOf(r), s]]))].map(fragmentData))),
  state: (shelf) => encode(alike([...shelf.state()].map(fragmentData))),
  join: (shelf, fragments, mine, theirs, whole) =>
    void shelf.join(fragments.map(fragmentOf), vector(mine), vector(theirs), whole),
  fold: (shelf, cut) => void shelf.fold(vector(cut)),
  mark: (shelf) => void shelf.mark(),
  rollback: (shelf) => void shelf.rollback(),
  canonical: (shelf, cut) => shelf.canonical(vector(cut)),
  keys: (shelf) => shelf.keys(),
  count: (shelf) => shelf.count(),
  image: (shelf, key, cut) => encode(shelf.image(key, vector(cut))),
  children: (shelf, key, path) => shelf.children(key, path),
  value(shelf, key, path) {
    const type = typeOf(tagOf(path.at(-1)));
    return given(type.value(shelf.object(key, path) ?? type.zero()));
  },
  siblings(shelf, key, path) {
    const type = typeOf(tagOf(path.at(-1)));
    const state = shelf.object(key, path) ?? type.zero();
    const { base, heads, shown } = type.siblings(state);
    const conflict = type.conflict(state) !== null;
    return [base, heads.map(({ dot, hlc, value }) => [dot, hlc, value]), shown, conflict];
  },
};

function show(value) {
  if (value instanceof Uint8Array) {
    try {
      return show(decode(value));
    } catch {
      return Buffer.from(value).toString("hex");
    }
  }
  return JSON.stringify(value, (_, item) => {
    if (typeof item === "bigint") return `${item}n`;
    if (item instanceof Map) return { map: [...item] };
    return item instanceof Uint8Array ? Buffer.from(item).toString("hex") : item;
  })?.slice(0, 3000);
}

function follow(seed, [ids, steps], observed) {
  const shelves = new Map();
  const watch = (shelf) => {
    if (!observed) return;
    shelf.observer = () => {};
    shelf.joinObserver = () => {};
  };
  for (let number = 0; number < steps.length; number++) {
    const [replica, name, args, answer] = steps[number];
    let shelf = shelves.get(replica);
    if (!shelf) shelves.set(replica, (shelf = new Shelf()));
    watch(shelf);
    if (name === "restart") {
      const again = new Shelf();
      const kept = decode(encode([...shelf.state()].map(fragmentData)));
      again.join(kept.map(fragmentOf), NOTHING, vector(args[0]), true);
      shelves.set(replica, again);
      continue;
    }
    let found;
    try {
      found = acts[name](shelf, ...args) ?? null;
    } catch (error) {
      found = `${error.stack}`;
    }
    const same =
      (answer === null && (name === "state" || name === "delta")) ||
      (answer instanceof Uint8Array && found instanceof Uint8Array
        ? sameBytes(answer, found)
        : sameBytes(encode(toStored(answer)), encode(toStored(found))));
    if (!same)
      return { seed, number, name, replica, args: show(args), python: show(answer), javascript: found instanceof Uint8Array || typeof found !== "string" ? show(found) : found };
  }
  return null;
}

/** Plain objects, with keys in one order, and maps as them. */
function toStored(value) {
  if (Array.isArray(value)) return value.map(toStored);
  const entries = value instanceof Map ? [...value] : value?.constructor === Object ? Object.entries(value) : null;
  if (!entries) return value;
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, toStored(item)]));
}

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const recordings = decode(new Uint8Array(Buffer.concat(chunks)));
const mismatches = [];
for (const [seed, recording] of recordings) {
  const found = follow(seed, recording, seed % 2 === 0);
  if (found) mismatches.push(found);
  if (mismatches.length >= MISMATCHES_MAX) break;
}
process.stdout.write(JSON.stringify({ count: recordings.length, mismatches }, null, 1));
