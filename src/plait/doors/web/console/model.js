/* What the nodes say, put together as the console shows it. Pure: a status and the model before it
 * give the next model.
 * Invariant: a line's committed position is that of the newest epoch that anybody knows of; what a
 * node with an older epoch has beyond its own commit is `astray`, not ahead.
 * Absent: time; who calls says when it is. */

/** @typedef {{node: string, dye: number, role: string, epoch: string, leads: boolean, durable: number,
 *   applied: number, committed: number, astray: number, behind: number, seconds: number, silent: boolean}} Strand */
/** @typedef {{name: string, kind: "line"|"graph", collections: string[], rule: string, leader: string|null,
 *   epoch: string, committed: number, head: number, rate: number, strands: Strand[], note: string,
 *   trail: [number, number][]}} Rope */
/** @typedef {{name: string, dye: number, state: string, why: string, age: number, leads: string[], status: any,
 *   links: Record<string, boolean|string>}} NodeView */
/** @typedef {{a: string, b: string, up: boolean, known: boolean, cut: boolean, delay: number, rates: [number, number]}} LinkView */
/** @typedef {{at: number, cluster: string, nodes: NodeView[], links: LinkView[], ropes: Rope[],
 *   rate: number, traffic: Record<string, number>}} Model */

const SILENT_S = 2; // a status older than that is a node that does not answer
const TRAIL = 600; // how often a position is remembered
const CALM = 0.35; // of a new rate in the smoothed one

/**
 * @param {any} status `{"nodes": {...}}`
 * @param {any} world the demo's, or null
 * @param {Model|null} before
 * @param {number} at milliseconds
 * @returns {Model}
 */
export function model(status, world, before, at) {
  const told = Object.fromEntries(Object.entries(object(status?.nodes)).map(([name, one]) => [name, sane(one)]));
  const names = nodeNames(told, before);
  const nodes = names.map((name, dye) => nodeView(name, dye, told[name] ?? sane({}), world));
  const ropes = [...lineRopes(nodes), ...graphRopes(nodes)];
  const passed = before ? (at - before.at) / 1000 : 0;
  for (const rope of ropes) {
    const was = before?.ropes.find((one) => one.name === rope.name && one.kind === rope.kind);
    rope.rate = was && passed > 0 ? smooth(was.rate, Math.max(0, rope.head - was.head) / passed) : 0;
    keepTrail(rope, was, at);
  }
  const traffic = trafficOf(nodes);
  const cluster = nodes.map((node) => node.status.cluster).find(Boolean) ?? before?.cluster ?? "";
  return {
    at, cluster, nodes, ropes, traffic,
    links: linkViews(nodes, world, traffic, before, passed),
    rate: ropes.reduce((sum, rope) => sum + rope.rate, 0),
  };
}

/** A value if it is an object, else an empty one. @returns {Record<string, any>} */
function object(value) {
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}

function finite(value) {
  return Number.isFinite(value) ? value : 0;
}

/** What a node said, in the shape that the rest counts on: a node of another version may say less. */
function sane(one) {
  const said = { ...object(one) };
  for (const part of ["lines", "documents", "members", "links", "traffic", "doors"]) said[part] = object(said[part]);
  said.tables = (Array.isArray(said.tables) ? said.tables : []).map(object);
  said.age_s = finite(said.age_s);
  said.uptime_s = finite(said.uptime_s);
  said.lines = Object.fromEntries(Object.entries(said.lines).filter(([, line]) => Number.isFinite(line?.committed)).map(([name, line]) =>
    [name, { ...line, epoch: String(line.epoch ?? ""), durable: finite(line.durable ?? line.tail), applied: finite(line.applied) }]));
  said.documents = Object.fromEntries(Object.entries(said.documents).map(([name, graph]) => [name, object(graph)]));
  return said;
}

/** How long each replica has been behind: since there was first more than it has. What was so before
 * anybody looked is not known, and counts from then on. */
function keepTrail(rope, was, at) {
  const goal = rope.kind === "line" ? rope.committed : rope.head;
  rope.trail = [...(was?.trail ?? []), [at, goal]].slice(-TRAIL);
  for (const strand of rope.strands) {
    if (!strand.behind) continue;
    const first = rope.trail.find(([, then]) => then > strand.applied);
    strand.seconds = first ? Math.max(strand.silent ? strand.seconds : 0, (at - first[0]) / 1000) : 0;
  }
}

function smooth(was, now) {
  const next = was + (now - was) * CALM;
  return next < 0.05 ? 0 : next;
}

function nodeNames(told, before) {
  const names = new Set([...Object.keys(told), ...(before?.nodes.map((node) => node.name) ?? [])]);
  for (const status of Object.values(told)) {
    for (const name of Object.keys(status.members)) names.add(name);
  }
  const gone = (name) => !(name in told) && !Object.values(told).some((one) => name in one.members);
  return [...names].filter((name) => !gone(name)).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

function nodeView(name, dye, status, world) {
  const process = world?.nodes?.[name]?.state;
  const age = status.age_s ?? 0;
  let [state, why] = ["up", ""];
  if (!status.node && !status.error) [state, why] = ["unknown", "nothing was heard of it yet"];
  if (status.error) [state, why] = ["silent", `it does not answer: ${String(status.error).split(" (")[0]}`];
  else if (age > SILENT_S) [state, why] = ["silent", "it does not answer"];
  else if (status.suspect) [state, why] = ["ill", `its log is suspect: ${status.suspect}`];
  else if (status.diverged) [state, why] = ["ill", "its state differs from the others'"];
  else if (status.read_only) [state, why] = ["ill", `read only: ${status.read_only}`];
  if (process && process !== "up") [state, why] = [process, { paused: "stopped with SIGSTOP", dead: "killed with SIGKILL", starting: "starting" }[process] ?? ""];
  const alive = state === "up" || state === "ill";
  const leads = alive ? Object.entries(status.lines ?? {}).filter(([, line]) => line.role === "leader").map(([line]) => line) : [];
  return { name, dye: dye % 7, state, why, age, leads, status, links: status.links ?? {} };
}

/** "12.n3" is newer than "2.n1". @param {string} epoch */
function ordinal(epoch) {
  return Number.parseInt(epoch, 10) || 0;
}

function lineRopes(nodes) {
  const names = new Set(nodes.flatMap((node) => Object.keys(node.status.lines ?? {})));
  const ropes = [...names].map((name) => lineRope(name, nodes)).filter((rope) => rope.strands.length);
  const last = (rope) => (rope.name === "control" ? 1 : 0);
  return ropes.sort((a, b) => last(a) - last(b) || a.name.localeCompare(b.name));
}

function lineRope(name, nodes) {
  const having = nodes.filter((node) => node.status.lines[name]);
  const states = having.map((node) => ({ node, line: node.status.lines[name] }));
  const newest = Math.max(0, ...states.map(({ line }) => ordinal(line.epoch)));
  const current = states.filter(({ line }) => ordinal(line.epoch) === newest);
  const committed = Math.max(0, ...current.map(({ line }) => line.committed));
  const leading = current.find(({ node, line }) => line.role === "leader" && node.leads.includes(name));
  const strands = states.map(({ node, line }) => strand(node, line, committed, newest));
  const collections = new Set(states.flatMap(({ node }) => (node.status.tables ?? []).filter((table) => table.line === name).map((table) => table.name)));
  const rule = states[0]?.line.rule ?? "";
  const lowered = states.find(({ line }) => line.rule_in_force && line.rule_in_force !== line.rule);
  return {
    name, kind: "line", collections: [...collections], rule, rate: 0, trail: [],
    leader: leading?.node.name ?? null,
    epoch: (leading ?? current[0])?.line.epoch ?? "",
    committed, head: Math.max(committed, ...strands.map((one) => (one.astray ? 0 : one.durable))),
    strands, note: lowered ? `the rule is lowered to ${lowered.line.rule_in_force}` : "",
  };
}

/** @returns {Strand} */
function strand(node, line, committed, newest) {
  const stale = node.state !== "up" && node.state !== "ill";
  const old = ordinal(line.epoch) < newest;
  const { applied, durable } = line;
  const behind = Math.max(0, committed - applied);
  return {
    node: node.name, dye: node.dye, role: stale ? "silent" : line.role, epoch: line.epoch ?? "",
    leads: line.role === "leader" && !stale && !old, durable, applied, committed: line.committed,
    astray: old && line.role === "leader" ? Math.max(0, durable - line.committed) : 0,
    behind, seconds: stale ? node.age : 0, silent: stale,
  };
}

function graphRopes(nodes) {
  const names = new Set(nodes.flatMap((node) => Object.keys(node.status.documents ?? {})));
  return [...names].sort().map((name) => graphRope(name, nodes));
}

function graphRope(name, nodes) {
  const having = nodes.filter((node) => node.status.documents?.[name]).map((node) => ({ node, graph: node.status.documents[name] }));
  const vectors = having.map(({ graph }) => (graph.frontier ? object(graph.frontier) : { all: finite(graph.events) }));
  const union = total(vectors, Math.max);
  const shared = total(vectors, Math.min);
  const strands = having.map(({ node, graph }) => {
    const stale = node.state !== "up" && node.state !== "ill";
    const seen = finite(graph.events);
    return {
      node: node.name, dye: node.dye, role: stale ? "silent" : "replica", epoch: "", leads: false,
      durable: seen, applied: seen, committed: shared, astray: 0, behind: Math.max(0, union - seen),
      seconds: stale ? node.age : 0, silent: stale,
    };
  });
  const first = having[0]?.graph ?? {};
  return {
    name, kind: "graph", collections: [name], rule: "eventual", leader: null, epoch: "", rate: 0, trail: [],
    committed: shared, head: union, strands,
    note: `${first.documents ?? 0} documents${first.quarantined_batches ? `, ${first.quarantined_batches} batches in quarantine` : ""}`,
  };
}

/** Sum over authors of the most, or the least, that any vector has of each. */
function total(vectors, choose) {
  const authors = new Set(vectors.flatMap((vector) => Object.keys(vector)));
  let sum = 0;
  for (const author of authors) sum += choose(...vectors.map((vector) => vector[author] ?? 0));
  return sum;
}

function trafficOf(nodes) {
  const found = {};
  for (const node of nodes)
    for (const [peer, traffic] of Object.entries(node.status.traffic ?? {})) found[`${node.name}>${peer}`] = finite(traffic?.said_bytes);
  return found;
}

function linkViews(nodes, world, traffic, before, passed) {
  const links = [];
  for (const [index, one] of nodes.entries())
    for (const other of nodes.slice(index + 1)) {
      const [a, b] = [one.name, other.name];
      const hand = world?.links?.find((link) => link.ends.includes(a) && link.ends.includes(b));
      const was = before?.links.find((link) => link.a === a && link.b === b);
      const rate = (from, to, side) => {
        const [now, then] = [traffic[`${from}>${to}`], before?.traffic[`${from}>${to}`]];
        if (now === undefined || then === undefined || passed <= 0) return was?.rates[side] ?? 0;
        return smooth(was?.rates[side] ?? 0, Math.max(0, now - then) / passed);
      };
      const says = (from, to) => from.state !== "up" || from.links[to.name] === true;
      const alive = (node) => node.state === "up" || node.state === "ill";
      const up = alive(one) && alive(other) && says(one, other) && says(other, one);
      const known = one.state !== "unknown" && other.state !== "unknown";
      links.push({
        a, b, up, known, cut: hand?.cut ?? false, delay: hand?.delay_s ?? 0,
        rates: /** @type {[number, number]} */ ([rate(a, b, 0), rate(b, a, 1)]),
      });
    }
  return links;
}

/** What changed that people want to know, in words. @param {Model|null} before @param {Model} now */
export function changes(before, now) {
  if (!before) return [];
  const found = [];
  for (const node of now.nodes) {
    const was = before.nodes.find((one) => one.name === node.name);
    if (!was) found.push({ text: `${node.name} joined`, node: node.name });
    else if (was.state !== node.state && was.state !== "unknown") found.push({ text: node.state === "up" ? `${node.name} is back` : `${node.name}: ${node.why || node.state}`, node: node.name, bad: node.state !== "up" });
  }
  for (const rope of now.ropes) {
    const was = before.ropes.find((one) => one.name === rope.name && one.kind === rope.kind);
    if (!was || rope.kind === "graph") continue;
    if (rope.leader && rope.leader !== was.leader && (was.epoch !== rope.epoch || was.leader)) found.push({ text: `${rope.leader} leads ${rope.name}, epoch ${rope.epoch}`, node: rope.leader });
    else if (!rope.leader && was.leader) found.push({ text: `nobody is known to lead ${rope.name}`, node: was.leader, bad: true });
  }
  for (const link of now.links) {
    const was = before.links.find((one) => one.a === link.a && one.b === link.b);
    if (was?.known && link.known && was.up !== link.up) found.push({ text: `${link.a} and ${link.b} ${link.up ? "hear each other again" : "do not hear each other"}`, node: link.a, bad: !link.up });
  }
  return found;
}
