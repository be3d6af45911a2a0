/**
 * The form for a new event, and for changing one: one occurrence of a series, or all of it.
 *
 * Invariant: it writes what its person changed, and nothing else; while it is open nothing is
 * written. A start that is moved takes the end along.
 */

import { DAY_MS, MINUTE_MS, dayOfWall, dayText, parseDay, parseWall, wallText } from "./days.js";
import { h, icon } from "./dom.js";
import { repeatField } from "./repeating.js";
import { sheet } from "./sheet.js";
import { seenFrom } from "./when.js";
import { zoneNames } from "./zones.js";

/**
 * @param {any} page @param {{span: import("./when.js").Span, title?: string}} draft for a new event
 * @param {Element|null} anchor
 */
export function openNew(page, draft, anchor) {
  const form = formOf(page, { span: draft.span, zone: page.zone, title: "", place: "", calendar: page.lastKind, people: [], repeat: "" }, true);
  open(page, form, "New event", anchor, (values) => page.add(values));
}

/** @param {import("./occurrences.js").Occurrence} one */
export function openEdit(page, one, anchor) {
  const zone = one.allDay ? "" : one.zone;
  const form = formOf(page, {
    span: one.allDay ? one.span : seenFrom(one.span, zone), zone, title: one.title, place: one.place,
    calendar: one.event.calendar, people: Object.keys(one.event.people), repeat: one.event.repeat, series: one.repeats,
  }, false);
  open(page, form, "Edit event", anchor, (values) => page.save(one, values));
}

function open(page, form, label, anchor, write) {
  const made = sheet(form.element, { anchor, label, onclose: () => page.formClosed() });
  form.element.addEventListener("submit", (event) => {
    event.preventDefault();
    const values = form.values();
    if (values === null) return;
    write(values);
    made.close();
  });
  form.element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.element.requestSubmit();
  });
  form.element.querySelector("[data-cancel]").addEventListener("click", made.close);
  form.title.focus();
  form.title.select();
}

function formOf(page, given, isNew) {
  const title = h("input.title-field", { name: "title", value: given.title, placeholder: "Title", "aria-label": "Title", maxlength: 500, autocomplete: "off" });
  const time = timeFields(given);
  const place = h("input", { name: "place", value: given.place, placeholder: "Place", "aria-label": "Place", maxlength: 500, autocomplete: "off" });
  const repeat = repeatField(given.repeat, time.firstDay);
  time.onday((previous) => repeat.again(previous));
  const kinds = kindField(page, given.calendar);
  const people = peopleField(page, given.people);
  const notes = isNew ? h("textarea", { name: "notes", rows: 2, placeholder: "Notes", "aria-label": "Notes" }) : null;
  const scope = given.series ? scopeField((all) => (shared.hidden = !all)) : null;
  const shared = h("div.shared", { hidden: Boolean(given.series) },
    row("repeat", repeat.element), row("people", people.element), h("div.field", null, h("span.field-icon", null, h("i.swatch-dot")), kinds.element));
  const problem = h("p.problem", { role: "alert" });
  const element = h("form.form", { novalidate: true },
    title, scope?.element,
    row("clock", time.element), row("place", place), shared, notes && row("notes", notes), problem,
    h("footer", null, h("button.primary", { type: "submit" }, isNew ? "Add event" : "Save"), h("button", { type: "button", "data-cancel": true }, "Cancel")));

  const values = () => {
    const span = time.value();
    problem.textContent = typeof span === "string" ? span : "";
    if (typeof span === "string") return null;
    const all = scope === null || scope.all();
    return {
      all, span, title: title.value.trim() || (isNew ? "Untitled" : given.title), place: place.value.trim(),
      moved: time.changed(),
      ...(all ? { repeat: repeat.value(), calendar: kinds.value(), people: people.value() } : {}),
      notes: notes?.value.trim() ?? "",
    };
  };
  return { element, title, values };
}

const row = (name, ...children) => h("div.field", null, h("span.field-icon", null, icon(name)), ...children);

function scopeField(tell) {
  const one = h("input", { type: "radio", name: "scope", value: "one", checked: true, onchange: () => tell(false) });
  const all = h("input", { type: "radio", name: "scope", value: "all", onchange: () => tell(true) });
  return {
    element: h("div.segments.scope", { role: "radiogroup", "aria-label": "Change" }, h("label", null, one, "Only this one"), h("label", null, all, "All of them")),
    all: () => all.checked,
  };
}

function timeFields({ span, zone }) {
  const timed = span.allDay ? { start: span.start + 9 * 60 * MINUTE_MS, end: span.start + 10 * 60 * MINUTE_MS } : span;
  const field = (type, name, label, value) => h("input", { type, name, "aria-label": label, value, required: true });
  const whole = h("input", { type: "checkbox", name: "allday", checked: span.allDay, role: "switch" });
  const startDay = field("date", "start-day", "Starts on", dayText(dayOfWall(span.start)));
  const endDay = field("date", "end-day", "Ends on", dayText(span.allDay ? dayOfWall(span.end) - 1 : dayOfWall(span.end)));
  const startTime = field("time", "start-time", "Starts at", wallText(timed.start).slice(11, 16));
  const endTime = field("time", "end-time", "Ends at", wallText(timed.end).slice(11, 16));
  const zones = h("select.zones", { name: "zone", "aria-label": "Time zone" }, [...new Set(["", ...zoneNames(), zone])].map((name) =>
    h("option", { value: name, selected: name === (span.allDay ? zoneNow() : zone) }, name === "" ? "Everybody’s local time" : name.replaceAll("_", " "))));
  const element = h("div.times", null,
    h("div.inline", null, startDay, startTime, h("span.to", null, "–"), endTime, endDay),
    h("div.inline.small", null, h("label.switch", null, whole, h("span", null, "All day")), zones));
  const heard = [];
  const show = () => {
    element.classList.toggle("whole", whole.checked);
    startTime.disabled = endTime.disabled = zones.disabled = whole.checked;
    element.classList.toggle("one-day", !whole.checked && startDay.value === endDay.value);
  };
  const wall = (day, at) => parseWall(`${day.value}T${at.value || "00:00"}`);
  let start = safely(() => wall(startDay, startTime));
  const onStart = () => {
    const now = safely(() => wall(startDay, startTime));
    const end = safely(() => wall(endDay, endTime));
    if (now !== null && start !== null && end !== null && now !== start) {
      const moved = end + now - start;
      endDay.value = dayText(dayOfWall(moved));
      endTime.value = wallText(moved).slice(11, 16);
      const previous = dayOfWall(start);
      start = now;
      if (dayOfWall(now) !== previous) for (const fn of heard) fn(previous);
    }
    show();
  };
  const onEnd = () => {
    // an end before the start on the same day is after midnight
    if (endDay.value === startDay.value && endTime.value < startTime.value && !whole.checked) endDay.value = dayText(parseDay(startDay.value) + 1);
    show();
  };
  startDay.addEventListener("change", onStart);
  startTime.addEventListener("change", onStart);
  endTime.addEventListener("change", onEnd);
  endDay.addEventListener("change", show);
  whole.addEventListener("change", show);
  show();
  const said = () => [whole.checked, startDay.value, endDay.value, !whole.checked && [startTime.value, endTime.value, zones.value]].join();
  const before = said();
  return {
    element, changed: () => said() !== before, onday: (fn) => heard.push(fn),
    firstDay: () => safely(() => parseDay(startDay.value)) ?? dayOfWall(span.start),
    value: () => {
      try {
        const found = whole.checked
          ? { allDay: true, start: parseDay(startDay.value) * DAY_MS, end: (parseDay(endDay.value) + 1) * DAY_MS, zone: "" }
          : { allDay: false, start: wall(startDay, startTime), end: wall(endDay, endTime), zone: zones.value, storeIn: zones.value };
        return found.end < found.start || (found.allDay && found.end === found.start) ? "It ends before it starts." : found;
      } catch {
        return "Say when it starts and ends.";
      }
    },
  };
}

const zoneNow = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

function safely(make) {
  try {
    return make();
  } catch {
    return null;
  }
}

function kindField(page, chosen) {
  const group = h("div.kinds", { role: "radiogroup", "aria-label": "Calendar" }, page.kinds().map(({ key, name, color }, index) =>
    h(`label.c-${color}`, null,
      h("input", { type: "radio", name: "calendar", value: key, checked: key === chosen || (index === 0 && !page.kinds().some((one) => one.key === chosen)) }),
      h("i"), name)));
  return { element: group, value: () => group.querySelector("input:checked")?.value ?? chosen };
}

function peopleField(page, given) {
  const names = [...given];
  const list = h("span.chips");
  const field = h("input", { name: "person", placeholder: "Invite somebody", "aria-label": "Invite somebody", list: "people-known", maxlength: 100, autocomplete: "off" });
  const draw = () => list.replaceChildren(...names.map((name) => h("span.person", null, name, h("button", {
    type: "button", "aria-label": `Do not invite ${name}`, onclick: () => {
      names.splice(names.indexOf(name), 1);
      draw();
    },
  }, "×"))));
  const take = () => {
    for (const name of field.value.split(",").map((one) => one.trim())) if (name && !names.includes(name)) names.push(name);
    field.value = "";
    draw();
  };
  field.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === ",") && field.value.trim()) {
      event.preventDefault();
      take();
    } else if (event.key === "Backspace" && field.value === "" && names.length) {
      names.pop();
      draw();
    }
  });
  field.addEventListener("change", take);
  draw();
  const known = h("datalist", { id: "people-known" }, page.names().map((name) => h("option", { value: name })));
  return {
    element: h("div.invite", null, list, field, known),
    value: () => {
      take();
      return [...names];
    },
  };
}

