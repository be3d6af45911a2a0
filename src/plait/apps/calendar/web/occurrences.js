/**
 * From events to what happens: every occurrence in a window, as the viewer's clocks show it.
 *
 * An event that repeats is one document with a rule. An occurrence is known by the local date on
 * which the rule puts it, so a series can change its hour and every exception still finds its day.
 * A date that is skipped stands in `skips`; one that was changed is a document of its own under
 * `KEY#DATE`, which overrides what it sets. So two people who move one occurrence meet in one `when`.
 *
 * Invariant: pure; the same events, window and zone give the same list. What another replica wrote
 * wrongly is left out, and nothing is thrown.
 * Absent: rules finer than a day; "this and all following".
 */

import { DAY_MS, dayOfWall, dayText, parseDay } from "./days.js";
import { daysBetween, happensOn, parseRule } from "./rule.js";
import { instantsOf, readWhen } from "./when.js";
import { toInstant, toWall } from "./zones.js";

/**
 * @typedef {{key: string, title: string, place: string, calendar: string, when: any, repeat: string,
 *   skips: string[]}} Entry  a document's plain values; "" where nothing was written
 * @typedef {{id: string, key: string, on: string|null, event: Entry, change: Entry|null, title: string,
 *   place: string, calendar: string, allDay: boolean, start: number, end: number, zone: string,
 *   repeats: boolean}} Occurrence  start and end as the viewer's clocks show them
 */

const LONGEST_DAYS = 400; // of an event that repeats
const spans = new WeakMap(); // what was read of an entry's `when`: entries do not change

const CHANGED = /^(.*)#(\d{4}-\d{2}-\d{2})$/s;

/** The event and the date that a key is about. */
export function partsOf(key) {
  const match = CHANGED.exec(key);
  return match === null || !isDay(match[2]) ? { key, on: null } : { key: match[1], on: match[2] };
}

/** The key of one occurrence's own document. @param {string} on a date */
export const keyOf = (key, on) => (on === null ? key : `${key}#${on}`);

/** Everything that happens with start < to and end > from, first things first. */
export class Book {
  constructor() {
    /** @type {Map<string, Entry>} */
    this.events = new Map();
    /** @type {Map<string, Map<string, Entry>>} by event, then by date */
    this.changes = new Map();
    this.rules = new Map();
  }

  /** Take a document as it is now; null: it is gone. @param {string} key @param {Entry|null} entry */
  take(key, entry) {
    const { key: of, on } = partsOf(key);
    if (on === null) {
      this.rules.delete(key);
      if (entry === null) this.events.delete(key);
      else this.events.set(key, entry);
      return;
    }
    const changes = this.changes.get(of) ?? new Map();
    if (entry === null) changes.delete(on);
    else changes.set(on, entry);
    if (changes.size) this.changes.set(of, changes);
    else this.changes.delete(of);
  }

  /** The rule of an event, or null. */
  ruleOf(key) {
    if (!this.rules.has(key)) this.rules.set(key, readRule(this.events.get(key)?.repeat));
    return this.rules.get(key);
  }

  /**
   * @param {number} from wall time @param {number} to wall time @param {string} zone the viewer's
   * @returns {Occurrence[]}
   */
  between(from, to, zone) {
    const found = [];
    for (const event of this.events.values()) found.push(...this.of(event, from, to, zone));
    return found.sort(inOrder);
  }

  /** The occurrences of one event. */
  of(event, from, to, zone) {
    const span = spanOf(event);
    if (span === null) return [];
    const rule = this.ruleOf(event.key);
    const inside = (one) => one.start < to && (one.end > from || (one.start === one.end && one.start >= from));
    if (rule === null && (span.start > to + 2 * DAY_MS || span.end < from - 2 * DAY_MS)) return [];
    if (rule === null) return [occurrence(event, null, null, span, zone)].filter(inside);
    const days = Math.min(LONGEST_DAYS, Math.ceil((span.end - span.start) / DAY_MS) + 1);
    const first = dayOfWall(span.start);
    const skips = new Set(event.skips);
    const changes = this.changes.get(event.key) ?? new Map();
    const found = [];
    for (const day of daysBetween(rule, first, dayOfWall(from) - days, dayOfWall(to) + 2)) {
      const on = dayText(day);
      if (skips.has(on) || readWhen(changes.get(on)?.when)) continue;
      found.push(occurrence(event, on, changes.get(on) ?? null, onDay(span, day), zone));
    }
    for (const [on, change] of changes) {
      const moved = readWhen(change.when);
      if (moved && !skips.has(on) && happensOn(rule, first, parseDay(on))) {
        found.push(occurrence(event, on, change, moved, zone));
      }
    }
    return found.filter(inside);
  }

  /** One occurrence by its id, wherever it is; null if it does not happen. */
  find(id, zone) {
    const { key, on } = partsOf(id);
    const event = this.events.get(key);
    const span = readWhen(event?.when);
    if (!event || span === null) return null;
    const rule = this.ruleOf(key);
    if (rule === null) return on === null ? occurrence(event, null, null, span, zone) : null;
    const date = on ?? dayText(dayOfWall(span.start));
    if (!happensOn(rule, dayOfWall(span.start), parseDay(date))) return null;
    if (event.skips.includes(date)) return null;
    const change = this.changes.get(key)?.get(date) ?? null;
    return occurrence(event, date, change, readWhen(change?.when) ?? onDay(span, parseDay(date)), zone);
  }
}

function spanOf(entry) {
  if (!spans.has(entry)) spans.set(entry, readWhen(entry.when));
  return spans.get(entry);
}

/** A rule as it is read, null where there is none or none that can be read. */
export function readRule(text) {
  if (typeof text !== "string" || text === "") return null;
  try {
    return parseRule(text);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The span of a series as its rule puts it on a day. A timed one lasts exactly as long as the first. */
export function onDay(span, day) {
  const shift = (day - dayOfWall(span.start)) * DAY_MS;
  if (shift === 0) return span;
  const start = span.start + shift;
  if (span.allDay) return { ...span, start, end: span.end + shift };
  const { start: a, end: b } = instantsOf(span);
  return { ...span, start, end: Math.max(start, toWall(toInstant(start, span.zone) + b - a, span.zone)) };
}

function occurrence(event, on, change, span, zone) {
  let { start, end } = span;
  if (!span.allDay) {
    const instants = instantsOf(span);
    start = toWall(instants.start, zone);
    end = Math.max(start, toWall(instants.end, zone));
  }
  return {
    id: keyOf(event.key, on), key: event.key, on, event, change,
    title: change?.title || event.title, place: change?.place || event.place,
    calendar: event.calendar, allDay: span.allDay, start, end, zone: span.zone, span,
    repeats: on !== null,
  };
}

/** Whether a text is a date. */
export function isDay(text) {
  try {
    return parseDay(text) !== null;
  } catch {
    return false;
  }
}

function inOrder(a, b) {
  return (
    dayOfWall(a.start) - dayOfWall(b.start) || Number(b.allDay) - Number(a.allDay) || a.start - b.start ||
    b.end - a.end || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  );
}
