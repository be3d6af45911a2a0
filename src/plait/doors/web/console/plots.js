/* Curves over the last minutes: how far replicas are behind, and how much is written.
 * Invariant: a series keeps `KEPT` points, whatever happens; nothing is drawn that did not change.
 * Absent: zooming; a monitoring system has the long run, from /metrics. */

import { count, seconds, short } from "./format.js";
import { dye, h, say } from "./dom.js";

const KEPT = 480;
const SPAN_MS = 120_000;
const HEIGHT = 132;
const TOP = 14;
const BOTTOM = 18;
const LEFT = 8;
const RIGHT = 10;

/** Points of one curve, the oldest first. */
export class Series {
  constructor() {
    /** @type {{at: number, value: number}[]} */
    this.points = [];
  }

  /** @param {number} at @param {number} value */
  add(at, value) {
    this.points.push({ at, value });
    if (this.points.length > KEPT) this.points.splice(0, this.points.length - KEPT);
  }

  /** The last value at a time. @param {number} at */
  value(at) {
    let found = 0;
    for (const point of this.points) {
      if (point.at > at) break;
      found = point.value;
    }
    return found;
  }
}

class Plot {
  /** @param {string} title @param {(value: number) => string} show @param {number} least of the scale */
  constructor(title, show, least) {
    this._show = show;
    this._least = least;
    this.canvas = h("canvas", { class: "plot", "aria-hidden": "true" });
    this._now = h("span", { class: "plot-now mono" });
    this._legend = h("p", { class: "legend" });
    this.element = h("figure", { class: "plot-box" }, h("figcaption", {}, h("span", { class: "label" }, title), this._now), this.canvas, this._legend);
    /** @type {Map<string, {series: Series, colour: string, fill: boolean}>} */
    this.curves = new Map();
    this._at = null;
    this._scale = least;
    this.canvas.addEventListener("pointermove", (event) => { this._at = event.offsetX; this.stale = true; });
    this.canvas.addEventListener("pointerleave", () => { this._at = null; this.stale = true; });
    this.stale = true;
  }

  /** @param {string} name @param {string} colour a custom property @param {number} at @param {number} value */
  add(name, colour, at, value, fill = false) {
    let curve = this.curves.get(name);
    if (!curve) this.curves.set(name, (curve = { series: new Series(), colour, fill }));
    curve.series.add(at, value);
    this.stale = true;
  }

  /** @param {number} now milliseconds */
  draw(now) {
    const width = this.canvas.clientWidth;
    if (!width || !this.stale) return;
    this.stale = false;
    const scale = Math.min(2, devicePixelRatio || 1);
    if (this.canvas.width !== Math.round(width * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(HEIGHT * scale);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const inner = width - LEFT - RIGHT;
    const x = (at) => LEFT + inner * (1 - (now - at) / SPAN_MS);
    const highest = this._highest(now);
    this._scale = nice(Math.max(this._least, highest));
    const y = (value) => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * Math.min(1, value / this._scale);
    this._grid(pen, width, y);
    for (const curve of this.curves.values()) this._curve(pen, curve, x, y, now);
    this._hover(pen, x, y, now, inner);
  }

  _highest(now) {
    let found = 0;
    for (const { series } of this.curves.values())
      for (const point of series.points) if (point.at > now - SPAN_MS && point.value > found) found = point.value;
    return found;
  }

  _grid(pen, width, y) {
    pen.font = `10.5px ${dye("--mono")}`;
    pen.fillStyle = dye("--ink-3");
    pen.strokeStyle = dye("--rule");
    pen.lineWidth = 1;
    pen.textBaseline = "bottom";
    for (const part of [0, 0.5, 1]) {
      const at = Math.round(y(this._scale * part)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, at);
      pen.lineTo(width - RIGHT, at);
      pen.stroke();
      pen.textAlign = "left";
      if (part) pen.fillText(this._show(this._scale * part), LEFT, at - 2);
    }
    pen.textBaseline = "alphabetic";
    pen.fillText("2 min ago", LEFT, HEIGHT - 4);
    pen.textAlign = "right";
    pen.fillText("now", width - RIGHT, HEIGHT - 4);
  }

  _curve(pen, { series, colour, fill }, x, y, now) {
    const points = series.points.filter((point) => point.at > now - SPAN_MS - 2000);
    if (!points.length) return;
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, 0, x(now) - LEFT, HEIGHT);
    pen.clip();
    pen.beginPath();
    for (const [index, point] of points.entries()) pen[index ? "lineTo" : "moveTo"](x(point.at), y(point.value));
    pen.strokeStyle = dye(colour);
    pen.lineWidth = 1.6;
    pen.lineJoin = "round";
    pen.stroke();
    if (fill) {
      pen.lineTo(x(points[points.length - 1].at), y(0));
      pen.lineTo(x(points[0].at), y(0));
      pen.globalAlpha = 0.12;
      pen.fillStyle = dye(colour);
      pen.fill();
    }
    pen.restore();
  }

  _hover(pen, x, y, now, inner) {
    const at = this._at === null ? now : now - SPAN_MS * (1 - (this._at - LEFT) / inner);
    const values = [...this.curves].map(([name, curve]) => ({ name, colour: curve.colour, value: curve.series.value(at) }));
    const worst = values.reduce((most, one) => Math.max(most, one.value), 0);
    say(this._now, this._show(worst));
    if (values.length > 1) {
      if (this._legend.childElementCount !== values.length) this._legend.replaceChildren(...values.map(() => h("span", {}, h("i"), h("span"), h("b", { class: "mono" }))));
      for (const [index, one] of values.entries()) {
        const entry = this._legend.children[index];
        entry.firstChild.style.background = `var(${one.colour})`;
        say(entry.children[1], one.name);
        say(entry.lastChild, this._show(one.value));
      }
    }
    if (this._at === null) return;
    pen.strokeStyle = dye("--ink-3");
    pen.beginPath();
    pen.moveTo(Math.round(this._at) + 0.5, TOP);
    pen.lineTo(Math.round(this._at) + 0.5, HEIGHT - BOTTOM);
    pen.stroke();
    for (const one of values) {
      pen.beginPath();
      pen.arc(x(at), y(one.value), 3, 0, 7);
      pen.fillStyle = dye(one.colour);
      pen.fill();
    }
  }
}

function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 5, 10]) if (value <= step * power) return step * power;
  return value;
}

/** The three curves of the cluster. */
export class Plots {
  constructor() {
    this.records = new Plot("Behind, in records", count, 10);
    this.seconds = new Plot("Behind, in seconds", (value) => seconds(value), 0.5);
    this.written = new Plot("Written, entries a second", short, 20);
    this.element = h("section", { class: "panel plots", "aria-label": "Lag and writes" },
      this.records.element, this.seconds.element, this.written.element);
    this.blank = true; // until it was drawn for the first time
  }

  /** @param {import("./model.js").Model} model */
  update(model) {
    for (const node of model.nodes) {
      const own = model.ropes.map((rope) => rope.strands.find((strand) => strand.node === node.name)).filter((strand) => strand !== undefined);
      const most = (what) => own.reduce((found, strand) => Math.max(found, strand[what]), 0);
      this.records.add(node.name, `--dye-${node.dye}`, model.at, most("behind"));
      this.seconds.add(node.name, `--dye-${node.dye}`, model.at, most("seconds"));
    }
    this.written.add("all", "--ink-2", model.at, model.rate, true);
  }

  recolour() {
    this.blank = true;
    for (const plot of [this.records, this.seconds, this.written]) plot.stale = true;
  }

  /** @param {number} now */
  frame(now) {
    this.blank = this.written.curves.size === 0;
    for (const plot of [this.records, this.seconds, this.written])
      if (plot.stale) plot.draw(now);
  }
}
