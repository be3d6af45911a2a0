/**
 * Time zones: between instants (milliseconds since 1970 UTC) and wall times, by IANA names.
 *
 * The rules are the browser's (`Intl`); the name "" is the viewer's own time wherever that is
 * (RFC 5545's floating time). As in RFC 5545, 3.3.5: a wall time that comes twice is the first of
 * the two, and one that is skipped counts with the offset before the gap, so 02:30 reads as 03:30.
 *
 * Invariant: toWall(toInstant(w, z), z) === w unless w is skipped in z.
 * Absent: leap seconds; a zone definition carried along with an event.
 */

const QUARTER_MS = 900_000; // every offset of today's zones changes at a quarter of an hour
const DAY_MS = 86_400_000;
const CACHED_MAX = 50_000;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
/** @type {Map<string, number>} */
const offsets = new Map();

/** The viewer's own zone. */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Whether the browser knows a zone by this name; "" it does. */
export function isZone(name) {
  if (typeof name !== "string") return false;
  if (name === "") return true;
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

/** Every zone that can be chosen, the viewer's among them. */
export function zoneNames() {
  const known = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return [...new Set([...known, ownZone(), "UTC"])].sort();
}

function formatOf(zone) {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", era: "short",
      year: "numeric", month: "numeric", day: "numeric",
      hour: "numeric", minute: "numeric", second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}

/** How far the clocks of a zone are ahead of UTC at an instant, in milliseconds. */
export function offsetAt(instant, zone) {
  const name = zone === "" ? ownZone() : zone;
  const quarter = Math.floor(instant / QUARTER_MS);
  const at = `${name}|${quarter}`;
  let offset = offsets.get(at);
  if (offset === undefined) {
    offset = measured(quarter * QUARTER_MS, name);
    if (offsets.size >= CACHED_MAX) offsets.clear();
    offsets.set(at, offset);
  }
  return offset;
}

function measured(instant, zone) {
  const part = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) part[type] = value;
  const year = part.era === "BC" ? 1 - Number(part.year) : Number(part.year);
  const wall = new Date(0);
  wall.setUTCFullYear(year, Number(part.month) - 1, Number(part.day));
  wall.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
  return wall.getTime() - instant;
}

/** What the clocks of a zone show at an instant. */
export const toWall = (instant, zone) => instant + offsetAt(instant, zone);

/** When the clocks of a zone show a wall time. */
export function toInstant(wall, zone) {
  const before = offsetAt(wall - DAY_MS, zone);
  const after = offsetAt(wall + DAY_MS, zone);
  const early = wall - before;
  if (before === after || offsetAt(early, zone) === before) return early;
  const late = wall - after;
  return offsetAt(late, zone) === after ? late : early;
}

/** "UTC+2" or "UTC−3:30", for people. */
export function offsetText(instant, zone) {
  const minutes = Math.round(offsetAt(instant, zone) / 60_000);
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  return minutes === 0 ? "UTC" : `UTC${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** A zone's name as people say it: its city. */
export const zoneTitle = (zone) => (zone === "" ? "local time" : zone.split("/").pop().replaceAll("_", " "));
