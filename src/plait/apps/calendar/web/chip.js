/**
 * One occurrence as a button, the same in every view: what it says, to eyes and to readers.
 *
 * Invariant: everything that a colour or a pattern says, the label says too.
 * Absent: where it stands; that is the view's.
 */

import { dayOfWall } from "./days.js";
import { h, icon } from "./dom.js";
import { spanWords, timeWords, whenWords } from "./words.js";

/**
 * @param {any} page what app.js gives to views @param {import("./occurrences.js").Occurrence} one
 * @param {"bar"|"line"|"block"|"row"} form
 */
export function chip(page, one, form, { style = {}, classes = [], edges = "", part = "" } = {}) {
  const kind = page.kindOf(one.calendar);
  const conflict = page.conflictOf(one.id);
  const answer = page.me ? one.event.people[page.me] : undefined;
  const others = page.lookingAt(one.id);
  const state = [
    `c-${kind.color}`, form, ...classes,
    answer === "" && "asked", answer === "maybe" && "maybe", answer === "no" && "declined",
    conflict && "contested", page.isOver(one) && "over", page.preview?.id === one.id && "lifted",
    page.open === one.id && "open",
  ].filter(Boolean);
  return h(
    `button.event.${state.join(".")}`,
    {
      type: "button", "data-event": one.id, "data-focus": `event ${one.id}${part}`, style,
      "aria-label": labelOf(page, one, kind, conflict, answer), "aria-haspopup": "dialog",
    },
    edges.includes("start") && h("span.edge.start", { "data-edge": "start" }),
    ...bodyOf(one, form),
    conflict && h("span.mark", { title: "Moved twice: choose" }, icon("fork")),
    one.repeats && form !== "line" && h("span.mark", null, icon("repeat")),
    others.length > 0 && h("span.watchers", null, others.map((who) => h("span.dot-person", { style: { "--hue": who.hue }, title: `${who.name} has this open` }))),
    edges.includes("end") && h("span.edge.end", { "data-edge": "end" }),
  );
}

function bodyOf(one, form) {
  const title = h("span.title", null, one.title || "Untitled");
  if (form === "bar") return [one.allDay ? null : h("span.time", null, timeWords(one.start)), title].filter(Boolean);
  if (form === "line") return [h("span.dot"), h("span.time", null, timeWords(one.start)), title];
  const time = h("span.time", null, spanWords(one));
  const where = one.place ? h("span.place", null, one.place) : null;
  if (form === "block") return [title, time, where].filter(Boolean);
  return [h("span.time", null, time), h("span.what", null, title, where)];
}

function labelOf(page, one, kind, conflict, answer) {
  const said = { yes: "you are coming", maybe: "you may come", no: "you are not coming", "": "not answered yet" };
  return [
    one.title || "Untitled", whenWords(one), one.place, kind.name,
    one.repeats && "repeats", answer !== undefined && said[answer], conflict && "moved twice, choose",
  ].filter(Boolean).join(", ");
}

/** Whether an occurrence is shown as a bar over days instead of at its hours. */
export const isBar = (one) => one.allDay || one.end - one.start >= 86_400_000;

/** The days that an occurrence touches: from <= day < to. */
export function daysOf(one) {
  const from = dayOfWall(one.start);
  const to = one.allDay ? dayOfWall(one.end) : dayOfWall(Math.max(one.end - 1, one.start)) + 1;
  return { from, to };
}
