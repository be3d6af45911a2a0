// Reads [{rule, first, from, to}] as JSON and prints the days that rule.js makes of each.
import { readFileSync } from "node:fs";

const web = new URL("../../src/plait/apps/calendar/web/", import.meta.url);
const { dayText, parseDay } = await import(new URL("days.js", web));
const { daysBetween, parseRule } = await import(new URL("rule.js", web));

const asked = JSON.parse(readFileSync(0, "utf8"));
const made = asked.map(({ rule, first, from, to }) =>
  daysBetween(parseRule(rule), parseDay(first), parseDay(from), parseDay(to)).map(dayText),
);
console.log(JSON.stringify(made));
