/**
 * The calendar's drawings, and views in place of others; elements are made by the kit of every page.
 *
 * Absent: diffing; a view is made anew and put in place of the old one, with focus brought back.
 */

import { drawings, h } from "/kit/elements.js";

export { h };

const ICONS = {
  back: "M15 5l-7 7 7 7", on: "M9 5l7 7-7 7", plus: "M12 5v14M5 12h14", close: "M6 6l12 12M18 6L6 18",
  repeat: "M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3M20 13v2a3 3 0 0 1-3 3H4",
  place: "M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11zM12 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.6c2 .8 3.2 2.6 3.5 5.4",
  notes: "M5 6h14M5 11h14M5 16h9", clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2", check: "M5 12.5l4.5 4.5L19 7.5",
  menu: "M4 7h16M4 12h16M4 17h16", fork: "M6 4v5a3 3 0 0 0 3 3h6a3 3 0 0 1 3 3v5M15 17l3 3 3-3M6 12v8",
  more: "M5 12h.01M12 12h.01M19 12h.01", out: "M12 3v12M7 8l5-5 5 5M5 15v4a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2v-4",
};

/** @type {(name: keyof typeof ICONS) => SVGElement} */
export const icon = drawings(24, ICONS);

/** Put a view in place of what is there, and focus back to where it was, by `data-focus`. */
export function place(parent, ...views) {
  const active = parent.contains(document.activeElement) ? document.activeElement : null;
  const focus = active?.closest("[data-focus]")?.getAttribute("data-focus");
  parent.replaceChildren(...views);
  if (focus) refocus(parent, focus);
}

/** Focus what has this name, if it is there. */
export function refocus(parent, name) {
  parent.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus({ preventScroll: true });
}

let said = null;

/** Tell whoever listens instead of looking. */
export function say(text) {
  said ??= document.getElementById("said");
  if (said) said.textContent = text;
}
