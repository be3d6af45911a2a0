/**
 * The side of the page: a small month, what waits for a choice, calendars, and the ways in and out.
 */

import { civil, dayOfWall } from "./days.js";
import { h, icon } from "./dom.js";
import { dotMonth } from "./month.js";
import { COLORS, MAIN } from "./kinds.js";
import { dayShort, monthWords, spanWords } from "./words.js";
import { readWhen, seenFrom } from "./when.js";
import { sheet } from "./sheet.js";
import { addressOf } from "./store.js";

/** @param {any} page */
export function side(page) {
  return [
    !page.narrow && smallMonth(page),
    waiting(page),
    refused(page),
    calendars(page),
    ways(page),
    you(page),
  ].filter(Boolean);
}

function smallMonth(page) {
  const { year } = civil(page.sideDay);
  return h("section.small-month", null,
    h("header", null, h("h2", null, `${monthWords(page.sideDay)} ${year}`),
      h("button.quiet", { type: "button", "aria-label": "Month before", "data-focus": "side-back", onclick: () => page.turnSide(-1) }, icon("back")),
      h("button.quiet", { type: "button", "aria-label": "Month after", "data-focus": "side-on", onclick: () => page.turnSide(1) }, icon("on"))),
    dotMonth(page, { day: page.sideDay }));
}

function waiting(page) {
  const conflicts = page.conflicts();
  if (!conflicts.length) return null;
  return h("section.inbox", { "aria-label": "Moved twice" },
    h("h2", null, "Moved twice"),
    conflicts.map((one) => {
      const spans = one.siblings.map(({ value }) => readWhen(value)).filter(Boolean).map((span) => seenFrom(span, page.zone));
      return h("button.contest", { type: "button", "data-focus": `inbox ${one.key}`, onclick: () => page.choose(one) },
        icon("fork"), h("span", null, h("b", null, page.titleOf(one.key)), spans.map((span) => h("small", null, `${dayShort(dayOfWall(span.start))}, ${spanWords(span)}`))));
    }));
}

function refused(page) {
  const found = [...Map.groupBy(page.refused(), (one) => one.key).values()];
  if (!found.length) return null;
  return h("section.refused", { "aria-label": "Refused" },
    h("h2", null, "Not taken"),
    found.map((ones) => h("div.refusal", null,
      h("span", null, h("b", null, page.titleOf(ones[0].key)), h("small", null, ones[0].reason || "You may not change this."),
        wrote(ones), h("button.again", { type: "button", disabled: !ones[0].docs.mayWrite(ones[0].key), onclick: () => page.again(ones) }, "Write again")),
      h("button.quiet", { type: "button", "aria-label": "Dismiss", onclick: () => page.dismiss(ones) }, icon("close")))));
}

/** The words that were not taken. */
function wrote(ones) {
  const words = ones.flatMap(({ texts = [] }) => texts).join("").trim();
  return words && h("q", null, words.slice(0, 400));
}

function calendars(page) {
  const may = page.notebook?.calendars.mayWrite(MAIN) ?? true;
  return h("section.calendars", null,
    h("h2", null, "Calendars"),
    h("ul", null, page.kinds().map(({ key, name, color }) => h(`li.c-${color}`, null,
      h("label", null, h("input", { type: "checkbox", checked: !page.hidden.has(key), "data-focus": `kind ${key}`, onchange: () => page.toggle(key) }), h("span", null, name)),
      may && h("button.quiet", { type: "button", "aria-label": `Change ${name}`, "data-focus": `kind-more ${key}`, onclick: (event) => kindSheet(page, { key, name, color }, event.currentTarget) }, icon("more"))))),
    may && h("button.add", { type: "button", "data-focus": "kind-new", onclick: (event) => kindSheet(page, { key: null, name: "", color: COLORS[page.kinds().length % COLORS.length] }, event.currentTarget) }, icon("plus"), "New calendar"));
}

function kindSheet(page, { key, name, color }, anchor) {
  const field = h("input.title-field", { name: "name", value: name, placeholder: "Name", "aria-label": "Name", maxlength: 100 });
  const form = h("form.form", null, field,
    h("div.colors", { role: "radiogroup", "aria-label": "Colour" }, COLORS.map((one) =>
      h(`label.c-${one}`, { title: one }, h("input", { type: "radio", name: "color", value: one, checked: one === color, "aria-label": one }), h("i")))),
    h("footer", null, h("button.primary", { type: "submit" }, key === null ? "Add" : "Save")));
  const made = sheet(form, { anchor, label: key === null ? "New calendar" : "Change calendar" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    page.kind(key, { name: field.value.trim() || "Calendar", color: form.querySelector("input:checked").value });
    made.close();
  });
  field.focus();
}

function ways(page) {
  const feed = addressOf("feed.ics");
  const file = h("input.unseen", { type: "file", accept: ".ics,text/calendar", "aria-label": "Import a file", tabindex: -1, onchange: (event) => {
    const [chosen] = event.currentTarget.files;
    if (chosen) page.bring(chosen);
  } });
  return h("section.ways", null,
    h("h2", null, "In and out"),
    h("button", { type: "button", "data-focus": "subscribe", onclick: () => page.copy(feed, "The feed’s address is copied.") }, "Copy the feed’s address"),
    h("a.button", { href: feed, download: "calendar.ics", "data-focus": "export-all" }, "Export everything"),
    h("button", { type: "button", "data-focus": "import", onclick: () => file.click() }, "Import a file …"), file);
}

function you(page) {
  const field = h("input", { name: "me", value: page.me, placeholder: "Your name", "aria-label": "Your name", maxlength: 60, autocomplete: "name", "data-focus": "me" });
  const form = h("form.you", { onsubmit: (event) => {
    event.preventDefault();
    page.callMe(field.value.trim());
  } }, h("h2", null, "You"), field);
  field.addEventListener("change", () => page.callMe(field.value.trim()));
  const who = page.store?.status.who ?? null;
  const barred = page.store?.status.error?.code === "NotSignedIn";
  return h("section", null, form,
    who !== null && h("button.signed", { type: "button", "data-focus": "person", onclick: () => page.showPerson() }, `Signed in as ${who} …`),
    barred && h("button.signed", { type: "button", "data-focus": "sign-in", onclick: () => page.signIn("") }, "Sign in …"),
    h("label.away", null,
    h("input", { type: "checkbox", role: "switch", checked: page.offline, "data-focus": "away", onchange: (event) => page.goAway(event.currentTarget.checked) }), h("span", null, "Work offline")));
}
