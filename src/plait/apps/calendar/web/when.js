/**
 * When an event is, as its document holds it: `{start, end, zone}`, one value that is asked for.
 *
 * Timed: local times ("2026-11-22T09:30") in an IANA zone, or in "", wherever the viewer is. All
 * day: dates ("2026-11-22"), the end excluded, zone "". What cannot be read is null, never a throw:
 * documents come from others.
 *
 * Invariant: readWhen(writeWhen(x)) equals x; an end is never before its start.
 * Absent: an end in another zone than the start (an import brings it over).
 */

import { DAY_MS, parseDay, parseWall, dayText, wallText, dayOfWall } from "./days.js";
import { isZone, toInstant, toWall } from "./zones.js";

/**
 * @typedef {{start: string, end: string, zone: string}} When
 * @typedef {{allDay: boolean, start: number, end: number, zone: string}} Span  wall times
 */

/** @param {unknown} when @returns {Span|null} */
export function readWhen(when) {
  if (when === null || typeof when !== "object") return null;
  const { start, end, zone } = /** @type {When} */ (when);
  if (typeof start !== "string") return null;
  try {
    if (!start.includes("T")) {
      const first = parseDay(start);
      const stop = typeof end === "string" && end ? parseDay(end.slice(0, 10)) : first + 1;
      return { allDay: true, start: first * DAY_MS, end: Math.max(stop, first + 1) * DAY_MS, zone: "" };
    }
    const from = parseWall(start);
    const to = typeof end === "string" && end.includes("T") ? parseWall(end) : from;
    return { allDay: false, start: from, end: Math.max(from, to), zone: isZone(zone) ? zone : "" };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** @param {Span} span @returns {When} with its keys in the order of the alphabet, as every replica writes them */
export function writeWhen({ allDay, start, end, zone }) {
  if (allDay) {
    const first = dayOfWall(start);
    return { end: dayText(Math.max(first + 1, Math.ceil(end / DAY_MS))), start: dayText(first), zone: "" };
  }
  return { end: wallText(Math.max(start, end)), start: wallText(start), zone };
}

/** The instants of a span. @param {Span} span */
export const instantsOf = ({ start, end, zone }) => ({
  start: toInstant(start, zone),
  end: Math.max(toInstant(start, zone), toInstant(end, zone)),
});

/** A span as clocks in another zone show it; a whole day is the same everywhere. */
export function seenFrom(span, zone) {
  if (span.allDay || span.zone === zone) return span;
  const { start, end } = instantsOf(span);
  return { allDay: false, start: toWall(start, zone), end: toWall(end, zone), zone };
}

/** A span that clocks in `zone` show, kept in the zone that it is to be stored in. */
export function storedIn(span, zone) {
  return span.allDay ? span : { ...seenFrom(span, zone), zone };
}

/** Whether two values say the same. */
export const sameWhen = (a, b) =>
  a === b || (a && b && a.start === b.start && a.end === b.end && (a.zone || "") === (b.zone || ""));
