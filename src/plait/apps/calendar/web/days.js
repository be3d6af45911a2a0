/**
 * Days and local times as plain numbers.
 *
 * A *day* counts from 1970-01-01 in the proleptic Gregorian calendar; a *wall* time is what a clock
 * on a wall shows, as milliseconds since the day 0, midnight. Neither has a zone: that is zones.js.
 *
 * Invariant: text(parse(x)) === x for every text that is taken; what is no date raises RangeError.
 * Absent: other calendars, leap seconds, years before 0001 and after 9999.
 */

export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;

/** @param {number} a @param {number} b the remainder with the sign of b */
export const modulo = (a, b) => ((a % b) + b) % b;

/** The day of a civil date. @param {number} month 1 to 12 */
export function dayOf(year, month, day) {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** @returns {{year: number, month: number, date: number}} */
export function civil(day) {
  const z = day + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const date = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, date };
}

export const isLeap = (year) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

/** @param {number} month 1 to 12 */
export const daysInMonth = (year, month) =>
  month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;

/** 0 is Monday. */
export const weekday = (day) => modulo(day + 3, 7);

/** The first day of the week that `day` is in. @param {number} first 0 is Monday, 6 Sunday */
export const weekStart = (day, first = 0) => day - modulo(weekday(day) - first, 7);

/** The first of the month that `day` is in. */
export function monthStart(day) {
  const { year, month } = civil(day);
  return dayOf(year, month, 1);
}

/** So many months on, at the same date or the month's last. */
export function addMonths(day, count) {
  const { year, month, date } = civil(day);
  const index = year * 12 + month - 1 + count;
  const y = Math.floor(index / 12);
  const m = modulo(index, 12) + 1;
  return dayOf(y, m, Math.min(date, daysInMonth(y, m)));
}

/** The week's number as ISO 8601 counts, of the week that holds `day`. */
export function weekNumber(day) {
  const thursday = weekStart(day) + 3;
  return Math.floor((thursday - dayOf(civil(thursday).year, 1, 1)) / 7) + 1;
}

const two = (number) => String(number).padStart(2, "0");

/** "2026-11-22" */
export function dayText(day) {
  const { year, month, date } = civil(day);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(date)}`;
}

/** @param {string} text "2026-11-22" */
export function parseDay(text) {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (match === null) throw new RangeError(`no date: ${JSON.stringify(text)}`);
  const [year, month, date] = match.slice(1).map(Number);
  if (year < 1 || month < 1 || month > 12 || date < 1 || date > daysInMonth(year, month)) {
    throw new RangeError(`there is no day ${text}`);
  }
  return dayOf(year, month, date);
}

/** "2026-11-22T09:30", with ":SS" where there are seconds. */
export function wallText(wall) {
  const day = Math.floor(wall / DAY_MS);
  const seconds = Math.floor((wall - day * DAY_MS) / 1000);
  const rest = seconds % 60;
  const minutes = Math.floor(seconds / 60);
  return `${dayText(day)}T${two(Math.floor(minutes / 60))}:${two(minutes % 60)}${rest ? `:${two(rest)}` : ""}`;
}

/** @param {string} text "2026-11-22T09:30" or "2026-11-22T09:30:15" */
export function parseWall(text) {
  const match = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (match === null) throw new RangeError(`no local time: ${JSON.stringify(text)}`);
  const [hours, minutes, seconds] = [match[2], match[3], match[4] ?? "0"].map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) throw new RangeError(`there is no time ${text}`);
  return parseDay(match[1]) * DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

/** The day that a wall time is on. */
export const dayOfWall = (wall) => Math.floor(wall / DAY_MS);

/** The rows of a month's page: whole weeks from the one with the 1st to the one with the last. */
export function monthGrid(day, first = 0) {
  const start = weekStart(monthStart(day), first);
  const end = addMonths(monthStart(day), 1);
  const weeks = [];
  for (let week = start; week < end; week += 7) {
    weeks.push(Array.from({ length: 7 }, (_, index) => week + index));
  }
  return weeks;
}
