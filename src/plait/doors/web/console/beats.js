/* Three guarantees, tried all the time: at each node somebody writes, and each write is one mark.
 * Invariant: a mark's place is when it was written, its look what became of it.
 * Absent: outside the demo there is nobody who writes, and this is not shown. */

import { amount, count } from "./format.js";
import { dye, h, put, say } from "./dom.js";

const KINDS = [
  { kind: "consensus", name: "Consensus", promise: "the majority works; the other side refuses" },
  { kind: "leader", name: "Leader", promise: "the side with a legal leader works" },
  { kind: "eventual", name: "Eventual", promise: "every side works, and merges afterwards" },
];
const SPAN_MS = 20_000;
const HEIGHT = 26;

export class Beats {
  constructor() {
    this._kinds = KINDS.map((one) => ({ ...one, rows: new Map(), list: h("ul", { class: "beat-rows" }), verdict: h("p", { class: "verdict" }) }));
    this.element = h("section", { class: "panel beats", "aria-label": "Guarantees" },
      h("header", {}, h("h2", {}, "Guarantees"), h("p", { class: "aside" }, legend())),
      h("div", { class: "beat-kinds" }, this._kinds.map((one) =>
        h("section", { class: "beat-kind", "aria-label": one.name }, h("h3", {}, one.name), h("p", { class: "muted" }, one.promise), one.list, one.verdict))));
    /** When the newest beat was written: what comes next is asked from there on. */
    this.after = 0;
  }

  /** @param {any} beats @param {import("./model.js").Model} model */
  update(beats, model) {
    this._offset = 0;
    for (const one of this._kinds) {
      const told = beats[one.kind] ?? {};
      for (const node of model.nodes) {
        const row = this._row(one, node);
        if (told[node.name]) this._take(row, told[node.name]);
      }
      const seen = told;
      for (const row of one.rows.values()) row.merged = one.kind === "eventual" ? merged(row.name, seen) : Infinity;
      this._verdict(one, told, model);
    }
  }

  _row(one, node) {
    let row = one.rows.get(node.name);
    if (!row) {
      const canvas = h("canvas", { class: "beat", "aria-hidden": "true" });
      const figure = h("span", { class: "mono beat-figure" });
      const element = h("li", { style: { "--dye": `var(--dye-${node.dye})` } }, h("span", { class: "beat-name" }, h("span", { class: "dot" }), node.name), canvas, figure);
      row = { name: node.name, canvas, figure, element, beats: new Map(), merged: Infinity, colour: `--dye-${node.dye}` };
      one.rows.set(node.name, row);
      one.list.append(element);
    }
    return row;
  }

  _take(row, told) {
    for (const [number, at, outcome, took] of told.beats) {
      row.beats.set(number, { at, outcome, took });
      if (outcome !== "waiting") this.after = Math.max(this.after, at - 3000);
      this._newest = Math.max(this._newest ?? 0, at);
    }
    const oldest = (this._newest ?? 0) - SPAN_MS * 1.5;
    for (const [number, beat] of row.beats) if (beat.at < oldest) row.beats.delete(number);
    row.totals = told.totals;
    row.seen = told.seen;
  }

  _verdict(one, told, model) {
    let [text, tone] = ["every write is acknowledged", "good"];
    const fresh = (row) => [...row.beats.values()].filter((beat) => beat.at > (this._newest ?? 0) - 3000);
    const stuck = [...one.rows.values()].filter((row) => fresh(row).length && fresh(row).every((beat) => beat.outcome !== "acknowledged"));
    if (one.kind === "eventual") {
      const behind = [...one.rows.values()].map((row) => Math.max(0, newestNumber(row) - row.merged)).reduce((a, b) => Math.max(a, b), 0);
      if (behind > 4) [text, tone] = [`every write is taken; ${amount(behind, "write")} of one side not seen everywhere`, "warn"];
      else text = "every write is taken, and seen everywhere";
    } else if (stuck.length) {
      const names = stuck.map((row) => row.name).join(", ");
      const all = stuck.length === one.rows.size;
      [text, tone] = all ? ["nobody's writes are acknowledged", "alarm"] : [`no acknowledgement beside ${names}; the others go on`, "warn"];
    }
    const down = model.nodes.filter((node) => node.state === "dead").length;
    if (!stuck.length && down && one.kind !== "eventual") text = "acknowledged, by those who are left";
    say(one.verdict, text);
    put(one.verdict, "class", `verdict ${tone}`);
    for (const row of one.rows.values()) this._figure(one, row);
  }

  _figure(one, row) {
    const totals = row.totals ?? { acknowledged: 0, refused: 0, unclear: 0 };
    const lost = totals.refused + totals.unclear;
    say(row.figure, one.kind === "eventual" ? count(totals.acknowledged) : `${count(totals.acknowledged)}${lost ? ` / ${count(lost)}` : ""}`);
    const waiting = [...row.beats.values()].filter((beat) => beat.outcome === "waiting").length;
    const seen = row.seen ? `; sees ${Object.entries(row.seen).map(([node, number]) => `${node} ${count(Number(number))}`).join(", ")}` : "";
    put(row.element, "title", `beside ${row.name}: ${count(totals.acknowledged)} acknowledged, ${count(totals.refused)} refused, ${count(totals.unclear)} without an answer${waiting ? ", one waits" : ""}${seen}`);
  }

  /** @param {number} now */
  frame(now) {
    for (const one of this._kinds) for (const row of one.rows.values()) this._draw(row, now);
  }

  _draw(row, now) {
    const width = row.canvas.clientWidth;
    if (!width) return;
    const scale = Math.min(2, devicePixelRatio || 1);
    if (row.canvas.width !== Math.round(width * scale)) {
      row.canvas.width = Math.round(width * scale);
      row.canvas.height = Math.round(HEIGHT * scale);
    }
    const pen = row.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const [alarm, ink, own] = [dye("--alarm"), dye("--ink-3"), dye(row.colour)];
    const gap = (width * 250) / SPAN_MS;
    for (const [number, beat] of row.beats) {
      const x = width - 5 - ((now - beat.at) / SPAN_MS) * (width - 5);
      if (x < -4) continue;
      mark(pen, x, beat, number <= row.merged, own, alarm, ink, Math.max(2, Math.min(5, gap * 0.55)), now, width);
    }
  }
}

function mark(pen, x, beat, merged, own, alarm, ink, wide, now, width) {
  const middle = HEIGHT / 2;
  if (beat.outcome === "acknowledged") {
    pen.fillStyle = pen.strokeStyle = own;
    const tall = Math.min(22, 12 + Math.log2(1 + (beat.took ?? 0)) * 1.2);
    pen.beginPath();
    pen.roundRect(x - wide / 2, middle - tall / 2, wide, tall, wide / 2);
    pen.lineWidth = 1.4;
    if (merged) pen.fill();
    else pen.stroke();
    return;
  }
  pen.strokeStyle = beat.outcome === "waiting" ? ink : alarm;
  pen.lineWidth = 1.6;
  const until = beat.outcome === "waiting" ? width - 5 : x + ((beat.took ?? 0) / SPAN_MS) * (width - 5);
  pen.globalAlpha = 0.55;
  pen.beginPath();
  pen.moveTo(x, middle);
  pen.lineTo(Math.max(x, until), middle);
  pen.stroke();
  pen.globalAlpha = 1;
  pen.beginPath();
  if (beat.outcome === "waiting") pen.arc(x, middle, 3.2, 0, 7);
  else {
    pen.moveTo(x - 3.5, middle - 3.5);
    pen.lineTo(x + 3.5, middle + 3.5);
    pen.moveTo(x + 3.5, middle - 3.5);
    pen.lineTo(x - 3.5, middle + 3.5);
  }
  pen.stroke();
}

function merged(author, told) {
  const numbers = Object.values(told).map((reader) => reader.seen?.[author] ?? 0);
  return numbers.length ? Math.min(...numbers) : 0;
}

function newestNumber(row) {
  let found = 0;
  for (const number of row.beats.keys()) if (number > found) found = number;
  return found;
}

function legend() {
  return [
    h("span", { class: "key" }, h("i", { class: "took" }), "acknowledged"),
    h("span", { class: "key" }, h("i", { class: "apart" }), "not seen everywhere yet"),
    h("span", { class: "key" }, h("i", { class: "fails" }, "×"), "refused, or no answer"),
  ];
}

