/**
 * The conflict inbox: registers whose concurrent values wait for a person. Mirrors
 * api/documents/conflicts.py.
 *
 * `ask()` fields have a conflict whenever different values were assigned at the same time, `merge()`
 * fields where their function, which runs elsewhere, could not merge. Meanwhile every replica shows
 * the same value.
 *
 * Invariant: `resolve` writes only over the siblings that its caller has seen.
 *
 * @typedef {{value: any, who: string, when: Date, own: boolean}} Sibling
 */

import { typeOf } from "./catalogue.js";
import { ConflictChanged } from "./errors.js";
import { hlcMs } from "./hlc.js";
import { sameDots } from "./kept_writes.js";
import { compareDots } from "./cells.js";
import { nameOf, tagOf } from "./paths.js";
import { Place } from "./place.js";

/** @typedef {import("./place.js").Access} Access */

/** One register that waits for a decision, as it was when the inbox was read. */
export class Conflict {
  /** @param {Place} place @param {any} state @param {import("./concurrent_register.js").Siblings} found */
  constructor(place, state, found) {
    const { replica } = place.access;
    this.key = place.key;
    this.path = place.path.map(nameOf);
    this.field = this.path.map((name) => (/[."]|^$/.test(name) ? JSON.stringify(name) : name)).join(".");
    this.kind = tagOf(place.path[place.path.length - 1]) === "q" ? "ask" : "merge";
    this.base = found.base; // what the authors last agreed on; null if on nothing
    this.shown = found.shown; // what everybody reads meanwhile
    /** The values, oldest first; the last is shown. @type {Sibling[]} */
    this.siblings = found.heads.map(({ dot, hlc, value }) => ({
      value,
      who: replica.who(dot[0], dot[1]),
      when: new Date(hlcMs(hlc)),
      own: isOwn(replica, dot),
    }));
    const heads = state.heads.map(([author, seq]) => [author, seq]).sort(compareDots);
    Object.defineProperty(this, "place", { value: place });
    Object.defineProperty(this, "heads", { value: heads });
  }

  /** Decide: `value`, one of the siblings or another, replaces them all. Raises `ConflictChanged`
   * if other siblings stand here by now. @param {any} value */
  resolve(value) {
    // @ts-ignore - defined above
    const { place, heads } = this;
    const state = place.state();
    if (!state || !sameDots(state.heads, heads))
      throw new ConflictChanged(`${place.where()} has other versions by now: read the inbox again`);
    place.mutate(["resolve", value]);
  }
}

/** Whether this page wrote an event, under whatever id it had then. @param {any} replica @param {any} dot */
export const isOwn = (replica, dot) => replica.ids?.includes(dot[0]) ?? dot[0] === replica.replica;

/** Everything that waits for a decision; of one document or of all. @param {Access} access
 * @param {string | null} key @returns {Conflict[]} */
export function conflicts(access, key) {
  const found = [];
  for (const [at, path] of access.replica.contended(["q", "m"], key)) {
    const place = new Place(access, at, path);
    const state = place.state();
    const siblings = state && typeOf(tagOf(path[path.length - 1])).conflict(state);
    if (siblings) found.push(new Conflict(place, state, siblings));
  }
  return found;
}

/** `merge()` fields with several values, of which the greatest is shown here. @param {Access} access
 * @param {string | null} key @returns {Conflict[]} */
export function unmerged(access, key) {
  const found = [];
  const type = typeOf("m");
  for (const [at, path] of access.replica.contended(["m"], key)) {
    const place = new Place(access, at, path);
    const state = place.state();
    if (state && type.unmerged(state)) found.push(new Conflict(place, state, type.siblings(state)));
  }
  return found;
}
