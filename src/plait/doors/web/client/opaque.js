/**
 * A type that this replica does not know (a tree, a user's own): what arrives for it is kept in the
 * order of arrival. Mirrors types/opaque.py.
 *
 * Entries, as they travel: `[0, replica, seq, hlc, context, body, clears, who, message]` an
 * operation, `[1, data, vector, whole]` what a replica that knows the type sent, `[3, vector]` a
 * replica did not have the object, `[2 | 4, ...]` kept for whoever knows the type.
 *
 * Absent: reading and writing. To show such an object as anything would be a guess.
 */

import { VersionVector, byPair, descends, dotKey, vectorOf } from "./causality.js";
import { checkedDot } from "./cells.js";
import { decode, encode } from "./codec.js";
import { BadDocument, BadFrame } from "./errors.js";
import { Event, bigOf } from "./event.js";
import { GraphType } from "./graph_type.js";
import { readDots, wiping } from "./hiding.js";

export const APPLIES = 0;
export const CLEARS = 1;
export const WIPES = 2;
const HEARD = 0;
const IMAGE = 1;
const SAVED = 2;
const GONE = 3;
const SAVED_PAGES = 4;

/** The event of an entry HEARD. @param {any[]} entry */
const eventOf = ([, replica, seq, hlc, context, , , who, message]) =>
  new Event(replica, seq, hlc, vectorOf(context), who ?? null, message ?? null);

/** The type of every tag that nobody knows here. */
export class Opaque extends GraphType {
  tag = "?";

  /** @param {string} unknown the tag */
  constructor(unknown) {
    super();
    this.unknownTag = unknown;
  }

  /** @returns {any[][]} */
  zero() {
    return [];
  }

  prepare() {
    throw new BadDocument(`objects of the type ${JSON.stringify(this.unknownTag)} cannot be changed here`);
  }

  apply(state, body, event) {
    this.hear(state, body, event, APPLIES);
  }

  clear(state, event) {
    this.hear(state, null, event, CLEARS);
  }

  /** Whether there is anything that no clear has seen. */
  alive(state) {
    const clears = state.filter((/** @type {any[]} */ e) => e[0] === HEARD && e[6]).map(eventOf);
    const gone = state.filter((/** @type {any[]} */ e) => e[0] === GONE).map((/** @type {any[]} */ e) => vectorOf(e[1]));
    return state.some((/** @type {any[]} */ entry) => {
      if (entry[0] === HEARD) {
        const dot = [entry[1], entry[2]];
        if (entry[6] || clears.some((/** @type {Event} */ event) => event.sees(dot))) return false;
        return !gone.some((/** @type {VersionVector} */ vector) => vector.contains(dot));
      }
      if (entry[0] !== IMAGE) return entry[0] !== GONE;
      const theirs = vectorOf(entry[2]);
      const seen = [...gone, ...clears.map((/** @type {Event} */ event) => event.context)];
      return !seen.some((vector) => descends(vector, theirs));
    });
  }

  delta(state, slots) {
    return state;
  }

  /** Take what the other heard and this replica has not. */
  join(state, data, mine, theirs, whole) {
    const known = new Set();
    for (const entry of state) if (entry[0] === HEARD) known.add(dotKey(entry[1], entry[2]));
    for (const entry of readLog(data)) {
      const [kind, replica, seq] = entry;
      if (kind === HEARD) {
        if (!known.has(dotKey(replica, seq)) && seq > (mine.get(replica) ?? 0)) state.push(entry);
      } else if (kind === SAVED || kind === SAVED_PAGES) {
        if (!mine.size) state.push(entry);
      } else if (!mine.size || !descends(mine, vectorOf(entry[kind === IMAGE ? 2 : 1]))) {
        state.push(entry);
      }
    }
  }

  /** Keep data of the type's own, from a replica that knows it.
   * @param {any[][]} state @param {any} data @param {any} theirs @param {boolean} whole */
  take(state, data, theirs, whole) {
    state.push([IMAGE, data, new VersionVector(theirs).pairs(), whole]);
  }

  /** Keep that a replica at this vector did not have the object. @param {any[][]} state @param {any} theirs */
  gone(state, theirs) {
    if (state.length) state.push([GONE, new VersionVector(theirs).pairs()]);
  }

  /** The operations, by dot. */
  canonical(state, cut) {
    const heard = state.filter((/** @type {any[]} */ entry) => entry[0] === HEARD);
    heard.sort((/** @type {any[]} */ a, /** @type {any[]} */ b) => byPair([a[1], a[2]], [b[1], b[2]]));
    return encode(heard.map((/** @type {any[]} */ e) => [e[1], e[2], e[6], e[5]]));
  }

  decode(data) {
    return readLog(decode(data));
  }

  /** Keep what an event did. @param {any[][]} state @param {any} body @param {Event} event @param {number} clears */
  hear(state, body, event, clears) {
    const context = new VersionVector(event.context).pairs();
    const { replica, seq, hlc, who, message } = event;
    state.push([HEARD, replica, seq, hlc, context, body, clears, who, message]);
  }
}

/** A log from outside; raises `BadFrame`. @param {any} data @returns {any[][]} */
export function readLog(data) {
  if (!Array.isArray(data)) throw new BadFrame("no log of unknown operations");
  return data.map((entry) => {
    if (!Array.isArray(entry) || !entry.length) throw new BadFrame("no entry of a log");
    const [kind, ...rest] = entry;
    if (kind === HEARD && rest.length >= 6) {
      const [replica, seq] = checkedDot(rest[0], rest[1]);
      const context = [...readDots(rest[3]).values()];
      return [HEARD, replica, seq, bigOf(rest[2]), context, rest[4], rest[5], rest[6] ?? null, rest[7] ?? null];
    }
    if (kind === IMAGE && rest.length === 3) return [IMAGE, rest[0], [...readDots(rest[1]).values()], rest[2]];
    if (kind === GONE && rest.length === 1) return [GONE, [...readDots(rest[0]).values()]];
    if ((kind === SAVED || kind === SAVED_PAGES) && rest.length === 1) return entry;
    throw new BadFrame("no entry of a log");
  });
}

/** The state of an object of which a replica that lacks the type sent its log; raises `BadFrame`.
 * @param {GraphType} type @param {any[][]} log */
export function realise(type, log) {
  let state = type.zero();
  const seen = new VersionVector();
  const nothing = decode(encode(type.delta(type.zero(), null)));
  for (const entry of log) {
    if (entry[0] === HEARD) {
      const event = eventOf(entry);
      if (seen.contains(event.dot)) continue;
      if (!entry[6]) type.apply(state, entry[5], event);
      else if (type.clears) type.clear(state, entry[6] === WIPES && !type.ofEvents ? wiping(event) : event);
      seen.saw(event.replica, event.seq);
    } else if (entry[0] === IMAGE || entry[0] === GONE) {
      const theirs = vectorOf(entry[0] === IMAGE ? entry[2] : entry[1]);
      const data = entry[0] === IMAGE ? entry[1] : nothing;
      type.join(state, data, seen, theirs, entry[0] === GONE || entry[3] === true);
      seen.merge(theirs);
    } else if (entry[0] === SAVED && entry[1] instanceof Uint8Array) {
      state = type.decode(entry[1]);
    } else throw new BadFrame("pages of an object, which this replica does not read");
  }
  return state;
}

