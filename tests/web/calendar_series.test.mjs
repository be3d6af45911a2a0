// Rules, occurrences, series and layout: the calendar's pure modules on events that repeat.
import assert from "node:assert/strict";
import { test } from "node:test";

const web = new URL("../../src/plait/apps/calendar/web/", import.meta.url);
const days = await import(new URL("days.js", web));
const rules = await import(new URL("rule.js", web));
const series = await import(new URL("series.js", web));
const { Book, partsOf } = await import(new URL("occurrences.js", web));
const layout = await import(new URL("layout.js", web));

const dates = (rule, first, from, to) =>
  rules
    .daysBetween(rules.parseRule(rule), days.parseDay(first), days.parseDay(from), days.parseDay(to))
    .map(days.dayText);

test("the rules that people use make the days that people mean", () => {
  assert.deepEqual(dates("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "2026-11-02", "2026-11-01", "2026-12-01"), [
    "2026-11-02", "2026-11-04", "2026-11-16", "2026-11-18", "2026-11-30",
  ]);
  assert.deepEqual(dates("FREQ=MONTHLY;BYDAY=-1FR", "2026-10-30", "2026-10-01", "2027-01-01"), [
    "2026-10-30", "2026-11-27", "2026-12-25",
  ]);
  assert.deepEqual(dates("FREQ=MONTHLY;BYMONTHDAY=31", "2026-01-31", "2026-01-01", "2026-07-01"), [
    "2026-01-31", "2026-03-31", "2026-05-31",
  ]);
  assert.deepEqual(dates("FREQ=YEARLY", "2024-02-29", "2024-01-01", "2033-01-01"), [
    "2024-02-29", "2028-02-29", "2032-02-29",
  ]);
  assert.deepEqual(dates("FREQ=DAILY;COUNT=3", "2026-11-22", "2026-11-23", "2030-01-01"), ["2026-11-23", "2026-11-24"]);
  assert.deepEqual(dates("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-10-30", "2026-11-01", "2027-01-01"), [
    "2026-11-30", "2026-12-31",
  ]);
});

test("a rule that never fits ends, however far one looks", () => {
  assert.deepEqual(dates("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-02-01", "2026-01-01", "2999-01-01"), ["2026-02-01"]);
});

test("a window far away costs no more than one nearby", () => {
  const started = performance.now();
  assert.equal(dates("FREQ=DAILY", "0001-01-01", "9998-01-01", "9998-02-01").length, 31);
  assert.ok(performance.now() - started < 50);
});

test("nonsense is refused with the reason", () => {
  for (const bad of [
    "", "FREQ=HOURLY", "INTERVAL=2", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=1;UNTIL=20260101", "FREQ=DAILY;FREQ=DAILY",
    "FREQ=WEEKLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=0MO", "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0",
    "FREQ=DAILY;BYHOUR=3", "FREQ=DAILY;COUNT=99999999999", "FREQ=DAILY;UNTIL=20260230", "x".repeat(5000), "FREQ=DAILY;;", 7,
  ]) {
    assert.throws(() => rules.parseRule(bad), RangeError, String(bad).slice(0, 40));
  }
});

test("a rule's text comes back as it was", () => {
  for (const text of ["FREQ=DAILY", "FREQ=MONTHLY;INTERVAL=3;UNTIL=20270101;BYDAY=-1FR", "FREQ=YEARLY;BYMONTH=3,5;BYMONTHDAY=-1;WKST=SU"]) {
    assert.equal(rules.ruleText(rules.parseRule(text)), text);
  }
});

test("a plain rule that is moved makes the old days moved as far", () => {
  for (let first = days.parseDay("2026-11-02"); first < days.parseDay("2026-11-23"); first++) {
    for (const text of series.offered(first).slice(0, 4)) {
      for (const by of [-3, 1, 7]) {
        const rule = rules.parseRule(text);
        const moved = series.movedRule(rule, first, by);
        const [from, to] = [first, first + 60];
        const expected = rules.daysBetween(rule, first, from, to).map((day) => day + by);
        assert.deepEqual(rules.daysBetween(moved, first + by, from + by, to + by), expected, `${text} by ${by}`);
      }
    }
    for (const text of series.offered(first)) {
      assert.equal(rules.daysBetween(rules.parseRule(text), first, first, first + 1)[0], first);
    }
  }
});

const event = (more) => ({
  key: "e", title: "Standup", place: "", calendar: "main", repeat: "", skips: [],
  when: { start: "2026-10-19T09:30", end: "2026-10-19T10:00", zone: "Europe/Berlin" }, ...more,
});
const window = (from, to) => [days.parseDay(from) * days.DAY_MS, days.parseDay(to) * days.DAY_MS];
const starts = (book, from, to, zone) => book.between(...window(from, to), zone).map((one) => days.wallText(one.start));

test("a weekly meeting keeps its local time when clocks change, and others see it move", () => {
  const book = new Book();
  book.take("e", event({ repeat: "FREQ=WEEKLY" }));
  assert.deepEqual(starts(book, "2026-10-19", "2026-11-03", "Europe/Berlin"), [
    "2026-10-19T09:30", "2026-10-26T09:30", "2026-11-02T09:30",
  ]);
  assert.deepEqual(starts(book, "2026-10-19", "2026-11-03", "America/New_York"), [
    "2026-10-19T03:30", "2026-10-26T04:30", "2026-11-02T03:30",
  ]);
});

test("a skipped day is left out, and a changed one is where it went", () => {
  const book = new Book();
  book.take("e", event({ repeat: "FREQ=DAILY;COUNT=5", skips: ["2026-10-20"] }));
  book.take("e#2026-10-21", event({
    key: "e#2026-10-21", title: "Standup, outside",
    when: { start: "2026-10-21T15:00", end: "2026-10-21T16:00", zone: "Europe/Berlin" },
  }));
  book.take("e#2026-10-30", event({ key: "e#2026-10-30" })); // a day that the rule does not make
  const found = book.between(...window("2026-10-19", "2026-11-01"), "Europe/Berlin");
  assert.deepEqual(found.map((one) => [days.wallText(one.start), one.title]), [
    ["2026-10-19T09:30", "Standup"], ["2026-10-21T15:00", "Standup, outside"],
    ["2026-10-22T09:30", "Standup"], ["2026-10-23T09:30", "Standup"],
  ]);
  assert.equal(book.find("e#2026-10-21", "Europe/Berlin").title, "Standup, outside");
  assert.equal(book.find("e#2026-10-20", "Europe/Berlin"), null);
  assert.equal(book.find("e#nonsense", "Europe/Berlin"), null);
  book.take("e#2026-10-21", null);
  assert.equal(days.wallText(book.find("e#2026-10-21", "Europe/Berlin").start), "2026-10-21T09:30");
});

test("an occurrence moved into the window from far away is seen there", () => {
  const book = new Book();
  book.take("e", event({ repeat: "FREQ=MONTHLY" }));
  book.take("e#2027-03-19", event({
    key: "e#2027-03-19", when: { start: "2026-11-05T09:30", end: "2026-11-05T10:00", zone: "Europe/Berlin" },
  }));
  assert.deepEqual(starts(book, "2026-11-01", "2026-11-30", "Europe/Berlin"), ["2026-11-05T09:30", "2026-11-19T09:30"]);
});

test("a night that loses an hour keeps the length of what happens in it", () => {
  const book = new Book();
  book.take("e", event({
    repeat: "FREQ=DAILY", when: { start: "2026-03-27T23:00", end: "2026-03-28T05:00", zone: "Europe/Berlin" },
  }));
  const night = book.find("e#2026-03-28", "Europe/Berlin");
  assert.equal(days.wallText(night.start), "2026-03-28T23:00");
  assert.equal(days.wallText(night.end), "2026-03-29T06:00"); // six hours, as the first night
});

test("whole days stand where they are in every zone", () => {
  const book = new Book();
  book.take("e", event({ when: { start: "2026-11-22", end: "2026-11-24", zone: "" } }));
  for (const zone of ["Pacific/Kiritimati", "Pacific/Niue"]) {
    assert.deepEqual(starts(book, "2026-11-23", "2026-11-24", zone), ["2026-11-22T00:00"]);
    assert.deepEqual(starts(book, "2026-11-24", "2026-11-25", zone), []);
  }
});

test("what cannot be read is left out, and the rest is shown", () => {
  const book = new Book();
  book.take("bad", event({ key: "bad", when: { start: "soon" } }));
  book.take("odd", event({ key: "odd", repeat: "FREQ=SOMETIMES" }));
  book.take("lost#2026-10-19", event({ key: "lost#2026-10-19" }));
  assert.deepEqual(starts(book, "2026-10-01", "2026-12-01", "Europe/Berlin"), ["2026-10-19T09:30"]);
});

test("keys tell the event and the date", () => {
  assert.deepEqual(partsOf("a#b#2026-10-19"), { key: "a#b", on: "2026-10-19" });
  assert.deepEqual(partsOf("a#b"), { key: "a#b", on: null });
});

function chance(seed) {
  return () => ((seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31);
}

test("events that overlap stand side by side, and fill the width between them", () => {
  const random = chance(7);
  for (let round = 0; round < 300; round++) {
    const items = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, id) => {
      const start = Math.floor(random() * 40);
      return { id: String(id), start, end: start + Math.floor(random() * 12) };
    });
    const placed = layout.columns(items, 1);
    assert.equal(placed.length, items.length);
    for (const a of placed) {
      assert.ok(a.column + a.span <= a.columns && a.span >= 1);
      for (const b of placed) {
        const overlap = a.item.start < Math.max(b.item.end, b.item.start + 1) && b.item.start < Math.max(a.item.end, a.item.start + 1);
        if (a !== b && overlap) assert.ok(a.column + a.span <= b.column || b.column + b.span <= a.column);
      }
    }
    assert.deepEqual(layout.columns([...items].reverse(), 1), placed);
  }
});

test("bars across days never lie on each other, and are cut at the week's edges", () => {
  const random = chance(11);
  for (let round = 0; round < 300; round++) {
    const bars = Array.from({ length: 10 }, (_, id) => {
      const from = Math.floor(random() * 14) - 4;
      return { id: String(id), from, to: from + 1 + Math.floor(random() * 6) };
    });
    const placed = layout.lanes(bars, 0, 7);
    assert.equal(placed.length, bars.filter((bar) => bar.from < 7 && bar.to > 0).length);
    for (const a of placed) {
      assert.ok(a.first >= 0 && a.first + a.length <= 7 && a.length >= 1);
      for (const b of placed) {
        const meet = a.first < b.first + b.length && b.first < a.first + a.length;
        assert.ok(a === b || a.lane !== b.lane || !meet);
      }
    }
  }
});
