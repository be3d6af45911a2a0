/**
 * The page: going about, doing, and drawing. It is what views and sheets call when somebody acts.
 *
 * It draws at most once a frame, out of the replica as it is, so that an edit from elsewhere is on
 * the page as soon as it is in the replica.
 *
 * Invariant: the page can be looked at and walked through before the replica is there.
 * Absent: writing documents (notebook.js); how anything looks (month, week, agenda, side, card, form).
 */

import { agendaView } from "./agenda.js";
import { openCard, openChooser } from "./card.js";
import { chip } from "./chip.js";
import { DAY_MS, addMonths, civil, dayText, monthStart } from "./days.js";
import { h, place, refocus, say } from "./dom.js";
import { openEdit, openNew } from "./form.js";
import { Looking } from "./looking.js";
import { dotMonth, monthView } from "./month.js";
import { partsOf } from "./occurrences.js";
import { remember } from "./settings.js";
import { choice, sheet, toast } from "./sheet.js";
import { side } from "./side.js";
import { bringFile, statusWords } from "./store.js";
import { showPerson, signIn } from "/kit/token.js";
import { weekView } from "./week.js";
import { writeWhen } from "./when.js";
import { dayWords, monthShort, monthWords, whenWords } from "./words.js";

const VIEWS = { month: monthView, week: weekView, agenda: agendaView };
const $ = (id) => document.getElementById(id);

export class Page extends Looking {
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

  chip(one) {
    return chip(this, one, "row");
  }

  showDay(day, anchor) {
    const found = this.between(day * DAY_MS, (day + 1) * DAY_MS);
    const content = h("div.day-sheet", { onclick: (event) => {
      const button = event.target.closest("[data-event]");
      if (button) this.show(button.dataset.event, anchor);
    } }, h("h2", { tabindex: -1 }, dayWords(day)), found.map((one) => this.chip(one)));
    sheet(content, { anchor, label: dayWords(day) });
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
    if (!this.mayAdd) return;
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
    if (!this.mayWrite(one.key)) return;
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
    if (!this.mayWrite(one.key)) return;
    const all = await this.scope(one, anchor, "Delete", ".danger");
    if (all === null) return;
    const undo = this.notebook.remove(one, all);
    toast(`${one.title || "The event"} is deleted.`, "Undo", undo);
  }

  dismiss(ones) {
    for (const one of ones) one.docs.dismiss(one);
    this.draw();
  }

  /** Write what was refused once more. */
  again(ones) {
    for (const one of ones) one.docs.again(one);
    this.dismiss(ones);
  }

  /** Where a drag, or a key, put an event. */
  async drop(one, span, focus = null) {
    if (!this.mayWrite(one.key)) return;
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

  async signIn(why) {
    if (await signIn({ why })) location.reload();
  }

  showPerson() {
    showPerson(this.store.status.who, this.store);
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

  /** What stands in the way of the documents, in words; "" if nothing does. */
  wait(why) {
    this.waitingFor = why;
    this.draw();
  }

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
    $("new").disabled = this.notebook !== null && !this.mayAdd;
    $("today").disabled = this.picked === this.today && (this.view !== "week" || this.days().includes(this.today));
    if (!$("side").contains(document.activeElement) || document.activeElement.name !== "me") place($("side"), ...side(this));
    $("waiting").hidden = this.conflicts().length === 0;
    $("waiting").textContent = String(this.conflicts().length);
    const { words, state } = statusWords(this.store?.status, this.offline, this.waitingFor);
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
