/**
 * Deleting documents: markers that hide, edits that revive, and when a marker is no longer needed.
 * Mirrors types/hiding.py, which has the reasons.
 *
 * A DELETE puts a *marker* under its dot: what its author had seen. Every operation on a document
 * takes away the markers that it has seen. A document is hidden while every live cell in it is
 * covered by some marker.
 *
 * Invariant: a marker's context does not cover the marker.
 */

import { VersionVector, byPair, dotKey, vectorOf } from "./causality.js";
import { checkedDot, covered } from "./cells.js";
import { BadFrame } from "./errors.js";
import { Event } from "./event.js";

/** @typedef {import("./causality.js").Context} Context @typedef {import("./causality.js").Dot} Dot */
/** @typedef {[bigint, number, VersionVector]} Marker */

export const OPEN = 0; // what folding does to a document with markers: nothing
export const SHOWN = 1; // stable markers go
export const HIDDEN = 2; // stable markers go, and everything that they cover

/** The deletions of a document: what each had seen. */
export class Markers extends Map {
  /** The document was deleted. @param {Event} event */
  put(event) {
    const context = new VersionVector(event.context);
    // the author's own entry may be ahead of the event, at some replicas
    context.delete(event.replica);
    if (event.seq > 1) context.set(event.replica, event.seq - 1);
    this.set(dotKey(event.replica, event.seq), [event.replica, event.seq, context]);
  }

  /** Something was written by who had seen them; whether any went. @param {Event} event */
  take(event) {
    let any = false;
    for (const [key, marker] of [...this])
      if (event.sees(marker)) {
        this.delete(key);
        any = true;
      }
    return any;
  }

  /** Whether all of these are covered. @param {Iterable<readonly any[]>} dots */
  hide(dots) {
    const contexts = [...this.values()].map((marker) => marker[2]);
    for (const dot of dots) if (!contexts.some((context) => covered(dot, context))) return false;
    return true;
  }

  /** Those that everybody has seen. @param {Context} cut */
  stable(cut) {
    const stable = new Markers();
    for (const [key, marker] of this) if (covered(marker, cut)) stable.set(key, marker);
    return stable;
  }

  /** What folding does, if these are the live dots. @param {readonly any[][]} dots @param {Context} cut */
  settled(dots, cut) {
    const stable = this.stable(cut);
    if (!stable.size) return OPEN;
    if (stable.hide(dots)) return HIDDEN;
    return this.hide(dots) ? OPEN : SHOWN;
  }

  /** For fragments: [replica, seq, pairs] of each, in one order. */
  data() {
    return [...this.values()].sort(byPair).map(([r, seq, context]) => [r, seq, context.pairs()]);
  }

  /** Join what `data` gave elsewhere; whether anything changed. `BadFrame`.
   * @param {any} data @param {Context} mine @param {Context} theirs */
  join(data, mine, theirs) {
    const joined = dotsJoined(this, readMarkers(data), mine, theirs);
    const changed = joined.size !== this.size || [...joined.keys()].some((key) => !this.has(key));
    if (changed) {
      this.clear();
      for (const [key, marker] of joined) this.set(key, marker);
    }
    return changed;
  }
}

/** A clear of a whole document leaves nothing of what it has seen, not even as the past of what it
 * has not. @param {Event} event */
export function wiping(event) {
  const context = new VersionVector(event.context);
  context.delete(event.replica);
  if (event.seq > 1) context.set(event.replica, event.seq - 1);
  return new Event(0n, 0, event.hlc, context, event.who, event.message);
}

/** Not an event of any replica: as if somebody who has seen the cut did something. @param {Context} cut */
export function seenByAll(cut) {
  return new Event(0n, 0, 0n, new VersionVector(cut));
}

/** Markers from outside; raises `BadFrame`. @param {any} data @returns {Map<string, Marker>} */
export function readMarkers(data) {
  if (!Array.isArray(data)) throw new BadFrame("no markers");
  const markers = new Map();
  for (const entry of data) {
    if (!Array.isArray(entry) || entry.length !== 3) throw new BadFrame("no marker");
    const [replica, seq] = checkedDot(entry[0], entry[1]);
    markers.set(dotKey(replica, seq), [replica, seq, vectorOf(readDots(entry[2]).values())]);
  }
  return markers;
}

/** Dots from outside, by key; raises `BadFrame`. @param {any} data @returns {Map<string, Dot>} */
export function readDots(data) {
  if (!Array.isArray(data)) throw new BadFrame("no dots");
  const dots = new Map();
  for (const pair of data) {
    if (!Array.isArray(pair) || pair.length !== 2) throw new BadFrame("no dot");
    const [replica, seq] = checkedDot(pair[0], pair[1]);
    dots.set(dotKey(replica, seq), [replica, seq]);
  }
  return dots;
}

/** The join of two dot stores. @template {readonly any[]} P @param {Map<string, P>} here
 * @param {Map<string, P>} there @param {Context} mine @param {Context} theirs @returns {Map<string, P>} */
export function dotsJoined(here, there, mine, theirs) {
  const joined = new Map();
  for (const [key, dot] of here) if (there.has(key) || !covered(dot, theirs)) joined.set(key, dot);
  for (const [key, dot] of there) if (!joined.has(key) && !covered(dot, mine)) joined.set(key, dot);
  return joined;
}
