/**
 * The calendar: what is looked at, what is drawn, and what happens when somebody does something.
 *
 * `Page` is what views get. It draws at most once a frame, out of the replica as it is, so that an
 * edit from elsewhere is on the page as soon as it is in the replica.
 *
 * Invariant: the page can be looked at and walked through before the replica is there.
 * Absent: any write (notebook.js); any way of drawing (month, week, agenda, side, card, form).
 */

import { agendaView } from "./agenda.js";
import { chip } from "./chip.js";
import { openCard, openChooser } from "./card.js";
import { company } from "./company.js";
import { DAY_MS, addMonths, civil, dayOfWall, dayText, monthStart, parseDay, weekStart } from "./days.js";
import { h, place, refocus, say } from "./dom.js";
import { openEdit, openNew } from "./form.js";
import { gestures } from "./gestures.js";
import { dotMonth, monthView } from "./month.js";
import { Notebook } from "./notebook.js";
import { partsOf } from "./occurrences.js";
import { MAIN } from "./schema.js";
import { choice, isSheetOpen, sheet, toast } from "./sheet.js";
import { side } from "./side.js";
import { bringFile, openStore, statusWords } from "./store.js";
import { remember, remembered } from "./settings.js";
import { weekView } from "./week.js";
import { readWhen, seenFrom, writeWhen } from "./when.js";
import { dayWords, firstWeekday, monthShort, monthWords, whenWords } from "./words.js";
import { offsetText, ownZone, toWall } from "./zones.js";

const NARROW_PX = 720;
const VIEWS = { month: monthView, week: weekView, agenda: agendaView };
const $ = (id) => document.getElementById(id);

class Page {
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

  // ---------------------------------------------------------------- what views ask

  get height() {
    return $("page").clientHeight || 600;
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

  chip(one) {
    return chip(this, one, "row");
  }

  lookingAt(id) {
    return this.company?.at(id) ?? [];
  }

  refused() {
    const { events, calendars } = this.notebook ?? {};
    return [events, calendars].flatMap((docs) => docs?.refused().map((one) => ({ ...one, docs })) ?? []);
  }

  dismiss(one) {
    one.docs.dismiss(one);
    this.draw();
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

  // ---------------------------------------------------------------- going about

  go(view, day = this.day) {
    this.view = view;
    this.pick(day, true);
    remember("view", view);
    this.toAddress();
  }

  /** Stand on a day; turn the page if it is on another. */
  pick(day, jump = false) {
    this.picked = day;
    const turn = jump || (this.view === "week" ? !this.days().includes(day) : monthStart(day) !== monthStart(this.day));
    if (turn) this.day = this.sideDay = day;
    this.agendaDays = 45;
    this.toAddress();
    this.draw();
  }

  pickDay = (day) => this.pick(day, this.view !== "month" || this.narrow);

  turn(by) {
    const days = this.view === "week" ? this.days().length : 0;
    const month = addMonths(monthStart(this.day), by);
    const target = days ? this.day + by * days : monthStart(this.today) === month ? this.today : month;
    this.pick(target, true);
    say($("title").textContent);
  }

  turnSide(by) {
    this.sideDay = addMonths(monthStart(this.sideDay), by);
    this.draw();
  }

  later() {
    this.agendaDays += 60;
    this.draw();
  }

  showDay(day, anchor) {
    const found = this.between(day * DAY_MS, (day + 1) * DAY_MS);
    const content = h("div.day-sheet", { onclick: (event) => {
      const button = event.target.closest("[data-event]");
      if (button) this.show(button.dataset.event, anchor);
    } }, h("h2", { tabindex: -1 }, dayWords(day)), found.map((one) => this.chip(one)));
    sheet(content, { anchor, label: dayWords(day) });
  }

  fromAddress() {
    const [view, date] = location.hash.slice(1).split("/");
    if (view in VIEWS && !(this.narrow && view === "week" && !date)) this.view = view;
    try {
      if (date) this.picked = this.day = this.sideDay = parseDay(date);
    } catch {
      // an address that somebody typed
    }
  }

  toAddress() {
    history.replaceState(null, "", `${location.pathname}${location.search}#${this.view}/${dayText(this.picked)}`);
    this.company?.tell(this);
  }

  // ---------------------------------------------------------------- doing

  show(id, anchor = null) {
    this.open = id;
    this.card = openCard(this, id, anchor);
    this.company?.tell(this);
    this.draw();
  }

  closed(id) {
    if (this.open === id) this.open = this.card = null;
    this.company?.tell(this);
    this.draw();
  }

  anchorOf(id) {
    return [...$("page").querySelectorAll("[data-event]")].find((one) => one.dataset.event === id) ?? null;
  }

  newOn(day, whole = false) {
    const hour = day === this.today ? Math.min(22, Math.floor((this.now % DAY_MS) / 3_600_000) + 1) : 9;
    const start = day * DAY_MS + (whole ? 0 : hour * 3_600_000);
    this.newAt({ allDay: whole, start, end: start + (whole ? DAY_MS : 3_600_000) });
  }

  newAt(span) {
    if (this.notebook === null) return;
    this.sketch({ ...span, zone: this.zone });
    this.drawNow();
    openNew(this, { span: { ...span, zone: this.zone } }, document.querySelector(".draft, .sketched"));
  }

  add(values) {
    const when = writeWhen(values.span.storeIn === undefined ? values.span : { ...values.span, zone: values.span.storeIn });
    this.lastKind = values.calendar;
    remember("kind", values.calendar);
    const key = this.notebook.add({ ...values, when });
    say(`${values.title} is added`);
    requestAnimationFrame(() => requestAnimationFrame(() => refocus($("page"), `event ${key}`)));
  }

  edit(one) {
    openEdit(this, one, this.anchorOf(one.id));
  }

  /** Put a meeting that was moved twice at another time than either. */
  settle(conflict) {
    const one = this.find(conflict.key);
    this.settling = conflict;
    if (one) this.edit(one);
  }

  save(one, values) {
    const conflict = this.settling;
    if (conflict && values.moved && one.key === partsOf(conflict.key).key) {
      this.resolve(conflict, writeWhen({ ...values.span, zone: values.span.storeIn ?? "" }));
      values.moved = false;
    }
    this.notebook.save(one, { ...values, span: values.moved ? values.span : undefined }, values.all);
    say(`${values.title} is saved`);
  }

  answer(one, answer) {
    this.notebook.answer(one.key, this.me, answer);
  }

  async remove(one, anchor = this.anchorOf(one.id)) {
    const all = await this.scope(one, anchor, "Delete", ".danger");
    if (all === null) return;
    const undo = this.notebook.remove(one, all);
    toast(`${one.title || "The event"} is deleted.`, "Undo", undo);
  }

  /** Where a drag, or a key, put an event. */
  async drop(one, span, focus = null) {
    const seen = { ...span, zone: one.allDay ? "" : this.zone };
    this.lift(one, span);
    this.drawNow();
    const all = await this.scope(one, this.anchorOf(one.id), "Move");
    this.lift(null);
    if (all === null) return;
    const undo = this.notebook.move(one, seen, all);
    this.drawNow();
    if (focus) refocus($("page"), focus);
    toast(`${one.title || "The event"}: ${whenWords(seen)}`, "Undo", undo);
  }

  /** Whether something is for all of a series: asked only where there is one. */
  async scope(one, anchor, verb, classes = "") {
    if (!one.repeats) return false;
    const answer = await choice(anchor, `“${one.title}” repeats.`, [
      { name: "one", title: `${verb} only this one`, classes }, { name: "all", title: `${verb} all of them`, classes },
    ]);
    return answer === null ? null : answer === "all";
  }

  choose(conflict) {
    openChooser(this, conflict);
  }

  resolve(conflict, value) {
    this.notebook.events.resolve(conflict, value);
    this.notebook.version++;
    toast(`${this.titleOf(conflict.key)}: chosen for everybody.`);
    this.draw();
  }

  notesOf = (key) => (this.notebook.events.has(key) ? this.notebook.events.get(key).notes.toString() : "");
  writeNotes = (key, text) => this.notebook.events.get(key).notes.applyDiff(text);

  lift(one, span = null) {
    this.preview = one && { id: one.id, one, span };
    this.draw();
  }

  formClosed() {
    this.settling = null;
    this.sketch(null);
  }

  sketch(span) {
    this.draft = span;
    this.draw();
  }

  /** Mark the days that a new event of whole days would take. */
  sketchDays(from, to) {
    for (const cell of $("page").querySelectorAll("[data-day]")) cell.classList.toggle("sketched", cell.dataset.day >= from && cell.dataset.day < to);
  }

  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    remember("hidden", JSON.stringify([...this.hidden]));
    this.draw();
  }

  kind(key, values) {
    this.notebook.kind(key, values);
  }

  callMe(name) {
    if (name === this.me) return;
    remember("me", name);
    location.reload();
  }

  get offline() {
    return Boolean(this.store?.offline);
  }

  goAway(away) {
    this.store.offline = away;
    this.draw();
  }

  async copy(text, said) {
    try {
      await navigator.clipboard.writeText(text);
      toast(said);
    } catch {
      toast(text);
    }
  }

  async bring(file) {
    toast(await bringFile(file));
  }

  // ---------------------------------------------------------------- drawing

  draw() {
    this.due ??= requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    if (this.due) cancelAnimationFrame(this.due);
    this.due = null;
    this.clock();
    const kept = new Map([...document.querySelectorAll("[data-keep]")].map((one) => [one.dataset.keep, one.scrollTop]));
    document.body.dataset.view = this.view;
    place($("page"), this.narrow && this.view === "month" ? this.narrowMonth() : VIEWS[this.view](this));
    for (const one of document.querySelectorAll("[data-keep]")) one.scrollTop = kept.get(one.dataset.keep) ?? this.firstScroll(one);
    this.drawFrame();
    this.card?.draw();
  }

  narrowMonth() {
    const found = this.between(this.picked * DAY_MS, (this.picked + 1) * DAY_MS);
    return h("div.narrow-month", null, dotMonth(this), h("h2", null, dayWords(this.picked)),
      found.length ? found.map((one) => this.chip(one)) : h("p.nothing", null, "Nothing planned."));
  }

  firstScroll(one) {
    return one.dataset.keep === "hours" ? Math.max(0, one.scrollHeight * (7.5 / 24)) : 0;
  }

  drawFrame() {
    const { year } = civil(this.day);
    place($("title"), ...this.titleWords(year));
    for (const tab of document.querySelectorAll("[data-go]")) tab.setAttribute("aria-pressed", String(tab.dataset.go === this.view));
    $("today").disabled = this.picked === this.today && (this.view !== "week" || this.days().includes(this.today));
    if (!$("side").contains(document.activeElement) || document.activeElement.name !== "me") place($("side"), ...side(this));
    $("waiting").hidden = this.conflicts().length === 0;
    $("waiting").textContent = String(this.conflicts().length);
    const { words, state } = statusWords(this.store?.status, this.offline);
    place($("status"), h("i"), h("span", null, words));
    $("status").dataset.state = state;
    place($("here"), ...(this.company?.faces() ?? []));
  }

  titleWords(year) {
    const days = this.view === "week" ? this.days() : [];
    const [a, b] = [civil(days[0] ?? this.day), civil(days.at(-1) ?? this.day)];
    const words = a.month === b.month ? monthWords(this.day) : `${monthShort(days[0])} – ${monthShort(days.at(-1))}`;
    document.title = `${words} ${year} · Calendar`;
    return [`${words} `, h("span", null, String(a.month === b.month ? year : b.year))];
  }
}

// ------------------------------------------------------------------ the page and its keys

const page = new Page();

function keys(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isSheetOpen()) return;
  if (event.target.closest?.("input, textarea, select")) return;
  const act = {
    t: () => page.pick(page.today, true), m: () => page.go("month"), w: () => page.go("week"), a: () => page.go("agenda"),
    n: () => page.newOn(page.picked), j: () => page.turn(1), k: () => page.turn(-1),
    PageDown: () => page.turn(1), PageUp: () => page.turn(-1), ArrowRight: () => page.turn(1), ArrowLeft: () => page.turn(-1),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function wire() {
  for (const tab of document.querySelectorAll("[data-go]")) tab.addEventListener("click", () => page.go(tab.dataset.go));
  $("back").addEventListener("click", () => page.turn(-1));
  $("on").addEventListener("click", () => page.turn(1));
  $("today").addEventListener("click", () => page.pick(page.today, true));
  $("new").addEventListener("click", () => page.newOn(page.picked));
  $("menu").addEventListener("click", () => document.body.classList.toggle("side-open"));
  $("shade").addEventListener("click", () => document.body.classList.remove("side-open"));
  addEventListener("keydown", (event) => event.key === "Escape" && document.body.classList.remove("side-open"));
  addEventListener("keydown", keys);
  addEventListener("resize", () => {
    page.narrow = innerWidth < NARROW_PX;
    page.draw();
  });
  setInterval(() => page.draw(), 30_000);
  gestures($("page"), page);
}

async function start() {
  wire();
  page.drawNow();
  page.store = await openStore(page.me);
  page.store.subscribe(() => page.draw());
  page.drawFrame();
  const { events, calendars } = await page.store.both();
  page.notebook = new Notebook(events, calendars);
  page.company = company(events, page);
  events.subscribe(({ keys: changed }) => {
    for (const key of changed) page.notebook.refresh(key);
    page.draw();
  });
  calendars.subscribe(() => {
    page.notebook.version++;
    page.draw();
  });
  page.drawNow();
  document.body.dataset.ready = "true";
}

start();
