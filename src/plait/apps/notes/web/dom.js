/**
 * The notes' drawings, and times as people say them; elements are made by the kit of every page.
 *
 * Absent: any framework; what changes often is changed where it stands.
 */

import { drawings, h } from "/kit/elements.js";

export { h };

/** Lines on a square of 20, drawn with round ends. */
const ICONS = {
  plus: "M10 4v12M4 10h12",
  back: "M12 4l-6 6 6 6",
  search: "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11zM13 13l4 4",
  pin: "M10 12.5V17.5M6.5 12.5h7l-1.2-3.2V4h1.2M6.5 4h1.2v5.3L6.5 12.5M6.5 4h7",
  history: "M3.5 10a6.5 6.5 0 1 1 2 4.7M3.5 16v-3.5H7M10 6.5V10l2.5 2",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.8 10h7.4l.8-10",
  link: "M8.5 11.5a3 3 0 0 0 4.2 0l2.4-2.4a3 3 0 0 0-4.2-4.2l-.9.9M11.5 8.5a3 3 0 0 0-4.2 0l-2.4 2.4a3 3 0 0 0 4.2 4.2l.9-.9",
  bullets: "M8 5.5h8M8 10h8M8 14.5h8M4.2 5.5h.1M4.2 10h.1M4.2 14.5h.1",
  numbers: "M9 5.5h7M9 10h7M9 14.5h7M3.6 4.6l1-.6v3.4M3.4 12.4c.3-.9 1.9-.9 1.9.1 0 .8-1.9 1.6-1.9 2.7h2",
  todo: "M3.5 4.5h11v11h-11zM6.2 10l2.2 2.2 4-4.6",
  quote: "M5 5v10M9 7h7M9 10.5h7M9 14h4",
  dots: "M4.5 10h.1M10 10h.1M15.5 10h.1",
  calendar: "M4 5.5h12v11H4zM4 9h12M7.5 3.5v3M12.5 3.5v3",
  close: "M5 5l10 10M15 5L5 15",
  print: "M6 8V3.5h8V8M6 14H4V8h12v6h-2M6 12h8v5H6z",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M10 14.6h.1",
};

/** @type {(name: keyof typeof ICONS) => SVGElement} */
export const icon = drawings(20, ICONS);

/** How long ago something was, in few words. @param {number} when ms @param {number} now ms */
export function ago(when, now) {
  const seconds = Math.round((now - when) / 1000);
  if (seconds < 45) return "just now";
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "short" });
  if (seconds < 3600) return words.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 86400 && new Date(when).getDate() === new Date(now).getDate()) {
    return new Date(when).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  }
  if (seconds < 7 * 86400) return new Date(when).toLocaleDateString(undefined, { weekday: "short" });
  const year = new Date(when).getFullYear() === new Date(now).getFullYear() ? undefined : "numeric";
  return new Date(when).toLocaleDateString(undefined, { day: "numeric", month: "short", year });
}

/** A day as people say it. @param {string} day "2026-05-17" */
export function dayName(day) {
  const date = new Date(`${day}T12:00:00`);
  if (Number.isNaN(date.getTime())) return String(day);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short", year });
}
