// Random histories that browser replicas write, for Python to follow. Arguments: first seed, count.
// Standard output: MessagePack of [[seed, pack, [rolling hash by author], documents]…].

import { vectorOf } from "../../src/plait/doors/web/client/causality.js";
import { compareStrings, encode } from "../../src/plait/doors/web/client/codec.js";
import * as plait from "../../src/plait/doors/web/client.js";
import { GENESIS, digestOf, encodePack } from "../../src/plait/doors/web/client/event.js";
import { LocalReplica } from "./local_replica.mjs";

const [first, count] = process.argv.slice(2).map(Number);
const IDS = [5n, 1n << 40n, (1n << 62n) + 9n];
const KEYS = ["a", "b\u0000c", "\u{1f600}", "\uffff"];

/** Numbers from a seed: mulberry32. */
function chance(seed) {
  let state = seed * 2654435761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const { register, ask, merge, counter, growCounter, boundedCounter, flag, disableFlag } = plait;
const { addWinsSet, removeWinsSet, growSet, twoPhaseSet, map, nested, json, text, list, Float } = plait;
const schema = () => ({
  title: register(), when: ask(), plan: merge(), likes: counter(), views: growCounter(), stock: boundedCounter(),
  done: flag(), shown: disableFlag(), tags: addWinsSet(), bans: removeWinsSet(), seen: growSet(), gone: twoPhaseSet(),
  props: map(register()), counts: map(counter()), meta: nested({ n: counter(), q: ask(), deep: map(map(addWinsSet())) }), data: json(),
  body: text(), items: list(), tasks: list(nested({ what: register(), n: counter() })),
});

const VALUES = [
  0, 1, -1, 2 ** 40, -(2 ** 52), 1.5, new Float(1), new Float(-0), NaN, Infinity, 1e300, 2n ** 63n, "", "a", "é\u{1f600}\ufeff",
  true, null, new Uint8Array([0, 255]), [], [1, ["x"]], { b: 1, a: { 2: 1, 1: 2 } }, {}, new Map([["k", [new Float(3)]]]), "x".repeat(300),
];
const ELEMENTS = ["a", "b", 1, new Float(1), true, null, ["a", new Uint8Array([98])], []];

function edit(notes, random) {
  const pick = (all) => all[Math.floor(random() * all.length)];
  const note = notes.get(pick(KEYS));
  const set = () => pick([note.tags, note.bans, note.seen, note.gone, note.meta.deep.get("x").get("y")]);
  pick([
    () => (note.title = pick(VALUES)),
    () => (note.when = pick(VALUES)),
    () => (note.plan = pick(VALUES)),
    () => (note.meta.q = pick(VALUES)),
    () => note.likes.increment(pick([1, 2, -3, 0])),
    () => note.likes.reset(),
    () => note.views.increment(pick([1, 2])),
    () => note.stock.increment(pick([1, 2])),
    () => note.stock.decrement(1),
    () => (note.done = random() < 0.5),
    () => (note.shown = random() < 0.5),
    () => set().add(pick(ELEMENTS)),
    () => set().delete(pick(ELEMENTS)),
    () => note.tags.clear(),
    () => note.props.set(pick(["x", "y"]), pick(VALUES)),
    () => note.props.delete(pick(["x", "y"])),
    () => note.counts.get(pick(["x", "y"])).increment(),
    () => note.counts.delete("x"),
    () => note.data.set(pick(["x", "y"]), pick(["x", "y"]), pick([1, { z: 1 }, "leaf"])),
    () => note.data.delete(pick(["x", "y"])),
    () => notes.delete(note.key),
    ...["", "", "", ""].map(() => () => type(note, random, pick)),
    ...["", ""].map(() => () => arrange(note, random, pick)),
    () => notes.undo(),
    () => notes.redo(),
    () => notes.conflicts().forEach((one) => one.resolve(one.siblings[0].value)),
    () => notes.change(() => [0, 1, 2].forEach(() => edit(notes, random))),
  ])();
}

/** Positions here are UTF-16; nothing is cut within a pair. */
function type({ body }, random, pick) {
  const units = body.toString();
  const places = [...Array(units.length + 1).keys()].filter((at) => !(at && /[\ud800-\udbff]/.test(units[at - 1])));
  const [one, other] = [pick(places), pick(places)].sort((a, b) => a - b);
  pick([
    () => body.insert(one, pick(["a", "hello ", "é", "\u{1f600}", "\n"])),
    () => body.insert(one, pick(["a", "hello ", "\u{1f680}x"])),
    () => body.delete(one, other - one),
    () => body.replace(one, other, pick(["x", "", "\u{1f600}\u{1f600}"])),
    () => body.applyDiff(units.slice(0, one) + pick(["+", "\u{1f601}"]) + units.slice(other)),
    () => body.mark(one, other, "bold", pick([true, "x"])),
    () => body.unmark(one, other, "bold"),
  ])();
}

function arrange({ items, tasks }, random, pick) {
  const at = (list_) => Math.floor(random() * list_.length);
  pick([
    () => items.insert(at(items), pick(VALUES)),
    () => items.push(pick(VALUES), pick(VALUES)),
    () => items.length && items.delete(at(items)),
    () => items.length && items.move(at(items), at(items)),
    () => items.length && items.set(at(items), pick(VALUES)),
    () => tasks.push({ what: pick(["a", "b"]) }),
    () => tasks.length && tasks.get(at(tasks)).n.increment(),
    () => tasks.length && (tasks.get(at(tasks)).what = pick(VALUES)),
    () => tasks.length && tasks.delete(at(tasks)),
    () => tasks.length && tasks.move(at(tasks), at(tasks)),
  ])();
}

async function history(seed) {
  const random = chance(seed);
  const replicas = IDS.map((id) => new LocalReplica(id));
  const all = replicas.map((replica) => new plait.Documents(replica, schema()));
  for (let step = 0; step < 60; step++) {
    const at = Math.floor(random() * all.length);
    try {
      edit(all[at], random);
    } catch (error) {
      if (!(error instanceof plait.PlaitError)) throw error;
    }
    if (random() < 0.3) await null; // steps of undo end with the tick
    if (random() < 0.3) replicas[at].hear(replicas[Math.floor(random() * all.length)]);
  }
  for (const one of replicas) for (const other of replicas) one.hear(other);
  for (const one of replicas) for (const other of replicas) one.hear(other);
  const digests = new Map();
  const log = replicas[0].log;
  for (const batch of log) digests.set(batch.replica, digestOf(digests.get(batch.replica) ?? GENESIS, batch));
  const cuts = [vectorOf([]), replicas[0].vector];
  const same = replicas.every((one) => cuts.every((cut) => Buffer.compare(one.shelf.canonical(cut), replicas[0].shelf.canonical(cut)) === 0));
  if (!same) throw new Error(`seed ${seed}: the replicas differ`);
  const images = cuts.map((cut) => KEYS.slice().sort(compareStrings).map((key) => encode(replicas[0].shelf.image(key, cut))));
  return [seed, encodePack(log), [...digests], images, cuts.map((cut) => replicas[0].shelf.canonical(cut)), replicas[0].keys()];
}

const histories = [];
for (let seed = first; seed < first + count; seed++) histories.push(await history(seed));
process.stdout.write(encode(histories));
