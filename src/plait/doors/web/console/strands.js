/* Every log of the cluster: its picture, and its figures as a table beside it.
 * Invariant: what the picture shows stands in the table, too.
 * Absent: drawing (rope.js). */

import { amount, count, seconds, short } from "./format.js";
import { each, h, put, say } from "./dom.js";
import { RopePicture } from "./rope.js";

export class Strands {
  constructor() {
    this._list = h("ul", { class: "ropes" });
    this._say = h("p", { class: "aside" }, "what is committed is plaited; loose ends are on some disks only");
    this.element = h("section", { class: "panel strands", "aria-label": "Strands" },
      h("header", {}, h("h2", {}, "Strands"), this._say), this._list);
    /** @type {RopePicture[]} */
    this._pictures = [];
  }

  /** @param {import("./model.js").Model} model */
  update(model) {
    each(this._list, model.ropes, (rope) => `${rope.kind} ${rope.name}`, () => this._make(), (element, rope) => this._show(element, rope));
    this._pictures = [...this._list.children].map((element) => element["_picture"]);
  }

  recolour() {
    for (const picture of this._pictures) picture.recolour();
  }

  /** @param {number} passed */
  frame(passed) {
    for (const picture of this._pictures) {
      const { top, bottom } = picture.canvas.getBoundingClientRect();
      if ((bottom > 0 && top < innerHeight) || picture.blank) picture.frame(passed);
    }
  }

  _make() {
    const picture = new RopePicture();
    const element = h("li", { class: "rope-row" },
      h("div", { class: "rope-head" },
        h("h3", {}), h("span", { class: "collections" }), h("span", { class: "pill" }), h("span", { class: "led" }), h("span", { class: "rope-rate mono" })),
      picture.canvas,
      h("table", { class: "ends" },
        h("caption", { class: "visually-hidden" }), h("colgroup", {}, Array.from({ length: 5 }, () => h("col"))),
        h("thead", { class: "visually-hidden" }, h("tr", {}, ...["node", "role", "position on disk", "behind", "beyond"].map((text) => h("th", { scope: "col" }, text)))),
        h("tbody")));
    element["_picture"] = picture;
    return element;
  }

  _show(element, rope) {
    element["_picture"].update(rope);
    put(element, "class", `rope-row ${rope.kind}`);
    const [head, , table] = element.children;
    const [title, collections, rule, led, rate] = head.children;
    say(title, rope.name);
    const names = rope.kind === "line" ? rope.collections.filter((name) => name !== rope.name) : [];
    say(collections, rope.kind === "graph" ? rope.note : names.join(", "));
    say(rule, rope.note && rope.kind === "line" ? rope.note : rope.rule);
    put(rule, "class", rope.note && rope.kind === "line" ? "pill warn" : "pill");
    put(rule, "hidden", rope.name.endsWith(rope.rule) && !(rope.note && rope.kind === "line") ? "" : null);
    const leads = rope.kind === "graph" ? "every replica writes" : rope.leader ? `${rope.leader} leads, epoch ${rope.epoch.split(".")[0]}` : "nobody leads";
    say(led, leads);
    put(led, "class", rope.kind === "line" && !rope.leader ? "led alarm" : "led");
    say(rate, `${count(rope.head)} · ${short(rope.rate)}/s`);
    put(rate, "title", rope.kind === "line" ? "entries; entries a second" : "events; events a second");
    say(table.caption, `${rope.name}: ${leads}, ${amount(rope.committed, "entry", "entries")} agreed`);
    each(table.tBodies[0], rope.strands, (strand) => strand.node, makeEnd, (row, strand) => showEnd(row, strand, rope));
  }
}

function makeEnd() {
  return h("tr", {}, h("th", { scope: "row" }, h("span", { class: "dot" }), h("span")), h("td"), h("td", { class: "mono" }), h("td", { class: "mono" }), h("td", { class: "mono" }));
}

function showEnd(row, strand, rope) {
  const [name, role, durable, behind, beyond] = row.children;
  name.firstChild.style.setProperty("--dye", `var(--dye-${strand.dye})`);
  say(name.lastChild, strand.node);
  say(role, strand.silent ? "silent" : strand.leads ? "leads" : strand.role === "leader" ? "was leader" : strand.role);
  say(durable, count(strand.durable));
  const late = strand.behind ? `−${short(strand.behind)}${strand.seconds >= 0.05 ? ` · ${seconds(strand.seconds)}` : ""}` : strand.silent ? seconds(strand.seconds) : "level";
  say(behind, late);
  put(behind, "class", `mono${strand.silent ? " alarm" : strand.behind > 50 || strand.seconds > 1 ? " warn" : ""}`);
  const over = rope.kind === "graph" ? Math.max(0, strand.durable - rope.committed) : strand.astray || Math.max(0, strand.durable - rope.committed);
  say(beyond, over ? `+${short(over)}` : "");
  put(beyond, "class", `mono${strand.astray ? " alarm" : ""}`);
  put(beyond, "title", strand.astray ? "written under an older epoch; cut and kept as rescued when it is back" : rope.kind === "graph" ? "events that not everybody has" : "on this disk, not committed");
}
