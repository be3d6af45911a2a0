/**
 * A month: weeks of seven days, with bars over days and lines within them.
 *
 * The page is an ARIA grid; arrows move between days, Enter makes an event there. A day that holds
 * more than fits says how many more, and shows them when it is asked. Narrow, days have dots.
 */

import { chip, daysOf, isBar } from "./chip.js";
import { DAY_MS, civil, dayText, monthGrid, weekNumber } from "./days.js";
import { h } from "./dom.js";
import { lanes } from "./layout.js";
import { dayWords, fullDay, monthShort, weekdayLong, weekdayShort } from "./words.js";

const LANE_PX = 23;
const HEAD_PX = 34;

/** @param {any} page @returns {HTMLElement} */
export function monthView(page) {
  const weeks = monthGrid(page.day, page.firstDay);
  const found = page.between(weeks[0][0] * DAY_MS, (weeks.at(-1)[6] + 1) * DAY_MS);
  const fits = Math.max(1, Math.floor((page.height - 30) / weeks.length / LANE_PX - HEAD_PX / LANE_PX));
  return h(
    "div.month",
    { role: "grid", "aria-label": "Month", style: { "--weeks": weeks.length } },
    h("div.names", { role: "row" }, weeks[0].map((day) =>
      h("span", { role: "columnheader", "aria-label": weekdayLong(day) }, weekdayShort(day)))),
    weeks.map((week) => weekRow(page, week, found, fits)),
  );
}

function weekRow(page, week, found, fits) {
  const [first, stop] = [week[0], week[6] + 1];
  const bars = found
    .map((one) => ({ ...daysOf(one), id: one.id, one, rank: isBar(one) ? 0 : one.start }))
    .filter(({ from, to }) => from < stop && to > first);
  const placed = lanes(bars, first, stop);
  const most = week.map((day) => placed.filter((at) => at.first <= day && at.first + at.length > day));
  const full = most.map((here) => here.some(({ lane }) => lane >= fits));
  const shown = placed.filter((at) => at.lane < fits - (week.some((day, index) => full[index] && day >= at.first && day < at.first + at.length) ? 1 : 0));
  return h(
    "div.week",
    { role: "row" },
    h("span.number", { "aria-hidden": "true" }, String(weekNumber(week[0] + 3))),
    week.map((day, index) => dayCell(page, day, index)),
    shown.map((at) => slot(at.first - first, at.length, entry(page, at, first))),
    week.map((day, index) => {
      const hidden = most[index].filter((at) => !shown.includes(at)).length;
      return hidden > 0 && slot(index, 1, h("button.more", {
        type: "button", "data-focus": `more ${day}`, style: { "grid-column": index + 1, "grid-row": fits + 1 },
        onclick: (event) => page.showDay(day, event.currentTarget),
        "aria-label": `${hidden} more on ${dayWords(day)}`,
      }, `${hidden} more`));
    }),
  );
}

/** What lies over days, for readers a cell that spans them. */
const slot = (column, length, what) =>
  h("div.slot", { role: "gridcell", "aria-colindex": column + 1, "aria-colspan": length }, what);

function dayCell(page, day, column) {
  const { month, date } = civil(day);
  const classes = [
    month !== civil(page.day).month && "other", day === page.today && "today", day === page.picked && "picked",
    (day + 3) % 7 >= 5 && "weekend",
  ].filter(Boolean);
  return h(
    `div.day${classes.map((one) => `.${one}`).join("")}`,
    {
      role: "gridcell", "aria-colindex": column + 1, "data-day": day, "data-date": dayText(day), "data-focus": `day ${day}`,
      tabindex: day === page.picked ? 0 : -1, "aria-label": fullDay(day), "aria-current": day === page.today && "date",
    },
    h("span.date", null, date === 1 ? `${monthShort(day)} ` : null, h("b", null, String(date))),
  );
}

function entry(page, at, first) {
  const { one } = at.bar;
  const bar = isBar(one) || at.length > 1;
  const style = { "grid-column": `${at.first - first + 1} / span ${at.length}`, "grid-row": at.lane + 2 };
  return chip(page, one, bar ? "bar" : "line", {
    style, classes: [at.before && "before", at.after && "after"].filter(Boolean), part: bar ? ` ${first}` : "",
    edges: bar && one.allDay ? `${at.before ? "" : "start"} ${at.after ? "" : "end"}` : "",
  });
}

/** A small month with a dot a calendar on each day that has something. @param {any} page */
export function dotMonth(page, { day = page.day, pick = page.pickDay } = {}) {
  const weeks = monthGrid(day, page.firstDay);
  const found = page.between(weeks[0][0] * DAY_MS, (weeks.at(-1)[6] + 1) * DAY_MS);
  const colors = new Map();
  for (const one of found) {
    const { from, to } = daysOf(one);
    for (let at = Math.max(from, weeks[0][0]); at < Math.min(to, weeks.at(-1)[6] + 1); at++) {
      if (!colors.has(at)) colors.set(at, new Set());
      colors.get(at).add(page.kindOf(one.calendar).color);
    }
  }
  return h(
    "div.dots",
    { role: "grid", "aria-label": "Days of the month" },
    h("div.names", { role: "row" }, weeks[0].map((one) =>
      h("span", { role: "columnheader", "aria-label": weekdayLong(one) }, weekdayShort(one).slice(0, 2)))),
    weeks.map((week) => h("div.dotweek", { role: "row" }, week.map((one) => dotDay(page, one, day, colors.get(one), pick)))),
  );
}

function dotDay(page, one, day, colors, pick) {
  const { month, date } = civil(one);
  const classes = [
    month !== civil(day).month && "other", one === page.today && "today", one === page.picked && "picked",
  ].filter(Boolean);
  return h("div.cell", { role: "gridcell" }, h(
    `button.dotday${classes.map((name) => `.${name}`).join("")}`,
    {
      type: "button", "data-focus": `dot ${one}`, "aria-label": `${fullDay(one)}${colors ? ", has events" : ""}`,
      "aria-current": one === page.today && "date", tabindex: one === page.picked ? 0 : -1, onclick: () => pick(one), "data-dotday": one,
    },
    h("b", null, String(date)),
    h("span.pips", null, [...(colors ?? [])].slice(0, 3).map((color) => h(`i.c-${color}`))),
  ));
}
