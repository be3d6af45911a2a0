/**
 * An event's card: what, when, where, who comes; its notes, which everybody edits at once; answers.
 *
 * Invariant: the card shows the event as it is; what others change appears in it while it is open.
 */

import { h, icon, place } from "./dom.js";
import { readWhen, seenFrom } from "./when.js";
import { agoWords, ruleWords, spanWords, whenWords } from "./words.js";
import { offsetText, toInstant, zoneTitle } from "./zones.js";
import { dayOfWall } from "./days.js";
import { sheet } from "./sheet.js";
import { addressOf } from "./store.js";

const ANSWERS = [["yes", "Yes"], ["maybe", "Maybe"], ["no", "No"]];

/** @param {any} page @param {string} id @param {Element|null} anchor */
export function openCard(page, id, anchor) {
  const [head, foot] = [h("div"), h("div")];
  const notes = notesField(page, page.find(id)?.key);
  // the field stays where it is while the rest is drawn anew: who writes in it keeps the caret
  const body = h("div.card", null, head, h("div.facts", null, h("span.fact-icon", null, icon("notes")), notes.element), foot);
  const made = sheet(body, { anchor, label: page.find(id)?.title || "Event", onclose: () => page.closed(id) });
  const draw = () => {
    const one = page.find(id);
    if (one === null) made.close();
    else {
      place(head, ...headOf(page, one, made));
      place(foot, ...footOf(page, one, made));
    }
    notes.follow();
  };
  draw();
  made.place();
  made.dialog.querySelector(".card-title")?.focus();
  return { draw, close: made.close };
}

function headOf(page, one, made) {
  const kind = page.kindOf(one.calendar);
  const conflict = page.conflictOf(one.id);
  const rule = page.ruleOf(one.key);
  const people = Object.keys(one.event.people).sort((a, b) => a.localeCompare(b));
  return [
    h("header", { class: `c-${kind.color}` },
      h("span.swatch", { title: kind.name }),
      h("h2.card-title", { tabindex: -1 }, one.title || "Untitled"),
      h("button.quiet", { type: "button", "aria-label": "Close", "data-focus": "close", onclick: made.close }, icon("close"))),
    conflict && h("button.contest", { type: "button", "data-focus": "contest", onclick: leave(made, () => page.choose(conflict)) },
      icon("fork"), h("span", null, h("b", null, "Moved twice: choose"), h("small", null, "Two people moved this at the same time."))),
    h("dl.facts", null,
      h("dt", null, icon("clock"), h("span.unseen", null, "When")),
      h("dd", null, h("span", null, whenWords(one)), zoneLine(page, one), rule && h("small", null, icon("repeat"), ruleWords(rule, dayOfWall(readWhen(one.event.when).start)))),
      one.place && [h("dt", null, icon("place"), h("span.unseen", null, "Where")), h("dd", null, one.place)],
      people.length > 0 && [h("dt", null, icon("people"), h("span.unseen", null, "Who")), h("dd", null, peopleList(one, people, page.me))],
    ),
  ].filter(Boolean);
}

const leave = (made, act) => () => {
  made.close();
  act();
};

function footOf(page, one, made) {
  return [
    page.me && page.me in one.event.people && page.mayWrite(one.key) && answers(page, one),
    h("footer", null,
      page.mayWrite(one.key) && h("button.primary", { type: "button", "data-focus": "edit", onclick: leave(made, () => page.edit(one)) }, "Edit"),
      h("a.button", { href: addressOf(`event.ics?key=${encodeURIComponent(one.key)}`), download: true, "data-focus": "export" }, "Export"),
      page.mayWrite(one.key) && h("button.danger", { type: "button", "data-focus": "remove", onclick: leave(made, () => page.remove(one)) }, "Delete")),
  ].filter(Boolean);
}

function zoneLine(page, one) {
  if (one.allDay || one.zone === "" || one.zone === page.zone) return null;
  const there = seenFrom(one.span, one.zone);
  const here = seenFrom(one.span, page.zone);
  const instant = toInstant(there.start, one.zone);
  if (there.start === here.start) return null;
  return h("small", null, `${spanWords(there)} in ${zoneTitle(one.zone)} (${offsetText(instant, one.zone)})`);
}

const SAID = { yes: "coming", maybe: "maybe", no: "not coming", "": "no answer yet" };

function peopleList(one, people, me) {
  return h("ul.people", null, people.map((name) => {
    const answer = one.event.people[name];
    return h(`li.answer-${answer || "none"}`, null, h("i", { "aria-hidden": "true" }), h("span", null, name === me ? `${name} (you)` : name), h("small", null, SAID[answer] ?? SAID[""]));
  }));
}

function answers(page, one) {
  const mine = one.event.people[page.me];
  return h("div.answers", { role: "group", "aria-label": "Are you coming?" },
    h("span", null, "Are you coming?"),
    ANSWERS.map(([name, title]) => h(`button.${name}`, {
      type: "button", "aria-pressed": String(mine === name), "data-focus": `answer ${name}`,
      onclick: () => page.answer(one, mine === name ? "" : name),
    }, title)));
}

/** A field of text that several people edit at once: it writes each stroke, and follows others'. */
function notesField(page, key) {
  const element = /** @type {HTMLTextAreaElement} */ (h("textarea.notes", { rows: 2, placeholder: "Notes for everybody", "aria-label": "Notes", "data-focus": "notes" }));
  const text = () => page.notesOf(key);
  element.value = text();
  const fit = () => {
    element.style.setProperty("height", "auto");
    element.style.setProperty("height", `${Math.min(element.scrollHeight + 2, 220)}px`);
  };
  element.addEventListener("input", () => {
    page.writeNotes(key, element.value);
    fit();
  });
  const follow = () => {
    const now = text();
    element.readOnly = !page.mayWrite(key);
    element.placeholder = element.readOnly ? "No notes" : "Notes for everybody";
    if (now !== element.value) {
      const [start, end] = [element.selectionStart, element.selectionEnd].map((at) => moved(element.value, now, at));
      element.value = now;
      if (document.activeElement === element) element.setSelectionRange(start, end);
    }
    fit();
  };
  return { element, follow };
}

/** Where a place in an old text is in a new one that differs in one stretch. */
function moved(old, now, at) {
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  if (at <= head) return at;
  if (at >= old.length - tail) return at + now.length - old.length;
  return now.length - tail;
}

/** The sheet in which a meeting that was moved twice is put in one place. */
export function openChooser(page, conflict) {
  const title = page.titleOf(conflict.key);
  const spans = conflict.siblings.map((one) => ({ ...one, span: readWhen(one.value) }));
  const base = readWhen(conflict.base);
  const seen = (span) => (span ? whenWords(seenFrom(span, page.zone)) : "at no time");
  const content = h("div.chooser", null,
    h("header", null, h("h2", { tabindex: -1 }, "Moved twice: choose"),
      h("button.quiet", { type: "button", "aria-label": "Close", onclick: () => made.close() }, icon("close"))),
    h("p", null, h("b", null, title), base ? ` was on ${seen(base)}.` : " was moved by two people who did not know of each other."),
    h("div.versions", null, spans.map((one, index) => h("section.version", null,
      h("h3", null, one.who || "Somebody"), h("small", null, agoWords(timeOf(one.when))),
      h("p.time", null, seen(one.span)),
      h(`button${index === spans.length - 1 ? ".primary" : ""}`, {
        type: "button", "data-version": index,
        onclick: () => {
          made.close();
          page.resolve(conflict, one.value);
        },
      }, "Take this"),
    ))),
    h("footer", null, h("small", null, `Everybody sees ${spans.at(-1)?.who || "the last"}’s until somebody chooses.`),
      h("button", { type: "button", onclick: () => (made.close(), page.settle(conflict)) }, "Another time …")),
  );
  const made = sheet(content, { label: "Moved twice: choose", wide: true });
  content.querySelector("h2")?.focus();
}

/** A time of writing, however the replica has it, in milliseconds. */
export function timeOf(when) {
  if (when instanceof Date) return when.getTime();
  return typeof when === "string" ? Date.parse(when) : Number(when);
}
