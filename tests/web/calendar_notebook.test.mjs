// What edits write: single occurrences, whole series, undo; over a stand-in for the documents.
import assert from "node:assert/strict";
import { test } from "node:test";

import { addWinsSet, ask, collection, map, register, text } from "./calendar_fake_client.js";

const web = new URL("../../src/plait/apps/calendar/web/", import.meta.url);
const days = await import(new URL("days.js", web));
const { Notebook } = await import(new URL("notebook.js", web));

const EVENT = {
  title: register(), when: ask(), place: register(), notes: text(), calendar: register(), repeat: register(),
  skips: addWinsSet(), people: map(register()),
};
const CALENDAR = { name: register(), color: register() };
const ZONE = "Europe/Berlin";

function notebook(events, calendars = {}) {
  const docs = collection(EVENT, events);
  const book = new Notebook(docs, collection(CALENDAR, calendars));
  docs.subscribe(({ keys }) => keys.forEach((key) => book.refresh(key)));
  return book;
}

const when = (day, start, end, zone = ZONE) => ({ end: `${day}T${end}`, start: `${day}T${start}`, zone });
const span = (day, start, end, zone = ZONE) => ({
  allDay: false, start: days.parseWall(`${day}T${start}`), end: days.parseWall(`${day}T${end}`), zone,
});
const starts = (book, zone = ZONE) => {
  const at = (day) => days.parseDay(day) * days.DAY_MS;
  return book.book.between(at("2026-11-01"), at("2026-12-15"), zone).map((one) => days.wallText(one.start));
};
const WEEKLY = { e: { title: "Standup", when: when("2026-11-02", "09:30", "09:45"), repeat: "FREQ=WEEKLY;COUNT=4;BYDAY=MO" } };

test("one occurrence that is moved is a document of its own, and undone it is gone", () => {
  const book = notebook(structuredClone(WEEKLY));
  const undo = book.move(book.book.find("e#2026-11-09", ZONE), span("2026-11-10", "14:00", "14:15"), false);
  assert.deepEqual(starts(book), ["2026-11-02T09:30", "2026-11-10T14:00", "2026-11-16T09:30", "2026-11-23T09:30"]);
  assert.deepEqual(book.events.get("e#2026-11-09").when, when("2026-11-10", "14:00", "14:15"));
  undo();
  assert.deepEqual(starts(book), ["2026-11-02T09:30", "2026-11-09T09:30", "2026-11-16T09:30", "2026-11-23T09:30"]);
  assert.ok(!book.events.has("e#2026-11-09"));
});

test("a series that is moved by a day takes its rule and its exceptions along, and back", () => {
  const book = notebook(structuredClone(WEEKLY));
  book.remove(book.book.find("e#2026-11-16", ZONE), false);
  book.move(book.book.find("e#2026-11-23", ZONE), span("2026-11-23", "16:00", "16:15"), false);
  const before = starts(book);
  const undo = book.move(book.book.find("e#2026-11-09", ZONE), span("2026-11-10", "10:00", "10:30"), true);
  assert.deepEqual(starts(book), ["2026-11-03T10:00", "2026-11-10T10:00", "2026-11-23T16:00"]);
  assert.equal(book.events.get("e").repeat, "FREQ=WEEKLY;COUNT=4;BYDAY=TU");
  assert.deepEqual([...book.events.get("e").skips], ["2026-11-17"]);
  assert.ok(book.events.has("e#2026-11-24") && !book.events.has("e#2026-11-23"));
  undo();
  assert.deepEqual(starts(book), before);
});

test("exceptions on days that follow each other all go along", () => {
  const book = notebook({ e: { ...WEEKLY.e, repeat: "FREQ=DAILY;COUNT=6", skips: ["2026-11-03", "2026-11-04"] } });
  book.move(book.book.find("e#2026-11-05", ZONE), span("2026-11-05", "12:00", "12:15"), false);
  book.move(book.book.find("e#2026-11-06", ZONE), span("2026-11-06", "13:00", "13:15"), false);
  book.move(book.book.find("e#2026-11-02", ZONE), span("2026-11-03", "09:30", "09:45"), true);
  assert.deepEqual([...book.events.get("e").skips].sort(), ["2026-11-04", "2026-11-05"]);
  assert.deepEqual(starts(book), ["2026-11-03T09:30", "2026-11-05T12:00", "2026-11-06T13:00", "2026-11-08T09:30"]);
});

test("nobody's later move is undone", () => {
  const book = notebook({ e: { title: "Call", when: when("2026-11-03", "10:00", "11:00") } });
  const undo = book.move(book.book.find("e", ZONE), span("2026-11-04", "10:00", "11:00"), false);
  book.events.get("e").when = when("2026-11-05", "10:00", "11:00");
  undo();
  assert.equal(book.events.get("e").when.start, "2026-11-05T10:00");
});

test("moved by somebody elsewhere, a meeting stays in its own zone", () => {
  const book = notebook({ e: { title: "Call", when: when("2026-11-03", "15:00", "16:00") } });
  const seen = book.book.find("e", "America/New_York");
  assert.equal(days.wallText(seen.start), "2026-11-03T09:00");
  book.move(seen, span("2026-11-03", "10:00", "11:00", "America/New_York"), false);
  assert.deepEqual(book.events.get("e").when, when("2026-11-03", "16:00", "17:00"));
});

test("what was not changed is not written", () => {
  const book = notebook(structuredClone(WEEKLY));
  const told = [];
  book.events.subscribe(({ keys }) => told.push(...keys));
  const one = book.book.find("e#2026-11-09", ZONE);
  book.save(one, { title: "Standup", place: "" }, false);
  assert.deepEqual(told, []);
  book.save(one, { title: "Standup, outside", place: "" }, false);
  assert.equal(book.events.get("e#2026-11-09").title, "Standup, outside");
  assert.equal(book.events.get("e").title, "Standup");
  assert.equal(book.book.find("e#2026-11-09", ZONE).title, "Standup, outside");
});

test("an event that was deleted comes back whole", () => {
  const book = notebook({ e: { ...WEEKLY.e, notes: "news", people: { Ann: "yes" }, skips: ["2026-11-09"] } });
  const before = starts(book);
  const undo = book.remove(book.book.find("e#2026-11-16", ZONE), true);
  assert.deepEqual(starts(book), []);
  undo();
  assert.deepEqual(starts(book), before);
  assert.equal(book.events.get("e").notes.toString(), "news");
  assert.equal(book.events.get("e").people.get("Ann"), "yes");
});

test("there is always a calendar to put an event in, and colours that nobody knows are known", () => {
  assert.deepEqual(notebook({}).kinds().map(({ key }) => key), ["main"]);
  const book = notebook({}, { a: { name: "Team", color: "blue" }, b: { name: 7, color: "ultraviolet" } });
  assert.deepEqual(book.kinds().map(({ name }) => name), ["Calendar", "Team"]);
  assert.ok(book.kinds().every(({ color }) => typeof color === "string" && color !== "ultraviolet"));
});

test("what others wrote wrongly is passed over, and the rest is shown and moved", () => {
  const book = notebook({
    ...structuredClone(WEEKLY), "e#2026-99-99": { title: "no day" }, "e#2026-11-10": { when: 7 }, "#2026-11-10": {},
    odd: { title: { a: 1 }, when: { start: "0001-01-01", end: "9999-01-01" }, repeat: "FREQ=DAILY", calendar: 9 },
    far: { when: when("2026-11-02", "09:30", "09:45", "Mars/X"), repeat: "FREQ=DAILY;COUNT=5;BYMONTH=2;BYMONTHDAY=30" },
    "far#9999-01-01": { when: when("2026-11-02", "09:30", "09:45") },
  });
  book.events.get("e").skips.add("never");
  const started = performance.now();
  assert.ok(starts(book).length >= 4);
  book.move(book.book.find("e#2026-11-09", ZONE), span("2026-11-10", "10:00", "10:30"), true);
  assert.ok(starts(book).includes("2026-11-10T10:00"));
  assert.ok(performance.now() - started < 2000);
});
