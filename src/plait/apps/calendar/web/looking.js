/**
 * What is looked at, and what views ask of it: days, occurrences, calendars, conflicts, company.
 *
 * Everything is read out of the replica as it is; what is costly holds until the replica changes.
 * Invariant: nothing here writes. Absent: drawing, and going anywhere (page.js).
 */

import { DAY_MS, dayOfWall, parseDay, weekStart } from "./days.js";
import { MAIN } from "./kinds.js";
import { remembered } from "./settings.js";
import { readWhen, seenFrom } from "./when.js";
import { firstWeekday } from "./words.js";
import { offsetText, ownZone, toWall } from "./zones.js";

export const NARROW_PX = 720;
export const VIEWS = ["month", "week", "agenda"];

export class Looking {
  constructor() {
    this.zone = ownZone();
    this.zoneShort = offsetText(Date.now(), this.zone);
    this.firstDay = firstWeekday();
    this.me = remembered("me") ?? "";
    this.hidden = new Set(JSON.parse(remembered("hidden") ?? "[]"));
    this.lastKind = remembered("kind") ?? MAIN;
    this.notebook = null;
    this.preview = this.draft = this.open = this.card = this.found = null;
    this.agendaDays = 45;
    this.clock();
    this.picked = this.day = this.sideDay = this.today;
    this.narrow = innerWidth < NARROW_PX;
    this.view = remembered("view") ?? (this.narrow ? "agenda" : "month");
    if (this.narrow) this.view = "agenda";
    this.fromAddress();
  }

  clock() {
    this.now = toWall(Date.now(), this.zone);
    this.today = dayOfWall(this.now);
  }

  fromAddress() {
    const [view, date] = location.hash.slice(1).split("/");
    if (VIEWS.includes(view) && !(this.narrow && view === "week" && !date)) this.view = view;
    try {
      if (date) this.picked = this.day = this.sideDay = parseDay(date);
    } catch {
      // an address that somebody typed
    }
  }

  // ---------------------------------------------------------------- what views ask

  get height() {
    return document.getElementById("page").clientHeight || 600;
  }

  /** The days that a week shows: all of it, or as many as there is room for. */
  days() {
    const start = this.narrow ? this.day : weekStart(this.day, this.firstDay);
    return Array.from({ length: this.narrow ? 3 : 7 }, (_, index) => start + index);
  }

  /** What happens in a window, without hidden calendars, with what is being moved where it is held. */
  between(from, to) {
    if (this.notebook === null) return [];
    const shown = (one) => !this.hidden.has(this.kindOf(one.calendar).key);
    const found = this.notebook.book.between(from, to, this.zone).filter((one) => shown(one) && one.id !== this.preview?.id);
    if (this.preview) found.push({ ...this.preview.one, ...this.preview.span });
    return found;
  }

  find(id) {
    return this.notebook?.book.find(id, this.zone) ?? null;
  }

  kinds() {
    return this.cache("kinds", () => this.notebook?.kinds() ?? []);
  }

  kindOf(key) {
    const kinds = this.kinds();
    return kinds.find((one) => one.key === key) ?? kinds.find((one) => one.key === MAIN) ?? kinds[0];
  }

  conflicts() {
    return this.cache("conflicts", () => this.notebook?.conflicts() ?? []);
  }

  conflictOf(id) {
    const one = this.find(id);
    return this.conflicts().find(({ key }) => key === id || (key === one?.key && !one?.change?.when)) ?? null;
  }

  /** The other versions of meetings that were moved twice, where they would be on a day. */
  ghosts(day) {
    return this.conflicts().flatMap((conflict) => conflict.siblings.slice(0, -1)
      .map(({ value }) => ({ value, conflict, span: readWhen(value) }))
      .filter(({ span }) => span && !span.allDay)
      .map((one) => ({ ...one, span: seenFrom(one.span, this.zone) }))
      .filter(({ span }) => dayOfWall(span.start) === day));
  }

  titleOf(key) {
    return this.find(key)?.title || "An event";
  }

  ruleOf(key) {
    return this.notebook.book.ruleOf(key);
  }

  names() {
    return this.notebook?.names() ?? [];
  }

  isOver(one) {
    return one.end <= (one.allDay ? this.today * DAY_MS : this.now);
  }

  lookingAt(id) {
    return this.company?.at(id) ?? [];
  }

  refused() {
    const { events, calendars } = this.notebook ?? {};
    return [events, calendars].flatMap((docs) => docs?.refused().map((one) => ({ ...one, docs })) ?? []);
  }

  /** Whether a node would take edits of an event, as far as is known. @param {string} key */
  mayWrite(key) {
    return this.notebook?.events.mayWrite(key) ?? false;
  }

  /** Whether it would take new ones. */
  get mayAdd() {
    return this.notebook !== null && this.mayWrite(this.notebook.events.create());
  }

  /** Something that holds until the replica changes. */
  cache(name, make) {
    const version = this.notebook?.version ?? -1;
    this.cached ??= new Map();
    const held = this.cached.get(name);
    if (held?.version === version && version >= 0) return held.value;
    const value = make();
    this.cached.set(name, { version, value });
    return value;
  }
}
