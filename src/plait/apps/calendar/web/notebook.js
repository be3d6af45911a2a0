/**
 * The calendar's documents as the pages know them: plain entries, kept up to date, and every edit.
 *
 * Each edit is one change: it reaches others whole, or was never made. Edits give back a function
 * that undoes them, unless others wrote over them since.
 *
 * Invariant: only here are documents written. Only what a person changed is written, so that two
 * people who change different things of one event both keep theirs.
 * Absent: drawing; the network.
 */

import { DAY_MS, dayOfWall, dayText, parseDay } from "./days.js";
import { Book, isDay, keyOf } from "./occurrences.js";
import { lastDay, ruleText } from "./rule.js";
import { COLORS, MAIN } from "./kinds.js";
import { movedDate, movedRule } from "./series.js";
import { readWhen, sameWhen, storedIn, writeWhen } from "./when.js";

const text = (value) => (typeof value === "string" ? value : "");

export class Notebook {
  /** @param {any} events the documents "calendar" @param {any} calendars the documents "calendars" */
  constructor(events, calendars) {
    this.events = events;
    this.calendars = calendars;
    this.book = new Book();
    this.version = 0;
    for (const key of events.keys()) this.refresh(key);
  }

  /** Read a document again. */
  refresh(key) {
    this.book.take(key, this.events.has(key) ? entryOf(this.events.get(key)) : null);
    this.version++;
  }

  /** What events are sorted into: `{key, name, color}`, by name; there is always one. */
  kinds() {
    const found = [...this.calendars.keys()].map((key) => {
      const one = this.calendars.get(key);
      const color = COLORS.includes(one.color) ? one.color : COLORS[hash(key) % COLORS.length];
      return { key, name: text(one.name) || "Calendar", color };
    });
    const used = new Set([...this.book.events.values()].map(({ calendar }) => calendar));
    if (!found.length || (used.has(MAIN) && !found.some(({ key }) => key === MAIN))) found.push({ key: MAIN, name: "Calendar", color: "blue" });
    return found.sort((a, b) => a.name.localeCompare(b.name) || (a.key < b.key ? -1 : 1));
  }

  /** People that any event knows, for suggestions. */
  names() {
    const names = new Set();
    for (const event of this.book.events.values()) for (const name of Object.keys(event.people)) names.add(name);
    return [...names].sort((a, b) => a.localeCompare(b));
  }

  /** @returns {string} the new event's key */
  add(values) {
    const key = this.events.create();
    this.events.change(() => {
      const event = this.events.get(key);
      event.title = values.title;
      event.when = values.when;
      event.calendar = values.calendar;
      if (values.place) event.place = values.place;
      if (values.repeat) event.repeat = values.repeat;
      if (values.notes) event.notes.insert(0, values.notes);
      for (const name of values.people ?? []) event.people.set(name, "");
    }, `Add ${values.title}`);
    return key;
  }

  /**
   * Write what differs. `when` is for the occurrence that was edited; a whole series moves as far.
   * @param {import("./occurrences.js").Occurrence} occurrence @param {boolean} all
   */
  save(occurrence, values, all) {
    const single = occurrence.repeats && !all;
    this.events.change(() => {
      if (values.span && !single) this.#moveAll(occurrence, values.span);
      if (values.span && single) this.#moveOne(occurrence, values.span);
      const target = this.events.get(single ? occurrence.id : occurrence.key);
      const before = single ? occurrence : occurrence.event;
      for (const name of ["title", "place"]) {
        if (values[name] !== undefined && values[name] !== before[name]) target[name] = values[name];
      }
      if (single) return;
      const event = occurrence.event;
      if (values.calendar !== undefined && values.calendar !== event.calendar) target.calendar = values.calendar;
      if (values.repeat !== undefined && values.repeat !== event.repeat && values.repeat !== null) target.repeat = values.repeat;
      for (const name of values.people ?? []) if (!(name in event.people)) target.people.set(name, "");
      for (const name of values.people ? Object.keys(event.people) : []) if (!values.people.includes(name)) target.people.delete(name);
    }, `Change ${occurrence.title}`);
  }

  /** Move an occurrence, or all of its series. @returns {() => void} undo */
  move(occurrence, span, all) {
    const single = occurrence.repeats && !all;
    const key = single ? occurrence.id : occurrence.key;
    const existed = this.events.has(key);
    const before = this.events.get(key).when ?? null;
    this.events.change(() => (single ? this.#moveOne(occurrence, span) : this.#moveAll(occurrence, span)), `Move ${occurrence.title}`);
    const after = this.events.get(key).when;
    return () => {
      if (!sameWhen(this.events.get(key).when, after)) return;
      if (occurrence.repeats && !single) this.#moveBack(occurrence, readWhen(after), readWhen(before));
      else this.events.change(() => this.#putBack(key, existed, before ?? writeWhen(occurrence.span)), `Move ${occurrence.title} back`);
    };
  }

  #putBack(key, existed, when) {
    if (existed) this.events.get(key).when = when;
    else this.events.delete(key);
  }

  #moveBack(occurrence, after, before) {
    this.refresh(occurrence.key);
    const now = { ...occurrence, event: this.book.events.get(occurrence.key), span: after };
    this.events.change(() => this.#moveAll(now, before), `Move ${occurrence.title} back`);
  }

  #moveOne(occurrence, span) {
    this.events.get(occurrence.id).when = writeWhen(storedIn(span, span.storeIn ?? occurrence.zone));
  }

  #moveAll(occurrence, span) {
    const event = this.events.get(occurrence.key);
    const target = storedIn(span, span.storeIn ?? occurrence.zone);
    if (!occurrence.repeats) {
      event.when = writeWhen(target);
      return;
    }
    const [first, shown] = [readWhen(occurrence.event.when), occurrence.span];
    const days = dayOfWall(target.start) - dayOfWall(shown.start);
    const start = first.start + (dayOfWall(target.start) - dayOfWall(shown.start)) * DAY_MS;
    const from = dayOfWall(start) * DAY_MS + (target.start - dayOfWall(target.start) * DAY_MS);
    event.when = writeWhen({ ...target, start: from, end: from + (target.end - target.start) });
    const rule = this.book.ruleOf(occurrence.key);
    if (days === 0 || rule === null) return;
    event.repeat = ruleText(movedRule(rule, dayOfWall(first.start), days));
    // all go before any comes: where it is daily, one's new date is another's old one
    const [skips, changes] = [[...occurrence.event.skips], [...(this.book.changes.get(occurrence.key) ?? [])]];
    for (const on of skips) event.skips.delete(on);
    for (const on of skips) event.skips.add(movedDate(on, days));
    for (const [on] of changes) this.events.delete(keyOf(occurrence.key, on));
    for (const [on, change] of changes) this.#carry(keyOf(occurrence.key, movedDate(on, days)), change);
  }

  /** A changed occurrence goes with the day that it is about. */
  #carry(key, change) {
    const copy = this.events.get(key);
    for (const name of ["title", "place", "when"]) if (change[name]) copy[name] = change[name];
    if (change.notes) copy.notes.insert(0, change.notes);
  }

  /** Remove an occurrence, or all of its series. @returns {() => void} undo */
  remove(occurrence, all) {
    const { key, on, event } = occurrence;
    if (occurrence.repeats && !all) {
      this.events.change(() => {
        this.events.get(key).skips.add(on);
        if (this.events.has(occurrence.id)) this.events.delete(occurrence.id);
      }, `Skip ${occurrence.title}`);
      return () => this.events.get(key).skips.delete(on);
    }
    const notes = event.notes;
    this.events.change(() => {
      for (const date of this.book.changes.get(key)?.keys() ?? []) this.events.delete(keyOf(key, date));
      this.events.delete(key);
    }, `Remove ${occurrence.title}`);
    return () => this.#bring(key, event, notes);
  }

  #bring(key, event, notes) {
    this.events.change(() => {
      const again = this.events.get(key);
      for (const name of ["title", "when", "place", "calendar", "repeat"]) if (event[name]) again[name] = event[name];
      if (notes) again.notes.insert(0, notes);
      for (const on of event.skips) again.skips.add(on);
      for (const [name, answer] of Object.entries(event.people)) again.people.set(name, answer);
    }, `Bring back ${event.title}`);
  }

  /** Say whether a person comes. @param {"yes"|"maybe"|"no"|""} answer */
  answer(key, name, answer) {
    this.events.get(key).people.set(name, answer);
  }

  /** Make or change what events are sorted into. */
  kind(key, values) {
    const target = this.calendars.get(key ?? this.calendars.create());
    this.calendars.change(() => Object.assign(target, values));
    return target.key;
  }

  /** What was moved by several people at once and waits for a choice. */
  conflicts() {
    return this.events.conflicts().filter((one) => (Array.isArray(one.field) ? one.field[0] : one.field) === "when");
  }

  /** The last day of a series in words' reach, or null. */
  lastOf(occurrence) {
    const rule = this.book.ruleOf(occurrence.key);
    return rule === null ? null : lastDay(rule, parseDay(occurrence.event.when.start.slice(0, 10)));
  }
}

/** A document's plain values. @returns {import("./occurrences.js").Entry} */
function entryOf(document) {
  const people = {};
  for (const name of document.people.keys()) people[name] = text(document.people.get(name));
  return {
    key: document.key, title: text(document.title), place: text(document.place), notes: document.notes.toString(),
    calendar: text(document.calendar) || MAIN, when: document.when ?? null, repeat: text(document.repeat),
    skips: [...document.skips].filter((one) => typeof one === "string" && isDay(one)), people,
  };
}

function hash(key) {
  let found = 0;
  for (const character of key) found = (found * 31 + character.codePointAt(0)) >>> 0;
  return found;
}
