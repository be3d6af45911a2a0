// What the console makes of what nodes say: roles, who is behind, what hangs off, what changed.
import assert from "node:assert/strict";
import { test } from "node:test";

const web = new URL("../../src/plait/doors/web/console/", import.meta.url);
const { model, changes } = await import(new URL("model.js", web));
const format = await import(new URL("format.js", web));

function line(role, epoch, durable, committed, applied = committed) {
  return { role, epoch, durable, tail: durable, committed, applied, rule: "any:1", rule_in_force: "any:1" };
}

function node(name, lines, more = {}) {
  const members = { n1: "", n2: "", n3: "" };
  const links = Object.fromEntries(Object.keys(members).filter((one) => one !== name).map((one) => [one, true]));
  return { node: name, cluster: "demo", members, links, lines: { films: lines }, traffic: {}, documents: {}, tables: [{ name: "f", line: "films" }], ...more };
}

function three(one, two, three_) {
  return { nodes: { n1: one, n2: two, n3: three_ } };
}

test("who leads and who is behind is told by the newest epoch that anybody knows", () => {
  const told = model(three(node("n1", line("leader", "1.n1", 35, 30)), node("n2", line("leader", "2.n2", 60, 59)), node("n3", line("follower", "2.n2", 58, 50))), null, null, 1000);
  const rope = told.ropes[0];
  assert.equal(rope.leader, "n2");
  assert.equal(rope.committed, 59);
  const [deposed, leads, follows] = rope.strands;
  assert.deepEqual([deposed.leads, deposed.astray], [false, 5]);
  assert.deepEqual([leads.leads, leads.astray, leads.behind], [true, 0, 0]);
  assert.deepEqual([follows.behind, follows.astray], [9, 0]);
});

test("how long somebody is behind counts from when there was more than they have", () => {
  const at = (committed, applied, time, before) =>
    model(three(node("n1", line("leader", "1.n1", committed, committed)), node("n2", line("follower", "1.n1", applied, applied)), node("n3", line("follower", "1.n1", committed, committed))), null, before, time);
  let now = at(10, 10, 1000, null);
  now = at(20, 10, 2000, now);
  now = at(30, 10, 5000, now);
  assert.equal(now.ropes[0].strands[1].seconds, 3);
  now = at(30, 30, 6000, now);
  assert.equal(now.ropes[0].strands[1].seconds, 0);
});

test("what both sides of a cut have is what each author's part is everywhere", () => {
  const graph = (frontier) => ({ documents: { notes: { events: Object.values(frontier).reduce((a, b) => a + b, 0), frontier, documents: 1 } }, lines: {} });
  const told = model(three(node("n1", {}, graph({ a: 10, b: 4 })), node("n2", {}, graph({ a: 7, b: 9 })), node("n3", {}, graph({ a: 7, b: 9 }))), null, null, 0);
  const rope = told.ropes.find((one) => one.kind === "graph");
  assert.equal(rope.committed, 11);
  assert.equal(rope.head, 19);
  assert.deepEqual(rope.strands.map((one) => one.behind), [5, 3, 3]);
});

test("a node that says nothing is silent, and leads nothing", () => {
  const silent = { ...node("n1", line("leader", "1.n1", 5, 5)), age_s: 4 };
  const told = model(three(silent, node("n2", line("follower", "1.n1", 5, 5)), { error: "gone" }), null, null, 0);
  assert.deepEqual(told.nodes.map((one) => one.state), ["silent", "up", "silent"]);
  assert.equal(told.ropes[0].leader, null);
  assert.ok(told.links.every((link) => !link.up));
});

test("what changes is said in words, and nothing is where nothing does", () => {
  const calm = three(node("n1", line("leader", "1.n1", 5, 5)), node("n2", line("follower", "1.n1", 5, 5)), node("n3", line("follower", "1.n1", 5, 5)));
  const before = model(calm, null, null, 0);
  assert.deepEqual(changes(before, model(calm, null, before, 500)), []);
  const after = three({ ...calm.nodes.n1, age_s: 9 }, node("n2", line("leader", "2.n2", 6, 6)), node("n3", line("follower", "2.n2", 6, 6)));
  const said = changes(before, model(after, null, before, 1000)).map((one) => one.text).join("\n");
  assert.match(said, /n1: it does not answer/);
  assert.match(said, /n2 leads films, epoch 2.n2/);
});

test("a link between nodes that were not heard of yet has not changed when they are", () => {
  const one = node("n1", line("leader", "1.n1", 5, 5), { links: { n2: true } });
  const other = node("n2", line("follower", "1.n1", 5, 5), { links: { n1: true } });
  const early = model({ nodes: { n1: one, n2: {} } }, null, null, 0);
  const before = model({ nodes: { n1: one, n2: other } }, null, early, 500);
  assert.deepEqual(changes(early, before), []);
  const after = model({ nodes: { n1: one, n2: { ...other, links: { n1: false } } } }, null, before, 1000);
  assert.deepEqual(changes(before, after).map((one) => one.text), ["n1 and n2 do not hear each other"]);
});

test("whatever a status holds, a model comes out", () => {
  let seed = 7;
  const chance = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const junk = [null, undefined, 0, -1, "x", [], {}, true, { error: "x" }, Number.NaN];
  const pick = () => junk[Math.floor(chance() * junk.length)];
  let before = null;
  for (let round = 0; round < 400; round++) {
    const one = node("n1", line(pick(), pick(), pick(), pick(), pick()), { age_s: pick(), uptime_s: pick() });
    for (const name of Object.keys(one)) if (chance() < 0.1 && name !== "members") one[name] = pick() ?? {};
    before = model({ nodes: { n1: one, n2: pick() ?? {} } }, null, chance() < 0.2 ? null : before, round * 500);
    assert.ok(before.nodes.length >= 1);
  }
  assert.equal(model(null, null, null, 0).nodes.length, 0);
});

test("figures are for people", () => {
  assert.deepEqual([0, 9.94, 950, 1200, 45_000, 2_300_000].map(format.short), ["0", "9.9", "950", "1.2 k", "45 k", "2.3 M"]);
  assert.deepEqual([0.0031, 1.25, 45, 600, -1, Number.NaN].map(format.seconds), ["3 ms", "1.3 s", "45 s", "10 min", "?", "?"]);
  assert.equal(format.amount(1, "entry", "entries"), "1 entry");
});
