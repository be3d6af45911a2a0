/**
 * A week, or as many days as there is room for: hours down the side, bars of whole days above.
 *
 * Invariant: what overlaps stands side by side; what is shorter than a quarter of an hour is drawn
 * as one. Another version of a meeting that was moved twice is drawn as its ghost.
 */

import { chip, daysOf, isBar } from "./chip.js";
import { DAY_MS, MINUTE_MS, civil, dayOfWall, dayText } from "./days.js";
import { h } from "./dom.js";
import { columns, lanes } from "./layout.js";
import { dayWords, fullDay, hourWords, spanWords, timeWords, weekdayShort } from "./words.js";

const LEAST_MS = 24 * MINUTE_MS;

/** @param {any} page @returns {HTMLElement} */
export function weekView(page) {
  const days = page.days();
  const found = page.between(days[0] * DAY_MS, (days.at(-1) + 1) * DAY_MS);
  const bars = found.filter(isBar);
  const timed = found.filter((one) => !isBar(one));
  return h(
    "div.weekview",
    { style: { "--days": days.length }, role: "group", "aria-label": `${dayWords(days[0])} to ${dayWords(days.at(-1))}` },
    h("div.weekhead", null, h("span.corner", { title: page.zone }, page.zoneShort), days.map((day) => dayHead(page, day))),
    allDay(page, days, bars),
    h("div.hours", { "data-keep": "hours", tabindex: -1 }, h(
      "div.sheet", null,
      h("div.labels", { "aria-hidden": "true" }, Array.from({ length: 23 }, (_, hour) => h("span", { style: { "--at": (hour + 1) * 60 } }, hourWords(hour + 1)))),
      days.map((day) => column(page, day, timed)),
    )),
  );
}

function dayHead(page, day) {
  const now = day === page.today;
  return h(
    `button.dayhead${now ? ".today" : ""}${(day + 3) % 7 >= 5 ? ".weekend" : ""}`,
    { type: "button", "aria-label": fullDay(day), "aria-current": now && "date", onclick: () => page.newOn(day), "data-focus": `head ${day}` },
    h("span", null, weekdayShort(day)), h("b", null, String(civil(day).date)),
  );
}

function allDay(page, days, bars) {
  const [first, stop] = [days[0], days.at(-1) + 1];
  const placed = lanes(bars.map((one) => ({ ...daysOf(one), id: one.id, one })), first, stop);
  return h(
    "div.allday", { "aria-label": "Whole days", role: "group" },
    h("span.label", { "aria-hidden": "true" }, "all day"),
    days.map((day, index) => h("div.slot", { "data-day": day, "data-date": dayText(day), "data-whole": true, style: { "grid-column": index + 2 } })),
    placed.map((at) => chip(page, at.bar.one, "bar", {
      style: { "grid-column": `${at.first - first + 2} / span ${at.length}`, "grid-row": at.lane + 1 },
      classes: [at.before && "before", at.after && "after"].filter(Boolean),
      edges: at.bar.one.allDay ? `${at.before ? "" : "start"} ${at.after ? "" : "end"}` : "",
    })),
  );
}

function column(page, day, timed) {
  const [from, to] = [day * DAY_MS, (day + 1) * DAY_MS];
  const here = timed
    .filter((one) => one.start < to && Math.max(one.end, one.start + 1) > from)
    .map((one) => ({ id: one.id, one, start: Math.max(one.start, from), end: Math.min(one.end, to) }));
  const now = page.now;
  const classes = [day === page.today && "today", (day + 3) % 7 >= 5 && "weekend"].filter(Boolean);
  return h(
    `div.col${classes.map((one) => `.${one}`).join("")}`,
    { "data-day": day, "data-date": dayText(day) },
    page.ghosts(day).map(({ span, conflict, value }) => ghost(page, span, conflict, value, from)),
    columns(here, LEAST_MS).map((at) => block(page, at, from)),
    page.draft && dayOfWall(page.draft.start) === day && !page.draft.allDay && draft(page.draft, from),
    dayOfWall(now) === day && h("div.now", { style: { "--at": (now - from) / MINUTE_MS }, "aria-hidden": "true" }),
  );
}

function block(page, { item, column: index, span, columns: count }, from) {
  const { one, start, end } = item;
  const minutes = Math.max((end - start) / MINUTE_MS, LEAST_MS / MINUTE_MS);
  const size = minutes < 35 ? "tiny" : minutes < 55 ? "small" : "tall";
  return chip(page, one, "block", {
    style: {
      "--at": (start - from) / MINUTE_MS, "--for": minutes,
      "--left": index / count, "--wide": span / count,
    },
    classes: [size, start > one.start && "before", end < one.end && "after"].filter(Boolean),
    part: start > one.start ? " rest" : "", edges: end === one.end ? "end" : "",
  });
}

function ghost(page, span, conflict, value, from) {
  const minutes = Math.max((span.end - span.start) / MINUTE_MS, LEAST_MS / MINUTE_MS);
  return h("button.ghost", {
    type: "button", style: { "--at": (span.start - from) / MINUTE_MS, "--for": minutes },
    onclick: () => page.choose(conflict), "data-focus": `ghost ${conflict.key} ${value.start}`,
    "aria-label": `${page.titleOf(conflict.key)} was also moved here, ${spanWords(span)}. Choose.`,
  }, h("span.title", null, page.titleOf(conflict.key)), h("span.time", null, `or ${timeWords(span.start)}?`));
}

function draft(span, from) {
  return h("div.event.block.draft", {
    style: { "--at": (span.start - from) / MINUTE_MS, "--for": Math.max(15, (span.end - span.start) / MINUTE_MS) },
  }, h("span.title", null, "New event"), h("span.time", null, spanWords(span)));
}
