/**
 * Hands on the calendar: dragging to move, resize and make events, and the same by keys.
 *
 * Invariant: nothing is written before the hand lets go; Escape puts everything back. Whatever a
 * drag can do, Alt with arrows does on the focused event: Alt+arrows move it, with Shift its end.
 * Absent: dragging by touch, which is for scrolling; there the form moves events.
 */

import { isBar } from "./chip.js";
import { DAY_MS, MINUTE_MS, dayOfWall } from "./days.js";
import { refocus, say } from "./dom.js";
import { whenWords } from "./words.js";

const SNAP = 15 * MINUTE_MS;
const SLACK_PX = 4;

/** @param {HTMLElement} root @param {any} page */
export function gestures(root, page) {
  root.addEventListener("pointerdown", (down) => {
    if (down.button !== 0) return;
    const button = down.target.closest("[data-event]");
    if (down.pointerType === "touch") return;
    if (button) dragEvent(down, button, page);
    else if (!down.target.closest("button")) dragNew(down, page);
  });
  root.addEventListener("click", (click) => {
    const button = click.target.closest("[data-event]");
    if (button) page.show(button.dataset.event, button);
    else if (page.touched && page.view !== "agenda" && !click.target.closest("button")) tap(click, page);
  });
  root.addEventListener("pointerdown", (down) => (page.touched = down.pointerType === "touch"), true);
  root.addEventListener("keydown", (press) => onEvent(press, page) || onGrid(press, root, page));
}

/** A finger on an empty place: an event there. */
function tap(click, page) {
  const at = pointAt(click.clientX, click.clientY);
  if (!at) return;
  const start = Math.floor(at.wall / (SNAP * 2)) * SNAP * 2;
  if (at.hours) page.newAt({ allDay: false, start, end: start + 60 * MINUTE_MS });
  else page.newOn(at.day, Boolean(click.target.closest("[data-whole]")));
}

/** The day, and the time within it where hours are shown, under a point. */
function pointAt(x, y) {
  for (const element of document.elementsFromPoint(x, y)) {
    const cell = element.closest?.("[data-day]");
    if (!cell || cell.closest("dialog")) continue;
    const day = Number(cell.dataset.day);
    if (!cell.classList.contains("col")) return { day, wall: day * DAY_MS, hours: false };
    const box = cell.getBoundingClientRect();
    return { day, wall: day * DAY_MS + ((y - box.top) / box.height) * DAY_MS, hours: true };
  }
  return null;
}

function follow(down, { begin, move, end }) {
  let begun = false;
  const stop = (keep) => {
    removeEventListener("pointermove", onMove);
    removeEventListener("pointerup", onUp);
    removeEventListener("pointercancel", onCancel);
    removeEventListener("keydown", onKey, true);
    document.body.classList.remove("dragging");
    end(begun, keep);
  };
  const onMove = (event) => {
    if (!begun) {
      if (Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < SLACK_PX) return;
      begun = true;
      document.body.classList.add("dragging");
      begin?.();
    }
    scrollAlong(event);
    const at = pointAt(event.clientX, event.clientY);
    if (at) move(at);
  };
  const onUp = () => {
    if (begun) swallowClick();
    stop(true);
  };
  const onCancel = () => stop(false);
  const onKey = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    stop(false);
  };
  addEventListener("pointermove", onMove);
  addEventListener("pointerup", onUp);
  addEventListener("pointercancel", onCancel);
  addEventListener("keydown", onKey, true);
}

function scrollAlong({ clientY }) {
  const hours = document.querySelector(".hours");
  if (!hours) return;
  const box = hours.getBoundingClientRect();
  if (clientY > box.bottom - 28) hours.scrollTop += 12;
  else if (clientY < box.top + 28 && clientY > box.top) hours.scrollTop -= 12;
}

function swallowClick() {
  const swallow = (event) => event.stopPropagation();
  addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
}

const snapped = (ms) => Math.round(ms / SNAP) * SNAP;

function dragEvent(down, button, page) {
  const one = page.find(button.dataset.event);
  const from = pointAt(down.clientX, down.clientY);
  if (!one || !from || !page.mayWrite(one.key)) return;
  const edge = down.target.closest("[data-edge]")?.dataset.edge ?? "";
  let span = null;
  follow(down, {
    move: (at) => {
      if (isBar(one) === at.hours) return; // between hours and whole days the form leads
      const by = at.hours ? snapped(at.wall - from.wall) : (at.day - from.day) * DAY_MS;
      const next = changed(one, edge, by);
      if (span && next.start === span.start && next.end === span.end) return;
      span = next;
      page.lift(one, span);
    },
    end: (begun, keep) => {
      if (!begun) return;
      page.lift(null);
      if (keep && span && (span.start !== one.start || span.end !== one.end)) page.drop(one, span);
    },
  });
}

/** The span of an occurrence that is moved, or drawn out at an edge. */
function changed(one, edge, by) {
  const least = one.allDay ? DAY_MS : SNAP;
  const span = { allDay: one.allDay, start: one.start, end: one.end };
  if (edge === "start") span.start = Math.min(one.start + by, one.end - least);
  else if (edge === "end") span.end = Math.max(one.end + by, one.start + least);
  else Object.assign(span, { start: one.start + by, end: one.end + by });
  return span;
}

function dragNew(down, page) {
  const from = pointAt(down.clientX, down.clientY);
  if (!from || page.view === "agenda" || !page.mayAdd) return;
  const first = from.hours ? Math.floor(from.wall / (SNAP * 2)) * SNAP * 2 : from.wall;
  let span = from.hours ? { allDay: false, start: first, end: first + 60 * MINUTE_MS } : null;
  follow(down, {
    move: (at) => {
      if (at.hours !== from.hours) return;
      if (at.hours) {
        const [a, b] = [Math.min(first, snapped(at.wall)), Math.max(first + SNAP, snapped(at.wall))];
        span = { allDay: false, start: a, end: Math.max(b, a + SNAP) };
        page.sketch(span);
      } else {
        span = { allDay: true, start: Math.min(at.day, from.day) * DAY_MS, end: (Math.max(at.day, from.day) + 1) * DAY_MS };
        page.sketchDays(dayOfWall(span.start), dayOfWall(span.end));
      }
    },
    end: (begun, keep) => {
      page.sketchDays(0, 0);
      if (!keep) page.sketch(null);
      else if (span) page.newAt(span);
      else page.newOn(from.day, Boolean(down.target.closest("[data-whole]")));
    },
  });
}

/** Keys on a focused event. */
function onEvent(press, page) {
  const button = press.target.closest?.("[data-event]");
  if (!button) return false;
  const one = page.find(button.dataset.event);
  if (!one) return false;
  if (press.key === "Delete" || press.key === "Backspace") {
    press.preventDefault();
    page.remove(one, button);
    return true;
  }
  if (!press.altKey || !press.key.startsWith("Arrow")) return false;
  press.preventDefault();
  const hours = page.view === "week" && !isBar(one);
  const days = { ArrowLeft: -1, ArrowRight: 1 }[press.key] ?? 0;
  const down = { ArrowUp: -1, ArrowDown: 1 }[press.key] ?? 0;
  const by = days * DAY_MS + down * (hours ? SNAP : page.view === "month" ? 7 * DAY_MS : DAY_MS);
  if (press.shiftKey && one.allDay !== hours && days + down === 0) return true;
  const span = changed(one, press.shiftKey ? "end" : "", by);
  if (span.start === one.start && span.end === one.end) return true;
  say(whenWords(span));
  page.drop(one, span, button.dataset.focus);
  return true;
}

/** Arrows from day to day of a month. */
function onGrid(press, root, page) {
  const cell = press.target.closest?.(".day, .dotday");
  if (!cell || press.altKey || press.metaKey || press.ctrlKey) return;
  const small = cell.classList.contains("dotday");
  const day = Number(small ? cell.dataset.dotday : cell.dataset.day);
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[press.key];
  if (by !== undefined) {
    press.preventDefault();
    press.stopPropagation();
    page.pick(day + by);
    refocus(document.body, `${small ? "dot" : "day"} ${day + by}`);
  } else if (press.key === "Enter" && !small) {
    press.preventDefault();
    page.newOn(day);
  }
}
