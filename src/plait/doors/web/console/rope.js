/* One log as a rope. What is agreed is plaited; what is not yet, or not any more, is loose.
 * To the left of the mark stands what is committed: one strand a replica, plaited. A replica that
 * is behind leaves the rope where its copy ends. To the right hang the entries that are on some disk
 * and not committed. What a deposed leader has beyond its own commit hangs off in red.
 * Invariant: distances are of positions, near the mark in proportion, far away compressed; so a gap
 * of one and a gap of a million can both be seen.
 * Absent: words and figures beside it (strands.js has those, for everybody). */

import { dye } from "./dom.js";

const THICK = 6;
const PERIOD = 66; // px of one turn
const SWING = 11; // px from the middle
const LANE = 15; // px between loose ends
const PX_AT_ONE = 13; // how far off one entry is
export const HEIGHT = 76;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Where a distance of positions is drawn, in px. */
function reach(distance) {
  return Math.asinh(distance / 2) * PX_AT_ONE * 1.55;
}

export class RopePicture {
  constructor() {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "rope";
    this.canvas.setAttribute("aria-hidden", "true");
    this._phase = Math.random() * PERIOD;
    /** Shown ends move towards the true ones. @type {Map<string, {durable: number, applied: number}>} */
    this._shown = new Map();
    this._tiles = new Map();
    this._speed = 0;
    this._drawn = "";
  }

  /** @param {import("./model.js").Rope} rope */
  update(rope) {
    this._rope = rope;
  }

  /** Whether nothing was drawn yet. */
  get blank() {
    return this._drawn === "";
  }

  /** Forget what depends on colours. */
  recolour() {
    this._tiles.clear();
    this._drawn = "";
  }

  /** @param {number} passed seconds */
  frame(passed) {
    const rope = this._rope;
    const width = this.canvas.clientWidth;
    if (!rope || !width) return;
    const moves = !still.matches;
    const wanted = rope.rate > 0 ? Math.min(150, 10 + 13 * Math.log2(1 + rope.rate)) : 0;
    this._speed += (wanted - this._speed) * Math.min(1, passed * 3);
    if (this._speed < 0.4) this._speed = 0;
    if (moves) this._phase = (this._phase + this._speed * passed) % PERIOD;
    const settled = this._approach(moves ? Math.min(1, passed * 7) : 1);
    const scale = Math.min(2, devicePixelRatio || 1);
    const key = `${width}/${scale}/${moves ? this._phase.toFixed(1) : 0}/${settled}`;
    if (key === this._drawn) return;
    this._drawn = key;
    if (this.canvas.width !== Math.round(width * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(HEIGHT * scale);
    }
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    this._draw(pen, width, scale);
  }

  _approach(share) {
    const rope = /** @type {import("./model.js").Rope} */ (this._rope);
    let key = "";
    for (const strand of rope.strands) {
      const goal = { durable: ahead(rope, strand), applied: strand.applied - rope.committed };
      const now = this._shown.get(strand.node) ?? goal;
      for (const what of /** @type {const} */ (["durable", "applied"])) {
        const off = reach(goal[what]) - reach(now[what]);
        now[what] = Math.abs(off) < 0.5 ? goal[what] : now[what] + (goal[what] - now[what]) * share;
      }
      this._shown.set(strand.node, now);
      key += `${strand.node}${reach(now.durable).toFixed(1)},${reach(now.applied).toFixed(1)},${strand.silent},${strand.astray},${strand.leads};`;
    }
    return key;
  }

  // ----------------------------------------------------------------------------- drawing

  _draw(pen, width, scale) {
    const rope = /** @type {import("./model.js").Rope} */ (this._rope);
    const mark = Math.round(width * (width < 520 ? 0.62 : 0.8));
    const lanes = rope.strands.map((strand, index) => ({
      strand,
      colour: dye(`--dye-${strand.dye}`),
      y: HEIGHT / 2 + (index - (rope.strands.length - 1) / 2) * Math.min(LANE, 58 / rope.strands.length),
      end: place(mark, this._shown.get(strand.node)?.durable ?? 0),
      applied: place(mark, this._shown.get(strand.node)?.applied ?? 0),
    }));
    const leave = (lane) => Math.max(26, Math.min(mark, lane.end));
    let from = 0;
    const order = [...lanes].sort((a, b) => leave(a) - leave(b));
    for (const lane of order) {
      const to = leave(lane);
      if (to - from > 1) this._plait(pen, lanes.filter((one) => leave(one) >= to - 0.5), from, to, scale, mark);
      from = Math.max(from, to);
    }
    pen.fillStyle = dye("--rule-2");
    pen.fillRect(mark, 6, 1, HEIGHT - 12);
    for (const lane of lanes) this._loose(pen, lane, leave(lane), mark, lanes, width);
  }

  /** The rope between two places, of those strands that reach so far. */
  _plait(pen, lanes, from, to, scale, mark) {
    const tile = this._tile(lanes.map((lane) => (lane.strand.silent ? dye("--rule-2") : lane.colour)), scale);
    pen.save();
    pen.beginPath();
    pen.rect(from, 0, to - from, HEIGHT);
    pen.clip();
    const first = to - Math.ceil((to - from + PERIOD) / PERIOD) * PERIOD - this._phase;
    for (let x = first; x < to; x += PERIOD) pen.drawImage(tile, x, 0, PERIOD, HEIGHT);
    if (from < 60) {
      const fade = pen.createLinearGradient(0, 0, 60, 0);
      fade.addColorStop(0, dye("--panel"));
      fade.addColorStop(1, "rgb(128 128 128 / 0)");
      pen.fillStyle = fade;
      pen.globalCompositeOperation = "destination-out";
      const out = pen.createLinearGradient(0, 0, 70, 0);
      out.addColorStop(0, "rgb(0 0 0 / 1)");
      out.addColorStop(1, "rgb(0 0 0 / 0)");
      pen.fillStyle = out;
      pen.fillRect(0, 0, 70, HEIGHT);
    }
    pen.restore();
  }

  /** One turn of a plait of these colours, drawn once. */
  _tile(colours, scale) {
    const key = `${colours.join()}@${scale}`;
    let tile = this._tiles.get(key);
    if (tile) return tile;
    if (this._tiles.size > 24) this._tiles.clear();
    tile = document.createElement("canvas");
    tile.width = Math.round(PERIOD * scale);
    tile.height = Math.round(HEIGHT * scale);
    const pen = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
    pen.setTransform(tile.width / PERIOD, 0, 0, scale, 0, 0);
    const ground = dye("--panel");
    const step = PERIOD / 44;
    const pieces = [];
    for (let piece = -2; piece < 46; piece++)
      for (const [index, colour] of colours.entries()) {
        const angle = ((piece * step) / PERIOD) * 2 * Math.PI + (index * 2 * Math.PI) / colours.length;
        const depth = colours.length < 3 ? Math.cos(angle) : Math.sin(2 * angle);
        pieces.push({ x: piece * step, index, colour, depth });
      }
    pieces.sort((a, b) => a.depth - b.depth);
    pen.lineCap = "round";
    for (const { x, index, colour } of pieces) {
      const [y, next] = [height(x, index, colours.length), height(x + step, index, colours.length)];
      for (const [stroke, wide] of /** @type {[string, number][]} */ ([[ground, THICK + 3], [colour, THICK]])) {
        pen.lineCap = wide > THICK ? "butt" : "round";
        pen.strokeStyle = stroke;
        pen.lineWidth = wide;
        pen.beginPath();
        pen.moveTo(x, y);
        pen.lineTo(x + step, next);
        pen.stroke();
      }
    }
    this._tiles.set(key, tile);
    return tile;
  }

  /** From where a strand leaves the rope to its end. */
  _loose(pen, lane, from, mark, lanes, width) {
    const { strand } = lane;
    const alone = lanes.length === 1;
    const end = Math.min(width - 8, Math.max(lane.end, from + 18));
    const index = lanes.indexOf(lane);
    const begin = height(from + this._phase - (Math.floor((from + this._phase) / PERIOD)) * PERIOD, index, lanes.length, from, this._phase);
    const bend = Math.min(38, (end - from) * 0.8);
    pen.lineCap = "round";
    pen.lineWidth = THICK - 1;
    pen.strokeStyle = strand.silent ? dye("--rule-2") : strand.astray ? dye("--alarm") : lane.colour;
    if (strand.astray) pen.setLineDash([1, 9]);
    pen.beginPath();
    pen.moveTo(from - 1, begin);
    pen.bezierCurveTo(from + bend * 0.5, begin, from + bend * 0.5, lane.y, from + bend, lane.y);
    pen.lineTo(end, lane.y);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    pen.arc(end, lane.y, strand.leads ? 6 : 4.5, 0, 7);
    pen.fillStyle = dye("--panel");
    pen.fill();
    pen.lineWidth = 2.5;
    pen.stroke();
    if (strand.leads) {
      pen.beginPath();
      pen.arc(end, lane.y, 2.5, 0, 7);
      pen.fillStyle = pen.strokeStyle;
      pen.fill();
    }
    if (!alone && lane.applied < from - 2 && !strand.silent) {
      pen.fillStyle = dye("--ink");
      pen.fillRect(Math.max(2, lane.applied), lane.y - 5, 2, 10);
    }
    pen.font = `600 11px ${dye("--mono")}`;
    pen.fillStyle = strand.silent ? dye("--ink-3") : dye("--ink");
    pen.textBaseline = "middle";
    if (end + 60 < width) pen.fillText(strand.node, end + 12, lane.y + 0.5);
  }
}

/** How far a strand's end is from the mark, in positions. */
function ahead(rope, strand) {
  if (strand.astray) return Math.max(strand.astray, 1);
  return strand.durable - rope.committed;
}

function place(mark, distance) {
  return distance >= 0 ? mark + 18 + reach(distance) : mark - 18 - reach(-distance);
}

/** The height of a strand in the plait. */
function height(x, index, count, at = null, phase = 0) {
  if (at !== null) x = at + phase;
  if (count === 1) return HEIGHT / 2 + Math.sin((x / PERIOD) * 2 * Math.PI) * 3;
  return HEIGHT / 2 + SWING * Math.sin((x / PERIOD) * 2 * Math.PI + (index * 2 * Math.PI) / count);
}
