/**
 * Recurrence rules (RFC 5545, 3.3.10): the days on which an event that repeats happens.
 *
 * A rule never looks at a clock: it makes days out of a first day, and the event's wall time and
 * zone make instants of them (occurrences.js). UNTIL is a day here, and included.
 *
 * Invariant: the first day is always an occurrence, and the first that COUNT counts; what the rule
 * makes besides is what the RFC's table says, in order, each day once.
 * Absent: parts of a day (HOURLY and less, BYHOUR …), BYWEEKNO, BYYEARDAY, RDATE.
 */

import { civil, dayOf, dayText, daysInMonth, modulo, parseDay, weekStart, weekday } from "./days.js";

export const WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const UNITS = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];
const COUNT_MAX = 10_000;
const INTERVAL_MAX = 10_000;
const TEXT_MAX = 1_000;
const PERIODS_MAX = 150_000; // looked through at once: four centuries of days

/**
 * @typedef {{nth: number, day: number}} NthDay  nth 0: every; -1: the last; day 0: Monday
 * @typedef {{unit: string, interval: number, count: number|null, until: number|null,
 *   byDay: NthDay[], byMonthDay: number[], byMonth: number[], bySetPos: number[], firstDay: number}} Rule
 */

/** A rule out of its text; RangeError says what is wrong. @returns {Rule} */
export function parseRule(text) {
  if (typeof text !== "string" || text.length > TEXT_MAX) throw new RangeError("no recurrence rule");
  const rule = {
    unit: "", interval: 1, count: null, until: null,
    byDay: [], byMonthDay: [], byMonth: [], bySetPos: [], firstDay: 0,
  };
  const seen = new Set();
  for (const part of text.replace(/^RRULE:/i, "").split(";")) {
    const [name, value] = part.toUpperCase().split("=", 2);
    if (value === undefined || value === "") throw new RangeError(`no part of a rule: ${part}`);
    if (seen.has(name)) throw new RangeError(`${name} stands twice`);
    seen.add(name);
    takePart(rule, name, value);
  }
  check(rule);
  return rule;
}

function takePart(rule, name, value) {
  if (name === "FREQ") {
    if (!UNITS.includes(value)) throw new RangeError(`an event repeats daily at most, not ${value}`);
    rule.unit = value;
  } else if (name === "INTERVAL") rule.interval = number(value, 1, INTERVAL_MAX);
  else if (name === "COUNT") rule.count = number(value, 1, COUNT_MAX);
  else if (name === "UNTIL") rule.until = untilDay(value);
  else if (name === "BYDAY") rule.byDay = value.split(",").map(nthDay);
  else if (name === "BYMONTHDAY") rule.byMonthDay = numbers(value, 31, true);
  else if (name === "BYMONTH") rule.byMonth = numbers(value, 12, false);
  else if (name === "BYSETPOS") rule.bySetPos = numbers(value, 366, true);
  else if (name === "WKST" && WEEKDAYS.includes(value)) rule.firstDay = WEEKDAYS.indexOf(value);
  else throw new RangeError(`${name}=${value} is not supported`);
}

function check(rule) {
  if (rule.unit === "") throw new RangeError("a rule has a FREQ");
  if (rule.count !== null && rule.until !== null) throw new RangeError("COUNT and UNTIL exclude each other");
  if (rule.byDay.some(({ nth }) => nth) && !["MONTHLY", "YEARLY"].includes(rule.unit)) {
    throw new RangeError(`${rule.unit} takes weekdays without a number`);
  }
  if (rule.unit === "WEEKLY" && rule.byMonthDay.length) throw new RangeError("WEEKLY takes no BYMONTHDAY");
  if (rule.bySetPos.length && !(rule.byDay.length || rule.byMonthDay.length || rule.byMonth.length)) {
    throw new RangeError("BYSETPOS chooses among what other parts make");
  }
}

function number(text, min, max) {
  const value = /^[+-]?\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (!(value >= min && value <= max)) throw new RangeError(`${text} is not from ${min} to ${max}`);
  return value;
}

function numbers(text, max, negative) {
  const found = text.split(",").map((one) => number(one, negative ? -max : 1, max));
  if (found.includes(0)) throw new RangeError("there is no number 0");
  return [...new Set(found)].sort((a, b) => a - b);
}

function nthDay(text) {
  const match = /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$/.exec(text);
  if (match === null) throw new RangeError(`no weekday: ${text}`);
  const nth = match[1] === undefined ? 0 : number(match[1], -53, 53);
  if (match[1] !== undefined && nth === 0) throw new RangeError(`no weekday: ${text}`);
  return { nth, day: WEEKDAYS.indexOf(match[2]) };
}

function untilDay(text) {
  const match = /^(\d{4})-?(\d{2})-?(\d{2})(T\d{6}Z?)?$/.exec(text);
  if (match === null) throw new RangeError(`no day: ${text}`);
  return parseDay(`${match[1]}-${match[2]}-${match[3]}`);
}

/** The rule's text. @param {Rule} rule */
export function ruleText(rule) {
  const parts = [`FREQ=${rule.unit}`];
  if (rule.interval !== 1) parts.push(`INTERVAL=${rule.interval}`);
  if (rule.count !== null) parts.push(`COUNT=${rule.count}`);
  if (rule.until !== null) parts.push(`UNTIL=${dayText(rule.until).replaceAll("-", "")}`);
  if (rule.byMonth.length) parts.push(`BYMONTH=${rule.byMonth.join(",")}`);
  if (rule.byMonthDay.length) parts.push(`BYMONTHDAY=${rule.byMonthDay.join(",")}`);
  if (rule.byDay.length) {
    parts.push(`BYDAY=${rule.byDay.map(({ nth, day }) => `${nth || ""}${WEEKDAYS[day]}`).join(",")}`);
  }
  if (rule.bySetPos.length) parts.push(`BYSETPOS=${rule.bySetPos.join(",")}`);
  if (rule.firstDay) parts.push(`WKST=${WEEKDAYS[rule.firstDay]}`);
  return parts.join(";");
}

/**
 * The days of the occurrences with from <= day < to, in order.
 * Without a COUNT the work depends on the window alone, however long ago the first day was.
 * @param {Rule} rule @param {number} first @param {number} from @param {number} to
 * @returns {number[]}
 */
export function daysBetween(rule, first, from, to) {
  const found = [];
  let counted = 1;
  const end = rule.until === null ? to : Math.min(to, rule.until + 1);
  if (first >= from && first < to) found.push(first);
  const skip = rule.count === null && from > first ? periodOf(rule, first, from) - 1 : 0;
  const begin = Math.max(0, skip);
  for (let index = begin; index < begin + PERIODS_MAX; index++) {
    const period = periodAt(rule, first, index);
    if (period.start >= end) return found;
    for (const day of daysOf(rule, first, period)) {
      if (day <= first) continue;
      if (day >= end || (rule.count !== null && counted >= rule.count)) return found;
      counted++;
      if (day >= from) found.push(day);
    }
  }
  return found;
}

/** Whether an event that begins on `first` happens on `day`. */
export const happensOn = (rule, first, day) => daysBetween(rule, first, day, day + 1).length > 0;

/** The last day of a rule that ends, or null. */
export function lastDay(rule, first) {
  if (rule.until !== null) return rule.until;
  if (rule.count === null) return null;
  return daysBetween(rule, first, first, first + 400 * 366).at(-1) ?? first;
}

/** The number of the period, counted by the interval, that a day is in. */
function periodOf(rule, first, day) {
  if (rule.unit === "DAILY") return Math.floor((day - first) / rule.interval);
  if (rule.unit === "WEEKLY") {
    return Math.floor((weekStart(day, rule.firstDay) - weekStart(first, rule.firstDay)) / 7 / rule.interval);
  }
  const [a, b] = [civil(first), civil(day)];
  const months = (b.year - a.year) * 12 + b.month - a.month;
  return Math.floor(rule.unit === "MONTHLY" ? months / rule.interval : (b.year - a.year) / rule.interval);
}

function periodAt(rule, first, index) {
  const steps = index * rule.interval;
  if (rule.unit === "DAILY") return { start: first + steps, length: 1 };
  if (rule.unit === "WEEKLY") return { start: weekStart(first, rule.firstDay) + 7 * steps, length: 7 };
  const { year, month } = civil(first);
  if (rule.unit === "YEARLY") {
    const start = dayOf(year + steps, 1, 1);
    return { start, length: dayOf(year + steps + 1, 1, 1) - start };
  }
  const months = year * 12 + month - 1 + steps;
  const [y, m] = [Math.floor(months / 12), modulo(months, 12) + 1];
  return { start: dayOf(y, m, 1), length: daysInMonth(y, m) };
}

/** What a rule makes of one period, before COUNT and UNTIL. */
function daysOf(rule, first, { start, length }) {
  const origin = civil(first);
  const plain = !rule.byDay.length && !rule.byMonthDay.length;
  const byMonth = rule.byMonth.length || rule.unit !== "YEARLY" || !plain ? rule.byMonth : [origin.month];
  const byMonthDay = plain && ["MONTHLY", "YEARLY"].includes(rule.unit) ? [origin.date] : rule.byMonthDay;
  const byDay = plain && rule.unit === "WEEKLY" ? [{ nth: 0, day: weekday(first) }] : rule.byDay;
  const span = { start, length };
  const days = [];
  for (const month of monthsOf(rule.unit, span)) {
    if (byMonth.length && !byMonth.includes(month.month)) continue;
    // nth weekdays count within the month, or within the year where a yearly rule names no month
    const within = rule.unit === "YEARLY" && !rule.byMonth.length ? span : month.whole;
    for (let day = month.start; day < month.stop; day++) {
      const date = day - month.whole.start + 1;
      if (byMonthDay.length && !byMonthDay.some((one) => one === date || one + month.whole.length + 1 === date)) {
        continue;
      }
      if (byDay.length && !byDay.some((one) => isNth(one, day, within))) continue;
      days.push(day);
    }
  }
  return rule.bySetPos.length ? chosen(days, rule.bySetPos) : days;
}

/** The parts of months that make up a period. */
function* monthsOf(unit, { start, length }) {
  for (let day = start; day < start + length; ) {
    const { year, month, date } = civil(day);
    const whole = { start: day - date + 1, length: daysInMonth(year, month) };
    const stop = Math.min(start + length, whole.start + whole.length);
    yield { month, start: day, stop, whole };
    day = stop;
  }
}

function isNth({ nth, day: wanted }, day, { start, length }) {
  if (weekday(day) !== wanted) return false;
  if (nth === 0) return true;
  if (nth > 0) return Math.floor((day - start) / 7) + 1 === nth;
  return Math.floor((start + length - 1 - day) / 7) + 1 === -nth;
}

function chosen(days, positions) {
  const kept = positions.map((one) => (one > 0 ? days[one - 1] : days[days.length + one]));
  return [...new Set(kept.filter((day) => day !== undefined))].sort((a, b) => a - b);
}
