/**
 * What comes: a list of days that have something, from a day on. Narrow, it is what one sees first.
 */

import { chip, daysOf } from "./chip.js";
import { DAY_MS, civil, dayText, monthStart } from "./days.js";
import { h } from "./dom.js";
import { dotMonth } from "./month.js";
import { fullDay, monthWords, weekdayShort } from "./words.js";

/** @param {any} page @returns {HTMLElement} */
export function agendaView(page) {
  const from = page.narrow ? page.picked : page.day;
  const to = from + page.agendaDays;
  const found = page.between(from * DAY_MS, to * DAY_MS);
  const days = new Map();
  for (const one of found) {
    const span = daysOf(one);
    for (let day = Math.max(span.from, from); day < Math.min(span.to, to); day++) {
      if (!days.has(day)) days.set(day, []);
      days.get(day).push(one);
    }
  }
  if (!days.has(from)) days.set(from, []);
  const ordered = [...days.keys()].sort((a, b) => a - b);
  return h(
    "div.agenda", null,
    page.narrow && dotMonth(page),
    h("div.list", { "data-keep": "list" },
      ordered.map((day, index) => [
        (index === 0 ? !page.narrow : monthStart(day) !== monthStart(ordered[index - 1])) &&
          h("h2.monthname", null, `${monthWords(day)} `, h("span", null, String(civil(day).year))),
        dayGroup(page, day, days.get(day)),
      ]),
      h("button.later", { type: "button", "data-focus": "later", onclick: () => page.later() }, "Show more"),
    ),
  );
}

function dayGroup(page, day, found) {
  return h(
    `section.agendaday${day === page.today ? ".today" : ""}`,
    { "aria-label": fullDay(day), "data-day": day, "data-date": dayText(day) },
    h("header", null, h("b", null, String(civil(day).date)), h("span", null, day === page.today ? "Today" : weekdayShort(day))),
    h("div.rows", null,
      found.length
        ? found.map((one) => chip(page, one, "row", { part: ` ${day}` }))
        : h("p.nothing", null, "Nothing planned.")),
  );
}
