/**
 * What a series becomes when all of it is moved: its rule, its skipped days, its changed ones.
 *
 * Another hour changes nothing but `when`. Another day moves the rule along ("every Monday" becomes
 * "every Tuesday"), and each exception with the occurrence that it was about.
 *
 * Invariant: pure. Moved by n days, the rule makes the old days plus n wherever it is a plain one:
 * daily, weekly by weekdays, monthly or yearly by its first day.
 * Absent: moving rules by position (BYSETPOS) or by several dates of a month; those stay as they are.
 */

import { civil, dayText, daysInMonth, parseDay, weekday } from "./days.js";
import { ruleText } from "./rule.js";

/** The date of an exception, so many days on. */
export const movedDate = (on, days) => dayText(parseDay(on) + days);

/**
 * The rule of a series whose first day moves.
 * @param {import("./rule.js").Rule} rule @param {number} first the day before the move @param {number} days
 */
export function movedRule(rule, first, days) {
  if (days === 0) return rule;
  const moved = { ...rule, until: rule.until === null ? null : rule.until + days };
  if (rule.bySetPos.length) return moved;
  const now = civil(first + days);
  if (rule.unit === "DAILY" || rule.unit === "WEEKLY") {
    moved.byDay = rule.byDay.map(({ nth, day }) => ({ nth, day: weekday(day + days - 3) }));
    moved.byDay.sort((a, b) => a.day - b.day);
    return moved;
  }
  if (rule.byDay.length === 1 && rule.byDay[0].nth !== 0) moved.byDay = [nthOf(first + days, rule.byDay[0].nth < 0)];
  if (rule.byMonthDay.length === 1) moved.byMonthDay = [rule.byMonthDay[0] < 0 ? rule.byMonthDay[0] : now.date];
  if (rule.unit === "YEARLY" && rule.byMonth.length === 1) moved.byMonth = [now.month];
  return moved;
}

/** Which weekday of its month a day is, counted from the end if `last`. */
export function nthOf(day, last = false) {
  const { year, month, date } = civil(day);
  const nth = last ? -(Math.floor((daysInMonth(year, month) - date) / 7) + 1) : Math.floor((date - 1) / 7) + 1;
  return { nth, day: weekday(day) };
}

/** The rules that a person is offered for an event that begins on a day. */
export function offered(day) {
  const nth = nthOf(day);
  const rule = (unit, more = {}) =>
    ruleText({
      unit, interval: 1, count: null, until: null, byDay: [], byMonthDay: [], byMonth: [], bySetPos: [],
      firstDay: 0, ...more,
    });
  const weekdays = [0, 1, 2, 3, 4].map((one) => ({ nth: 0, day: one }));
  return [
    rule("DAILY"),
    ...(weekday(day) < 5 ? [rule("WEEKLY", { byDay: weekdays })] : []),
    rule("WEEKLY", { byDay: [{ nth: 0, day: weekday(day) }] }),
    rule("WEEKLY", { interval: 2, byDay: [{ nth: 0, day: weekday(day) }] }),
    rule("MONTHLY", { byMonthDay: [civil(day).date] }),
    rule("MONTHLY", { byDay: [nth.nth === 5 ? nthOf(day, true) : nth] }),
    rule("YEARLY"),
  ];
}
