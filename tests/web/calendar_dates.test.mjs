// Days, zones and when: the calendar's pure modules on what a clock does to a calendar.
import assert from "node:assert/strict";
import { test } from "node:test";

const web = new URL("../../src/plait/apps/calendar/web/", import.meta.url);
const days = await import(new URL("days.js", web));
const zones = await import(new URL("zones.js", web));
const when = await import(new URL("when.js", web));

test("every day of four centuries is the day that Date says", () => {
  for (let day = days.dayOf(1800, 1, 1); day < days.dayOf(2200, 1, 1); day++) {
    const date = new Date(day * days.DAY_MS);
    const { year, month, date: of } = days.civil(day);
    assert.equal(`${year}-${month}-${of}`, `${date.getUTCFullYear()}-${date.getUTCMonth() + 1}-${date.getUTCDate()}`);
    assert.equal(days.dayOf(year, month, of), day);
    assert.equal(days.weekday(day), (date.getUTCDay() + 6) % 7);
  }
});

test("texts of dates and times come back as they were, and nonsense is refused", () => {
  for (const text of ["0001-01-01", "1970-01-01", "2024-02-29", "9999-12-31"]) {
    assert.equal(days.dayText(days.parseDay(text)), text);
  }
  for (const text of ["1969-12-31T23:59", "2026-11-22T00:00", "2026-11-22T09:30:15"]) {
    assert.equal(days.wallText(days.parseWall(text)), text);
  }
  for (const text of ["2023-02-29", "2026-13-01", "2026-1-1", "", "now", "2026-11-22T24:00", "2026-11-22T09:60"]) {
    assert.throws(() => (text.includes("T") ? days.parseWall(text) : days.parseDay(text)), RangeError);
  }
});

test("weeks begin where the viewer's do and are numbered as ISO 8601 says", () => {
  const sunday = days.parseDay("2026-11-22");
  assert.equal(days.dayText(days.weekStart(sunday, 0)), "2026-11-16");
  assert.equal(days.dayText(days.weekStart(sunday, 6)), "2026-11-22");
  assert.equal(days.weekNumber(days.parseDay("2027-01-01")), 53);
  assert.equal(days.weekNumber(days.parseDay("2024-12-30")), 1);
});

test("a month's page is whole weeks with every day of the month in it", () => {
  for (const first of [0, 5, 6]) {
    for (let month = 0; month < 48; month++) {
      const start = days.addMonths(days.parseDay("2024-01-01"), month);
      const weeks = days.monthGrid(start, first);
      assert.ok(weeks.length >= 4 && weeks.length <= 6);
      assert.ok(weeks.every((week) => week.length === 7 && days.weekday(week[0]) === first));
      assert.ok(weeks[0].includes(start) && weeks.at(-1).includes(days.addMonths(start, 1) - 1));
    }
  }
});

test("a month on is the same date or the month's last", () => {
  assert.equal(days.dayText(days.addMonths(days.parseDay("2026-01-31"), 1)), "2026-02-28");
  assert.equal(days.dayText(days.addMonths(days.parseDay("2026-01-31"), -2)), "2025-11-30");
});

const instant = (wall, zone) => new Date(zones.toInstant(days.parseWall(wall), zone)).toISOString();

test("a time that comes twice is the first of the two", () => {
  assert.equal(instant("2026-10-25T02:30", "Europe/Berlin"), "2026-10-25T00:30:00.000Z");
  assert.equal(instant("2026-11-01T01:30", "America/New_York"), "2026-11-01T05:30:00.000Z");
  assert.equal(instant("2026-04-05T01:45", "Australia/Lord_Howe"), "2026-04-04T14:45:00.000Z");
});

test("a time that is skipped counts with the offset before the gap", () => {
  assert.equal(instant("2026-03-29T02:30", "Europe/Berlin"), "2026-03-29T01:30:00.000Z");
  const shown = zones.toWall(zones.toInstant(days.parseWall("2026-03-29T02:30"), "Europe/Berlin"), "Europe/Berlin");
  assert.equal(days.wallText(shown), "2026-03-29T03:30");
  assert.equal(instant("2011-12-30T12:00", "Pacific/Apia"), "2011-12-30T22:00:00.000Z"); // a whole day
});

test("walls and instants agree at every hour of two years in zones of every kind", () => {
  const kinds = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"];
  for (const zone of kinds) {
    for (let at = Date.UTC(2025, 0, 1); at < Date.UTC(2027, 0, 1); at += 3_600_000) {
      const wall = zones.toWall(at, zone);
      const back = zones.toInstant(wall, zone);
      assert.equal(zones.toWall(back, zone), wall);
      assert.ok(back <= at && at - back <= 3_600_000);
    }
  }
});

test("zones are known by name, and others are not", () => {
  assert.ok(zones.isZone("Europe/Berlin") && zones.isZone(""));
  assert.ok(!zones.isZone("Mars/Olympus") && !zones.isZone(null) && !zones.isZone(7));
  assert.equal(zones.offsetText(Date.UTC(2026, 0, 1), "America/St_Johns"), "UTC−3:30");
});

test("when is read or null, whatever another replica wrote", () => {
  for (const bad of [null, 7, "x", {}, { start: 5 }, { start: "2026-02-30" }, { start: "2026-02-03T99:00" }, []]) {
    assert.equal(when.readWhen(bad), null);
  }
  const backwards = when.readWhen({ start: "2026-02-03T10:00", end: "2026-02-03T09:00", zone: "Mars/X" });
  assert.equal(backwards.end, backwards.start);
  assert.equal(backwards.zone, "");
  const day = when.readWhen({ start: "2026-02-03", end: "2026-02-01" });
  assert.equal(day.end - day.start, days.DAY_MS);
});

test("when comes back as it was", () => {
  for (const value of [
    { start: "2026-11-22T09:30", end: "2026-11-22T10:00", zone: "Europe/Berlin" },
    { start: "2026-11-22", end: "2026-11-25", zone: "" },
  ]) {
    assert.deepEqual(when.writeWhen(when.readWhen(value)), value);
    assert.deepEqual(Object.keys(when.writeWhen(when.readWhen(value))), ["end", "start", "zone"]);
  }
});

test("a meeting is seen from another zone, and stored where it was", () => {
  const span = when.readWhen({ start: "2026-11-22T09:30", end: "2026-11-22T10:00", zone: "Europe/Berlin" });
  const seen = when.seenFrom(span, "America/New_York");
  assert.equal(days.wallText(seen.start), "2026-11-22T03:30");
  assert.deepEqual(when.storedIn(seen, "Europe/Berlin"), span);
});
