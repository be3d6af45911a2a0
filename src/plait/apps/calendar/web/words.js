/**
 * Times, spans and rules in words, as the viewer's locale writes numbers and clocks.
 *
 * Invariant: a wall time is formatted as it stands; no zone is applied here a second time.
 * Absent: languages other than English; the locale says the order and the clock.
 */

import { DAY_MS, civil, dayOfWall, weekday } from "./days.js";
import { WEEKDAYS } from "./rule.js";

export const LOCALE =
  globalThis.navigator?.languages?.find((one) => one.toLowerCase().startsWith("en")) ?? "en-GB";

const made = new Map();

function format(options) {
  const name = JSON.stringify(options);
  if (!made.has(name)) made.set(name, new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options }));
  return made.get(name);
}

const of = (day, options) => format(options).format(day * DAY_MS);

/** The first day of the viewer's weeks: 0 Monday, 6 Sunday. */
export function firstWeekday() {
  try {
    const locale = new Intl.Locale(globalThis.navigator?.language ?? "en-GB");
    const info = locale.getWeekInfo?.() ?? locale.weekInfo;
    return info ? (info.firstDay + 6) % 7 : 0;
  } catch {
    return 0;
  }
}

export const monthWords = (day) => of(day, { month: "long" });
export const monthShort = (day) => of(day, { month: "short" });
export const weekdayShort = (day) => of(day, { weekday: "short" });
export const weekdayNarrow = (day) => of(day, { weekday: "narrow" });
export const weekdayLong = (day) => of(day, { weekday: "long" });
export const dayWords = (day) => of(day, { weekday: "long", day: "numeric", month: "long" });
export const dayShort = (day) => of(day, { weekday: "short", day: "numeric", month: "short" });
export const dateWords = (day) => of(day, { day: "numeric", month: "short", year: "numeric" });
export const fullDay = (day) => of(day, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** "09:30" or "9:30 am". */
export const timeWords = (wall) => format({ hour: "numeric", minute: "2-digit" }).format(wall).replace(" AM", " am").replace(" PM", " pm");

/** The hours at the side of a week: "09:00", "9 am". */
export const hourWords = (hour) =>
  (format({ hour: "numeric" }).resolvedOptions().hour12
    ? format({ hour: "numeric" }).format(hour * 3_600_000).replace(" AM", " am").replace(" PM", " pm")
    : `${String(hour).padStart(2, "0")}:00`);

/** "09:30 – 10:00", "All day", or with days where it takes more than one. */
export function spanWords({ allDay, start, end }) {
  const [first, last] = [dayOfWall(start), allDay ? dayOfWall(end) - 1 : dayOfWall(Math.max(start, end - 1))];
  if (allDay) return first === last ? "All day" : `${dayShort(first)} – ${dayShort(last)}`;
  if (start === end) return timeWords(start);
  if (first === last || (last === first + 1 && end - start < DAY_MS)) return `${timeWords(start)} – ${timeWords(end)}`;
  return `${dayShort(first)}, ${timeWords(start)} – ${dayShort(last)}, ${timeWords(end)}`;
}

/** The day and the time: "Monday 23 November, 09:30 – 10:00". */
export function whenWords(span) {
  const day = fullDay(dayOfWall(span.start));
  const one = spanWords(span);
  return span.allDay && one !== "All day" ? one : `${day}, ${one === "All day" ? "all day" : one}`;
}

/** How long ago, roughly: "just now", "5 min ago", "Tue 24 Nov". */
export function agoWords(ms, now = Date.now()) {
  const minutes = Math.round((now - ms) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h ago`;
  const offset = new Date(ms).getTimezoneOffset() * 60_000;
  return dayShort(dayOfWall(ms - offset));
}

const LONG = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const NTH = { 1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", "-1": "last", "-2": "second to last" };
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const UNIT = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };

const listed = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);
const ordinal = (n) => {
  if (n < 0) return n === -1 ? "last day" : `day ${-n} from the end`;
  const ends = ["th", "st", "nd", "rd"];
  return `${n}${ends[n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? "th"}`;
};

/** "Every second week on Monday and Wednesday, until 3 Mar 2027". @param {import("./rule.js").Rule} rule */
export function ruleWords(rule, first) {
  const workdays = rule.byDay.length === 5 && rule.byDay.every(({ nth, day }) => nth === 0 && day < 5);
  const every = rule.interval === 1 ? `Every ${UNIT[rule.unit]}` : `Every ${rule.interval} ${UNIT[rule.unit]}s`;
  let words = every;
  if (workdays && rule.interval === 1 && rule.unit !== "MONTHLY" && rule.unit !== "YEARLY") words = "Every weekday";
  else words += partWords(rule, first);
  if (rule.until !== null) words += `, until ${dateWords(rule.until)}`;
  if (rule.count !== null) words += rule.count === 1 ? ", once" : `, ${rule.count} times`;
  return words;
}

function partWords(rule, first) {
  const days = rule.byDay.map(({ nth, day }) => (nth ? `the ${NTH[nth] ?? `${nth}.`} ${LONG[day]}` : LONG[day]));
  const months = rule.byMonth.map((one) => MONTHS[one - 1]);
  const { month, date } = civil(first);
  if (rule.bySetPos.length) {
    const which = rule.bySetPos.map((one) => NTH[one] ?? `${one}.`);
    const among = rule.byDay.length === 5 && rule.byDay.every(({ day }) => day < 5) ? "weekday" : listed(rule.byDay.map(({ day }) => LONG[day]));
    return ` on the ${listed(which)} ${among || "of its days"}${months.length ? ` of ${listed(months)}` : ""}`;
  }
  if (rule.unit === "WEEKLY") return ` on ${days.length ? listed(days) : LONG[weekday(first)]}`;
  if (rule.unit === "DAILY") return days.length ? ` on ${listed(days)}` : "";
  const dates = rule.byMonthDay.map(ordinal);
  const what = days.length ? listed(days) : dates.length ? `the ${listed(dates)}` : rule.unit === "MONTHLY" ? `the ${ordinal(date)}` : "";
  if (rule.unit === "MONTHLY") return ` on ${what}${months.length ? ` in ${listed(months)}` : ""}`;
  return what ? ` on ${what}${months.length ? ` of ${listed(months)}` : ""}` : ` on ${date} ${listed(months) || MONTHS[month - 1]}`;
}

export const weekdayName = (index) => LONG[index];
export const weekdayCode = (index) => WEEKDAYS[index];
