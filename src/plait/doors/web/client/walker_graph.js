// The event graph of one sequence: who did what after what, in runs; it grows and is folded.
//
// A *critical boundary* is an LV c such that every event from c on came after all those before it:
// what lies before needs no looking at, whatever comes after.
//
// Invariants: `heads` is the version of everything; `critFrom` and `critTo` hold exactly the
// boundaries below `end` that are critical, as disjoint intervals in order (`end` itself is critical
// too, as long as nothing comes).
// Source: Gentle, Kleppmann, "Collaborative Text Editing with Eg-walker" (EuroSys 2025), section 3.5.

import { BadFrame } from "./errors.js";
import { ascending, bisectLeft, bisectRight, ROOT, same, Spans } from "./walker_spans.js";

/** Spans of events in local order, with their critical boundaries. */
export class EventGraph extends Spans {
  constructor(first = 0) {
    super(first);
    this.critFrom = [];
    this.critTo = []; // with
  }

  // ------------------------------------------------------------------ growing

  /**
   * `count` operations of `width` units each, one after another, from `seq` on.
   * parents: of the first one; null is everything that is here. unseen: the first event that they
   * have not seen, if that is known.
   */
  add(agent, seq, count, width, parents, unseen = null) {
    const start = this.end;
    const end = (this.end = start + count * width);
    const heads = this.heads;
    if (parents === null || same(parents, heads)) {
      const last = this.critTo.length - 1;
      if (last >= 0 && this.critTo[last] === start - 1) {
        this.critTo[last] = end - 1;
      } else {
        this.critFrom.push(start);
        this.critTo.push(end - 1);
      }
      this.heads = [end - 1];
      if (heads.length === 1 && heads[0] === start - 1) {
        if (this._continues(agent, seq, width, start)) return;
        parents = null;
      } else {
        parents = !heads.length && start === this.first ? ROOT : heads;
      }
    } else {
      if (parents.length !== 1 || parents[0] !== start - 1) {
        // else the event before has seen no more than this one
        this._limit(unseen === null ? this.unseen(parents) : unseen);
      }
      this.heads = [...heads.filter((head) => !parents.includes(head)), end - 1];
      if (parents.length === 1 && parents[0] === start - 1) {
        if (this._continues(agent, seq, width, start)) return;
        parents = null;
      }
    }
    this.starts.push(start);
    this.agents.push(agent);
    this.seqs.push(seq);
    this.widths.push(width);
    this.parents.push(parents);
    this.ofAgent[agent].push(start);
  }

  /** Whether the last span goes on with these operations. */
  _continues(agent, seq, width, start) {
    const last = this.starts.length - 1;
    if (last < 0 || this.agents[last] !== agent || this.widths[last] !== width) return false;
    return seq === this.seqs[last] + Math.floor((start - this.starts[last]) / width);
  }

  /** No boundary beyond this one is critical. */
  _limit(boundary) {
    const { critFrom, critTo } = this;
    while (critFrom.length && critFrom[critFrom.length - 1] > boundary) {
      critFrom.pop();
      critTo.pop();
    }
    if (critTo.length && critTo[critTo.length - 1] > boundary) critTo[critTo.length - 1] = boundary;
  }

  /** The last critical boundary up to one. */
  critical(atMost) {
    if (atMost >= this.end) return this.end;
    const index = bisectRight(this.critFrom, atMost) - 1;
    return index < 0 ? this.first : Math.min(this.critTo[index], atMost);
  }

  /** Whether a version has seen everything before a boundary, which all events from there on have. */
  seesBefore(boundary, version) {
    if (version.length && version[version.length - 1] >= boundary) return true;
    return same(version, this.headsAt(boundary));
  }

  /** Whether a version has seen everything before some critical boundary from an LV on. */
  isBehind(version, lv) {
    const index = bisectLeft(this.critTo, lv);
    if (index === this.critTo.length) return false;
    return this.seesBefore(Math.max(this.critFrom[index], lv), version);
  }

  /** Heads from outside as a version; what was folded is its root. `BadFrame`. */
  version(parents) {
    const sorted = parents.length > 1 ? ascending(parents) : parents;
    for (const lv of sorted) {
      if (!(lv >= 0 && lv < this.end)) throw new BadFrame(`${sorted} is no version of this sequence`);
    }
    return sorted.length && sorted[0] < this.first ? sorted.filter((lv) => lv >= this.first) : sorted;
  }

  // ------------------------------------------------------------------ folding

  /** Forget the events from `end` on; the others had these heads and critical boundaries. */
  cutBack(end, heads, critical) {
    while (this.starts.length && this.starts[this.starts.length - 1] >= end) {
      this.ofAgent[this.agents.pop()].pop();
      for (const column of [this.starts, this.seqs, this.widths, this.parents]) column.pop();
    }
    this.end = end;
    this.heads = heads;
    this.critFrom = [...critical[0]];
    this.critTo = [...critical[1]];
  }

  /** The events that this graph takes for its root are these. */
  prepend(before) {
    const agents = this.names.map((name) => before.agent(name));
    const heads = before.heads;
    const linear = heads.length === 1 && heads[0] === this.first - 1;
    this.starts.forEach((start, span) => {
      let parents = this.parents[span];
      if (parents !== null && !parents.length) parents = linear && start === this.first ? null : heads;
      const agent = agents[this.agents[span]];
      before.starts.push(start);
      before.agents.push(agent);
      before.seqs.push(this.seqs[span]);
      before.widths.push(this.widths[span]);
      before.parents.push(parents);
      before.ofAgent[agent].push(start);
    });
    if (!this.starts.length) this.heads = before.heads;
    this.critFrom = [...before.critFrom, ...this.critFrom];
    this.critTo = [...before.critTo, ...this.critTo];
    this.first = before.first;
    for (const name of ["names", "numbers", "ofAgent", "starts", "agents", "seqs", "widths", "parents"]) {
      this[name] = before[name];
    }
  }

  /** Forget the events before a critical boundary: they are the root now. */
  drop(boundary) {
    const { starts, agents, seqs, widths, parents } = this;
    if (boundary >= this.end) {
      this.heads = ROOT;
      for (const column of [starts, agents, seqs, widths, parents]) column.length = 0;
      this.critFrom = [];
      this.critTo = [];
      for (const spans of this.ofAgent) spans.length = 0;
      this.first = this.end;
      return;
    }
    const span = this.spanAt(boundary);
    const forgotten = new Map();
    for (const agent of agents.slice(0, span)) forgotten.set(agent, (forgotten.get(agent) ?? 0) + 1);
    for (const [agent, count] of forgotten) this.ofAgent[agent].splice(0, count);
    for (const column of [starts, agents, seqs, widths, parents]) column.splice(0, span);
    if (starts[0] < boundary) {
      this.ofAgent[agents[0]][0] = boundary;
      seqs[0] += Math.floor((boundary - starts[0]) / widths[0]);
      starts[0] = boundary;
      parents[0] = ROOT;
    }
    for (let index = 0; index < parents.length; index++) {
      const known = parents[index];
      if (known === null) {
        if (starts[index] === boundary) parents[index] = ROOT;
      } else if (known.some((lv) => lv < boundary)) {
        parents[index] = known.filter((lv) => lv >= boundary);
      }
    }
    const index = bisectRight(this.critTo, boundary - 1);
    this.critFrom.splice(0, index);
    this.critTo.splice(0, index);
    if (this.critFrom.length && this.critFrom[0] < boundary) this.critFrom[0] = boundary;
    this.first = boundary;
  }
}
