/**
 * The part of the form that says how an event repeats: a few rules by name, or one's own.
 *
 * Invariant: `value()` is a rule that rule.js reads, or "" for none; a rule that these fields
 * cannot say is offered as it is, and kept unless another is chosen.
 */

import { civil, dayText, parseDay, weekday } from "./days.js";
import { h } from "./dom.js";
import { readRule } from "./occurrences.js";
import { ruleText } from "./rule.js";
import { nthOf, offered } from "./series.js";
import { ruleWords, weekdayName } from "./words.js";

const UNITS = [["DAILY", "days"], ["WEEKLY", "weeks"], ["MONTHLY", "months"], ["YEARLY", "years"]];

/** @param {string} before the rule as it stands @param {() => number} firstDay the form's first day */
export function repeatField(before, firstDay) {
  const select = h("select", { name: "repeat", "aria-label": "Repeats", onchange: () => change() });
  const own = h("div.own-rule", { hidden: true });
  let rule = readRule(before);
  let known = [];

  const list = () => {
    const first = firstDay();
    known = offered(first);
    const chosen = rule === null ? "" : ruleText(rule);
    if (chosen && !known.includes(chosen)) known.push(chosen);
    select.replaceChildren(
      h("option", { value: "" }, "Does not repeat"),
      ...known.map((one) => h("option", { value: one, selected: one === chosen }, ruleWords(readRule(one), first))),
      h("option", { value: "own" }, "Other …"),
    );
  };
  const change = () => {
    const shown = select.value === "own";
    if (!shown) rule = readRule(select.value);
    own.hidden = !shown;
    if (shown) own.replaceChildren(...ownRule(rule ?? readRule(offered(firstDay())[2]) ?? readRule("FREQ=WEEKLY"), firstDay(), (made) => (rule = made)));
  };
  list();
  return {
    element: h("div.repeat", null, select, own),
    value: () => (rule === null ? "" : ruleText(rule)),
    /** The first day changed: what is offered is about that day. */
    again: (previous) => {
      if (previous !== null && rule !== null) {
        const at = offered(previous).indexOf(ruleText(rule));
        const same = offered(previous).length === offered(firstDay()).length;
        if (at >= 0 && same) rule = readRule(offered(firstDay())[at]);
      }
      if (own.hidden) list();
    },
  };
}

function ownRule(rule, first, tell) {
  const made = { ...rule };
  const days = new Set(made.byDay.length && made.unit === "WEEKLY" ? made.byDay.map(({ day }) => day) : [weekday(first)]);
  let monthly = made.byDay.length ? "nth" : "date";
  const interval = h("input", { type: "number", min: 1, max: 999, value: made.interval, "aria-label": "Every how many", name: "interval" });
  const unit = h("select", { "aria-label": "Unit", name: "unit" }, UNITS.map(([name, title]) => h("option", { value: name, selected: name === made.unit }, title)));
  const more = h("div.more-rule");
  const ends = h("select", { "aria-label": "Ends", name: "ends" },
    [["never", "for ever"], ["until", "until"], ["count", "for a number of times"]].map(([name, title]) => h("option", {
      value: name, selected: name === (made.until !== null ? "until" : made.count !== null ? "count" : "never"),
    }, title)));
  const until = h("input", { type: "date", "aria-label": "Until", name: "until", value: dayText(made.until ?? first + 90) });
  const count = h("input", { type: "number", min: 1, max: 999, "aria-label": "Times", name: "count", value: made.count ?? 10 });
  const words = h("small.in-words");

  const settle = () => {
    made.unit = unit.value;
    made.interval = Math.min(999, Math.max(1, Math.round(Number(interval.value)) || 1));
    made.byDay = [];
    made.byMonthDay = [];
    made.byMonth = [];
    made.bySetPos = [];
    if (made.unit === "WEEKLY") made.byDay = [...days].sort().map((day) => ({ nth: 0, day }));
    if (made.unit === "MONTHLY" && monthly === "nth") made.byDay = [nthOf(first)];
    if (made.unit === "MONTHLY" && monthly === "date") made.byMonthDay = [civil(first).date];
    if (made.unit === "MONTHLY" && monthly === "last") made.byDay = [nthOf(first, true)];
    made.until = ends.value === "until" && until.value ? parseDay(until.value) : null;
    made.count = ends.value === "count" ? Math.min(999, Math.max(1, Math.round(Number(count.value)) || 1)) : null;
    until.hidden = ends.value !== "until";
    count.hidden = ends.value !== "count";
    words.textContent = ruleWords(made, first);
    tell({ ...made });
  };
  const parts = () => {
    if (unit.value === "WEEKLY") more.replaceChildren(weekdays(days, settle));
    else if (unit.value === "MONTHLY") more.replaceChildren(monthDays(first, monthly, (name) => ((monthly = name), settle())));
    else more.replaceChildren();
    settle();
  };
  for (const field of [interval, ends, until, count]) field.addEventListener("input", settle);
  unit.addEventListener("change", parts);
  parts();
  return [h("div.inline", null, h("span", null, "Every"), interval, unit), more, h("div.inline", null, ends, until, count), words];
}

function weekdays(days, settle) {
  return h("div.weekdays", { role: "group", "aria-label": "On" }, [0, 1, 2, 3, 4, 5, 6].map((day) => h("button", {
    type: "button", "aria-pressed": String(days.has(day)), "aria-label": weekdayName(day),
    onclick: (event) => {
      if (days.has(day) && days.size > 1) days.delete(day);
      else days.add(day);
      event.currentTarget.setAttribute("aria-pressed", String(days.has(day)));
      settle();
    },
  }, weekdayName(day).slice(0, 2))));
}

function monthDays(first, chosen, tell) {
  const rule = (more) => ruleWords({ unit: "MONTHLY", interval: 1, count: null, until: null, byDay: [], byMonthDay: [], byMonth: [], bySetPos: [], ...more }, first);
  const options = [
    ["date", rule({ byMonthDay: [civil(first).date] })], ["nth", rule({ byDay: [nthOf(first)] })], ["last", rule({ byDay: [nthOf(first, true)] })],
  ];
  return h("select", { "aria-label": "On", onchange: (event) => tell(event.currentTarget.value) },
    options.map(([name, title]) => h("option", { value: name, selected: name === chosen }, title.replace("Every month ", ""))));
}
