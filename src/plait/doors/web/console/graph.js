/* The cluster as a picture: nodes on a circle, links as two strands twisted together, and what is
 * said on them as beads that run along.
 * Invariant: everything that can be picked is one stop of the keyboard, with its state in words.
 * Absent: what is done with what is picked (hand.js). */

import { amount, seconds, short } from "./format.js";
import { each, h, put, say, rove } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 400;
const RADIUS = 36;
const BEADS_MAX = 90;
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Graph {
  /** @param {(picked: {node?: string, link?: [string, string]}|null) => void} pick */
  constructor(pick) {
    this._pick = pick;
    this.picked = "";
    this._links = h("g", {});
    this._nodes = h("g", {});
    this._beads = h("g", { "aria-hidden": "true" });
    this.element = h("svg", { class: "graph", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "Nodes and links" },
      this._links, this._beads, this._nodes);
    this._settle = rove(this.element, "[data-pick]");
    this.element.addEventListener("click", (event) => {
      const target = /** @type {Element} */ (event.target).closest("[data-pick]");
      this.choose(target?.getAttribute("data-pick") ?? "");
    });
    this.element.addEventListener("keydown", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        this.choose(target.getAttribute("data-pick") ?? "");
      }
    });
    /** @type {{x: number, y: number, name: string}[]} */
    this._places = [];
    /** @type {any[]} */
    this._running = [];
    this._due = new Map();
  }

  /** @param {string} what "n1", "n1~n2", or "" */
  choose(what) {
    this.picked = what === this.picked ? "" : what;
    for (const one of this.element.querySelectorAll("[data-pick]")) put(one, "aria-pressed", one.getAttribute("data-pick") === this.picked ? "true" : "false");
    const ends = this.picked.split("~");
    this._pick(!this.picked ? null : ends.length === 2 ? { link: /** @type {[string, string]} */ (ends) } : { node: this.picked });
  }

  /** @param {import("./model.js").Model} model */
  update(model) {
    this._model = model;
    this._places = places(model.nodes);
    each(this._links, model.links, (link) => `${link.a}~${link.b}`, (link) => this._makeLink(link), (element, link) => this._showLink(element, link));
    each(this._nodes, model.nodes, (node) => node.name, (node) => this._makeNode(node), (element, node) => this._showNode(element, node));
    this._settle();
  }

  _place(name) {
    return this._places.find((one) => one.name === name) ?? { x: 0, y: 0, name };
  }

  // ------------------------------------------------------------------------------- links

  _makeLink(link) {
    return h("g", { class: "link", "data-pick": `${link.a}~${link.b}`, role: "button", tabindex: -1, "aria-pressed": "false" },
      h("title"), h("path", { class: "reach" }), h("path", { class: "strand" }), h("path", { class: "strand" }),
      h("path", { class: "scar" }), h("g", { class: "tag" }, h("rect", { rx: 9, height: 18 }), h("text", { "text-anchor": "middle", dy: 4 })));
  }

  _showLink(element, link) {
    const [from, to] = [this._place(link.a), this._place(link.b)];
    const broken = link.cut || !link.up;
    const key = [from.x, from.y, to.x, to.y, broken, link.delay].join();
    const [title, reach, one, other, scar, tag] = element.children;
    if (element["_key"] !== key) {
      element["_key"] = key;
      put(reach, "d", `M${from.x} ${from.y}L${to.x} ${to.y}`);
      const turns = link.delay ? 3 : 6;
      put(one, "d", twisted(from, to, 0, turns, broken));
      put(other, "d", twisted(from, to, Math.PI, turns, broken));
      one.style.stroke = `var(--dye-${this._dye(link.a)})`;
      other.style.stroke = `var(--dye-${this._dye(link.b)})`;
      put(scar, "d", link.cut ? cross((from.x + to.x) / 2, (from.y + to.y) / 2) : "");
      put(element, "class", `link${broken ? " broken" : ""}${link.cut ? " cut" : ""}${link.delay ? " slow" : ""}`);
    }
    const words = link.cut ? "cut" : link.delay ? `slow, ${seconds(link.delay)} each way` : link.up ? "up" : "down";
    const rate = link.rates[0] + link.rates[1];
    say(title, `${link.a} – ${link.b}: ${words}, ${short(rate)}B/s`);
    put(element, "aria-label", `Link between ${link.a} and ${link.b}: ${words}`);
    const shown = link.cut ? "cut" : link.delay ? `+${seconds(link.delay)}` : broken ? "" : `${short(rate)}B/s`;
    this._showTag(tag, shown, from, to);
  }

  _showTag(tag, text, from, to) {
    const [box, label] = tag.children;
    put(tag, "visibility", text ? null : "hidden");
    if (!text) return;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = Math.hypot(dx, dy) || 1;
    const away = { x: (from.x + to.x) / 2 - WIDTH / 2, y: (from.y + to.y) / 2 - HEIGHT / 2 };
    const side = (away.x * -dy + away.y * dx) / length >= 0 ? 1 : -1;
    const x = (from.x + to.x) / 2 + (side * -dy / length) * 24;
    const y = (from.y + to.y) / 2 + (side * dx / length) * 24;
    put(tag, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    say(label, text);
    const width = text.length * 6.6 + 14;
    put(box, "width", width);
    put(box, "x", -width / 2);
    put(box, "y", -9);
  }

  // ------------------------------------------------------------------------------- nodes

  _makeNode(node) {
    return h("g", { class: "node", "data-pick": node.name, role: "button", tabindex: -1, "aria-pressed": "false" },
      h("title"), h("circle", { class: "halo", r: RADIUS + 8 }), h("circle", { class: "body", r: RADIUS }),
      h("circle", { class: "ring", r: RADIUS }), h("path", { class: "scar" }),
      h("text", { class: "name", "text-anchor": "middle", dy: 2 }), h("text", { class: "what", "text-anchor": "middle", dy: 17 }),
      h("text", { class: "roles", "text-anchor": "middle" }));
  }

  _showNode(element, node) {
    const place = this._place(node.name);
    const [title, , , ring, scar, name, what, roles] = element.children;
    put(element, "transform", `translate(${place.x} ${place.y})`);
    put(element, "class", `node ${node.state}`);
    ring.style.stroke = `var(--dye-${node.dye})`;
    say(name, node.name);
    const leads = node.leads.filter((line) => line !== "control");
    say(what, { paused: "paused", dead: "killed", starting: "starting", silent: seconds(node.age), unknown: "…", ill: "ill" }[node.state] ?? (node.leads.length ? `leads ${node.leads.length}` : "follows"));
    put(scar, "d", node.state === "dead" ? `M${-RADIUS * .72} ${RADIUS * .72}L${RADIUS * .72} ${-RADIUS * .72}` : "");
    const below = place.y < HEIGHT / 2 && this._places.length > 2 ? -RADIUS - 14 : RADIUS + 22;
    put(roles, "y", below);
    const side = place.x > WIDTH * 0.6 ? 1 : place.x < WIDTH * 0.4 ? -1 : 0;
    put(roles, "text-anchor", side > 0 ? "end" : side < 0 ? "start" : "middle"); // what is long stays inside
    put(roles, "x", side * Math.min(RADIUS + 60, side > 0 ? WIDTH - place.x - 8 : place.x - 8));
    const epochs = node.leads.map((line) => `${line} ${node.status.lines[line].epoch.split(".")[0]}`);
    say(roles, epochs.length ? epochs.join(" · ") : "");
    const words = node.state === "up" ? (node.leads.length ? `leads ${node.leads.map((line) => `${line} (epoch ${node.status.lines[line].epoch})`).join(", ")}` : "follows") : node.why || node.state;
    put(element, "aria-label", `Node ${node.name}: ${words}`);
    const memory = node.status.memory_bytes ? `, ${short(node.status.memory_bytes)}B of memory, up for ${seconds(node.status.uptime_s)}` : "";
    say(title, `${node.name}: ${words}${memory}; ${amount(leads.length, "line")} of data led`);
  }

  _dye(name) {
    return this._model?.nodes.find((node) => node.name === name)?.dye ?? 5;
  }

  // ------------------------------------------------------------------------------- beads

  /** One frame. @param {number} now @param {number} passed seconds */
  frame(now, passed) {
    if (!this._model || still.matches) {
      for (const bead of this._running.splice(0)) bead.element.remove();
      return;
    }
    for (const link of this._model.links)
      for (const [side, from, to] of /** @type {[0|1, string, string][]} */ ([[0, link.a, link.b], [1, link.b, link.a]])) {
        if (link.cut || !link.up || link.rates[side] < 20) continue;
        const key = `${from}>${to}`;
        const each_s = Math.max(0.14, 1.7 / Math.log2(2 + link.rates[side] / 400));
        if (now < (this._due.get(key) ?? 0) || this._running.length >= BEADS_MAX) continue;
        this._due.set(key, now + each_s * 1000 * (0.8 + 0.4 * Math.random()));
        this._send(link, side, from, to);
      }
    this._running = this._running.filter((bead) => this._move(bead, passed));
  }

  _send(link, side, from, to) {
    const element = h("circle", { class: "bead", r: Math.min(4.4, 2 + Math.log10(1 + link.rates[side]) * .55).toFixed(1) });
    element.style.fill = `var(--dye-${this._dye(from)})`;
    this._beads.append(element);
    this._running.push({ element, from, to, key: `${link.a}~${link.b}`, at: 0, phase: side ? Math.PI : 0, took: 0.9 + link.delay * 2.2, turns: link.delay ? 3 : 6, flip: side === 1 });
  }

  _move(bead, passed) {
    bead.at += passed / bead.took;
    const link = this._model?.links.find((one) => `${one.a}~${one.b}` === bead.key);
    if (bead.at >= 1 || !link || link.cut) {
      bead.element.remove();
      return false;
    }
    const [one, other] = bead.flip ? [bead.to, bead.from] : [bead.from, bead.to];
    const at = bead.flip ? 1 - bead.at : bead.at;
    const place = along(this._place(one), this._place(other), at, bead.phase, bead.turns);
    bead.element.setAttribute("transform", `translate(${place.x.toFixed(1)} ${place.y.toFixed(1)})`);
    return true;
  }
}

// ----------------------------------------------------------------------------------- shapes

function places(nodes) {
  const count = nodes.length;
  const [cx, cy] = [WIDTH / 2, HEIGHT / 2 + (count === 3 ? 26 : 0)];
  if (count === 1) return [{ x: cx, y: cy, name: nodes[0].name }];
  const [rx, ry] = count === 2 ? [170, 0] : [212, count === 3 ? 148 : 140];
  return nodes.map((node, index) => {
    const angle = (count === 2 ? Math.PI : -Math.PI / 2) + (index * 2 * Math.PI) / count;
    return { x: Math.round(cx + rx * Math.cos(angle)), y: Math.round(cy + ry * Math.sin(angle)), name: node.name };
  });
}

/** A place on one strand of a link, `at` of the way. */
function along(from, to, at, phase, turns) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const inner = RADIUS / length;
  const t = inner + at * (1 - 2 * inner);
  const wave = Math.sin(at * Math.PI * turns + phase) * 5 * Math.min(1, at * 8, (1 - at) * 8);
  return { x: from.x + dx * t - (dy / length) * wave, y: from.y + dy * t + (dx / length) * wave };
}

/** One strand of a link; a broken one ends, splayed, before the middle. */
function twisted(from, to, phase, turns, broken) {
  const steps = 72;
  let path = "";
  for (let step = 0; step <= steps; step++) {
    const at = step / steps;
    if (broken && at > 0.39 && at < 0.61) {
      if (at > 0.6) path += "";
      continue;
    }
    let place = along(from, to, at, phase, turns);
    if (broken) place = splay(place, from, to, at, phase);
    const starts = path === "" || (broken && at >= 0.61 && at - 1 / steps < 0.61);
    path += `${starts ? "M" : "L"}${place.x.toFixed(1)} ${place.y.toFixed(1)}`;
  }
  return path;
}

function splay(place, from, to, at, phase) {
  const near = Math.max(0, 1 - Math.abs(at < 0.5 ? 0.39 - at : at - 0.61) / 0.09);
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const by = near * near * 9 * (phase ? -1 : 1);
  return { x: place.x - ((to.y - from.y) / length) * by, y: place.y + ((to.x - from.x) / length) * by };
}

function cross(x, y) {
  return `M${x - 5} ${y - 5}l10 10m0-10l-10 10`;
}
