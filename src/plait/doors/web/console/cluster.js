/* The view of the cluster: the picture, the guarantees, the strands, the curves, what happened.
 * Invariant: the document is touched when news comes, canvases once a frame, and neither while the
 * view is hidden.
 * Absent: asking (pulse.js). */

import { amount, short } from "./format.js";
import { h, put, say, washOut } from "./dom.js";
import { Beats } from "./beats.js";
import { Events } from "./events.js";
import { Graph } from "./graph.js";
import { Hand } from "./hand.js";
import { changes } from "./model.js";
import { Plots } from "./plots.js";
import { Strands } from "./strands.js";

const ROPES_MS = 30; // between two drawings of the ropes
const MARKS_MS = 50; // and of what moves slowly

export class ClusterView {
  /** @param {HTMLElement} root @param {{api: import("./api.js").Api, toast: (text: string, bad?: boolean) => void}} context */
  constructor(root, { api, toast }) {
    this._root = root;
    this.hand = new Hand(api, toast);
    this.graph = new Graph((picked) => this.hand.pick(picked));
    this.beats = new Beats();
    this.strands = new Strands();
    this.plots = new Plots();
    this.events = new Events();
    this._health = h("p", { class: "health" });
    this._figures = h("p", { class: "aside" });
    this._picture = h("section", { class: "panel picture", "aria-label": "The cluster" },
      h("header", {}, h("h2", {}, "The cluster"), this._figures), this._health, this.graph.element, this.hand.element);
    this._grid = h("div", { class: "cluster-grid" }, this._picture, this.beats.element, this.strands.element, this.plots.element, this.events.element);
    this._demo = null;
    this._barred = "";
    this._told = 0;
    this._model = null;
    this._frame = this._frame.bind(this);
    this._last = this._ropes = this._marks = 0;
    this.hand.element.hidden = this.beats.element.hidden = true;
  }

  /** @param {import("./model.js").Model} model @param {any} demo */
  update(model, demo) {
    if (!this._model) {
      this._root.replaceChildren(this._grid);
      if (!this._last) requestAnimationFrame(this._frame);
      this._barred = "";
    }
    for (const change of changes(this._model, model)) this.events.add({ ...change, dye: model.nodes.find((node) => node.name === change.node)?.dye });
    this._model = model;
    this.plots.update(model);
    put(this._grid, "class", `cluster-grid${demo ? " demo" : ""}${model.nodes.length === 1 ? " alone" : ""}`);
    if (demo) this._showDemo(demo, model);
    this._showHealth(model);
    if (this._root.hidden) return;
    this.graph.update(model);
    this.strands.update(model);
  }

  /** Somebody may not see it. @param {string} who */
  bar(who) {
    if (this._model === null && this._barred === who) return;
    this._model = null;
    this._barred = who;
    this._root.replaceChildren(h("p", { class: "empty" }, h("strong", {}, `${who} may not see how the cluster is.`),
      "That takes the right to read ", h("code", {}, "@cluster"), ". What is stored, as far as it may be read, is under ", h("a", { href: "#data" }, "Data"), "."));
  }

  _showDemo(demo, model) {
    this.hand.element.hidden = this.beats.element.hidden = false;
    this.hand.update(demo);
    this.beats.update(demo.beats, model);
    for (const line of demo.told ?? []) this.events.add({ text: line.text, scene: line.scene }, line.at_ms);
    this._told = demo.told_count ?? this._told;
  }

  get told() {
    return this._told;
  }

  _showHealth(model) {
    const wrong = model.nodes.filter((node) => node.state !== "up");
    const torn = model.links.filter((link) => !link.up && !wrong.some((node) => node.name === link.a || node.name === link.b));
    const headless = model.ropes.filter((rope) => rope.kind === "line" && !rope.leader && rope.strands.some((strand) => strand.role !== "orderer"));
    const parts = [
      ...wrong.map((node) => `${node.name} is ${{ dead: "dead", paused: "paused", starting: "starting", ill: node.why, unknown: "not heard of" }[node.state] ?? "silent"}`),
      torn.length ? `${amount(torn.length, "link")} down` : "",
      headless.length ? `nobody leads ${headless.map((rope) => rope.name).join(", ")}` : "",
    ].filter(Boolean);
    say(this._health, parts.length ? parts.join("; ") : model.nodes.length === 1 ? "One node, and it is well." : `${amount(model.nodes.length, "node")}, all well.`);
    put(this._health, "class", `health${headless.length ? " alarm" : parts.length ? " warn" : ""}`);
    say(this._figures, `${short(model.rate)} entries/s`);
  }

  recolour() {
    washOut();
    this.strands.recolour();
    this.plots.recolour();
  }

  _frame(now) {
    requestAnimationFrame(this._frame);
    if (this._root.hidden || document.hidden) {
      this._last = now;
      return;
    }
    const passed = Math.min(0.1, (now - this._last) / 1000);
    this._last = now;
    if (inSight(this.graph.element)) this.graph.frame(now, passed);
    if (now - this._ropes >= ROPES_MS) {
      this.strands.frame(Math.min(0.1, (now - this._ropes) / 1000));
      this._ropes = now;
      return; // one kind of canvas a frame
    }
    if (now - this._marks < MARKS_MS) return;
    this._marks = now;
    const wall = Date.now();
    if (inSight(this.plots.element) || this.plots.blank) this.plots.frame(wall);
    if (!this.beats.element.hidden && inSight(this.beats.element)) this.beats.frame(wall);
  }
}

/** Whether any of it can be seen. @param {Element} element */
function inSight(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}
