"""The calendar's files: round trips, what other programs write, and what nobody should."""

from datetime import UTC, date, datetime, timedelta

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plait
from plait.apps.calendar.entries import Change, Entry, entries_of, write_by_parts, write_entries
from plait.apps.calendar.ics import BYTES_MAX, EVENTS_MAX, key_of, read_ics, write_ics
from plait.apps.calendar.model import When, open_calendar, parts_of
from plait.apps.calendar.rules import NoRule, kept_rule, told_rule
from plait.apps.calendar.sample import entries, fill
from plait.base.errors import BadValue

ZONES = ("", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40
).map(str.strip).filter(bool)  # fmt: skip
days = st.dates(date(1980, 1, 1), date(2090, 1, 1))
minutes = st.integers(0, 24 * 60 - 1)


@st.composite
def whens(draw):
    day = draw(days)
    if draw(st.booleans()):
        return When(start=str(day), end=str(day + timedelta(days=draw(st.integers(1, 20)))))
    start = datetime.combine(day, datetime.min.time()) + timedelta(minutes=draw(minutes))
    end = start + timedelta(minutes=draw(st.integers(90, 3000)))  # over any hour that comes twice
    zone = draw(st.sampled_from(ZONES))
    return When(
        start=start.isoformat(timespec="minutes"), end=end.isoformat(timespec="minutes"), zone=zone
    )


@st.composite
def rules(draw, start):
    unit = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = [f"FREQ={unit}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(2, 50))}")
    ending = draw(st.sampled_from(("", "COUNT=7", "UNTIL")))
    if ending == "UNTIL":
        parts.append(f"UNTIL={date.fromisoformat(start[:10]) + timedelta(days=400):%Y%m%d}")
    elif ending:
        parts.append(ending)
    if unit == "WEEKLY":
        parts.append("BYDAY=MO,FR")
    elif unit in ("MONTHLY", "YEARLY") and draw(st.booleans()):
        parts.append("BYDAY=-1FR")
    return ";".join(parts)


@st.composite
def anything(draw):
    when = draw(whens())
    repeat = draw(st.one_of(st.just(""), rules(when.start)))
    first = date.fromisoformat(when.start[:10])
    dates = draw(st.lists(st.integers(1, 300), unique=True, max_size=4)) if repeat else []
    on = [str(first + timedelta(days=one)) for one in dates]
    moved = {date: Change(draw(st.none() | words), when=draw(whens())) for date in on[2:]}
    return Entry(
        key_of(draw(words)),
        when,
        draw(words),
        draw(st.just("") | words),
        draw(st.just("") | words),
        draw(st.just("") | words),
        repeat,
        sorted(on[:2]),
        draw(st.dictionaries(words, st.sampled_from(("yes", "maybe", "no", "")), max_size=3)),
        moved,
    )


def plain(entry):
    """What of an entry a file must keep."""
    changes = {
        on: (change.title if change.title != entry.title else None, change.when)
        for on, change in entry.changes.items()
    }
    return (
        entry.key, entry.when, entry.title, entry.place, entry.notes, entry.calendar,
        sorted(entry.repeat.split(";")), entry.skips, entry.people, changes,
    )  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(anything())
def test_what_is_written_is_read_again(entry):
    found, skipped = read_ics(write_ics([entry]))
    assert skipped == []
    assert [plain(one) for one in found] == [plain(entry)]


def test_the_sample_comes_back_whole_and_is_the_same_bytes_each_time():
    sample = entries(date(2026, 11, 22))
    data = write_ics(sample)
    assert data == write_ics(sample)
    found, skipped = read_ics(data)
    assert skipped == []
    ordered = sorted(found, key=lambda one: one.key)
    expected = sorted(sample, key=lambda one: one.key)
    assert [plain(one) for one in ordered] == [plain(one) for one in expected]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_of_any_kind_are_read_or_refused(data):
    read_or_refused(data)


LINES = (
    "DTSTART:20261122T093000",
    "DTSTART;VALUE=DATE:20261122",
    "DTSTART;TZID=Mars/X:20261122T093000",
    "DTSTART:nonsense",
    "DTSTART:99999999",
    "DTSTART;TZID=Europe/Berlin:20261122T093000",
    "DTEND:20261122",
    "DTEND;VALUE=DATE:20261120",
    "DTEND:20261122T083000Z",
    "DURATION:PT1H",
    "DURATION:-P1D",
    "DURATION:x",
    "RRULE:FREQ=HOURLY",
    "RRULE:FREQ=DAILY;UNTIL=20261131",
    "RRULE:FREQ=WEEKLY;BYDAY=1MO",
    "RRULE:FREQ=DAILY;COUNT=1;UNTIL=20270101",
    "RRULE:",
    "RRULE:FREQ=YEARLY;BYWEEKNO=3",
    "RRULE:FREQ=DAILY",
    "EXDATE:20261123T093000",
    "EXDATE;VALUE=DATE:20261123,20261124",
    "EXDATE:x",
    "RDATE:20261125",
    "RECURRENCE-ID:20261124T093000",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20261124T093000",
    "UID:a",
    "UID:a#2026-11-22",
    "UID:",
    "SUMMARY:x\\ny\\, z",
    "SUMMARY;LANGUAGE=en:x",
    "STATUS:CANCELLED",
    "ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.org",
    "ATTENDEE:",
    "CATEGORIES:Team,Other",
    "DTSTART:20261122T093000Z",
    "DTSTART:00010101T000000Z",
    "DTSTART:99991231T235959Z",
    "DURATION:P9999999D",
    "SUMMARY:\x00\x1b",
    "BEGIN:VALARM",
    "END:VALARM",
    "END:VEVENT",
    "BEGIN:VEVENT",
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(st.sampled_from(LINES), max_size=8), max_size=3))
def test_files_of_odd_lines_are_read_or_refused(events):
    body = "".join(
        "BEGIN:VEVENT\r\n" + "".join(f"{line}\r\n" for line in lines) + "END:VEVENT\r\n"
        for lines in events
    )
    found = read_or_refused(f"BEGIN:VCALENDAR\r\n{body}END:VCALENDAR\r\n".encode())
    write_ics(found)  # and what was read can be written


def read_or_refused(data):
    try:
        return read_ics(data)[0]
    except BadValue:
        return []


def test_too_much_is_refused_with_the_limit():
    with pytest.raises(BadValue, match="bytes"):
        read_ics(b" " * (BYTES_MAX + 1))
    event = "BEGIN:VEVENT\r\nEND:VEVENT\r\n"
    data = f"BEGIN:VCALENDAR\r\n{event * (EVENTS_MAX + 1)}END:VCALENDAR\r\n".encode()
    with pytest.raises(BadValue, match="events"):
        read_ics(data)
    with pytest.raises(BadValue, match="no calendar file"):
        read_ics(b"")


FOREIGN = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//Somebody//EN\r
BEGIN:VTIMEZONE\r
TZID:Our Own Time\r
BEGIN:STANDARD\r
DTSTART:19700101T000000\r
TZOFFSETFROM:+0330\r
TZOFFSETTO:+0330\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
UID:weekly\r
DTSTART;TZID=Europe/Berlin:20261102T093000\r
DURATION:PT45M\r
RRULE:FREQ=WEEKLY;UNTIL=20261130T083000Z\r
EXDATE:20261109T083000Z\r
SUMMARY:Standup\r
ATTENDEE;CN="Ann Lee";PARTSTAT=TENTATIVE:mailto:ann@example.org\r
CATEGORIES:Team\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:weekly\r
RECURRENCE-ID;TZID=Europe/Berlin:20261116T093000\r
DTSTART;TZID=America/New_York:20261116T120000\r
DTEND;TZID=America/New_York:20261116T123000\r
SUMMARY:Standup\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:weekly\r
RECURRENCE-ID;TZID=Europe/Berlin:20261123T093000\r
DTSTART;TZID=Europe/Berlin:20261123T093000\r
STATUS:CANCELLED\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:own\r
DTSTART;TZID=Our Own Time:20261102T120000\r
DTEND;TZID=Our Own Time:20261102T130000\r
SUMMARY:Elsewhere\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:hourly\r
DTSTART:20261102T120000Z\r
RRULE:FREQ=HOURLY\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_what_other_programs_write_is_taken_as_it_was_meant():
    found, skipped = read_ics(FOREIGN)
    weekly, own = sorted(found, key=lambda one: one.key, reverse=True)
    assert weekly.when == When(
        start="2026-11-02T09:30", end="2026-11-02T10:15", zone="Europe/Berlin"
    )
    assert weekly.repeat == "FREQ=WEEKLY;UNTIL=20261130"
    assert weekly.skips == ["2026-11-09", "2026-11-23"]
    assert weekly.people == {"Ann Lee": "maybe"}
    assert weekly.calendar == "Team"
    assert weekly.changes["2026-11-16"].when == When(
        start="2026-11-16T12:00", end="2026-11-16T12:30", zone="America/New_York"
    )
    assert own.when == When(start="2026-11-02T08:30", end="2026-11-02T09:30", zone="UTC")
    assert [(one.uid, "HOURLY" in one.reason) for one in skipped] == [("hourly", True)]


def test_until_is_the_last_day_on_which_the_event_can_begin():
    berlin = read_ics(FOREIGN)[0][0].when
    start = datetime.fromisoformat(berlin.start).replace(tzinfo=UTC)
    assert kept_rule("FREQ=DAILY;UNTIL=20261130T093000Z", start).endswith("UNTIL=20261130")
    assert kept_rule("FREQ=DAILY;UNTIL=20261130T092959Z", start).endswith("UNTIL=20261129")
    assert told_rule("FREQ=DAILY;UNTIL=20261130", start) == "FREQ=DAILY;UNTIL=20261130T093000Z"
    assert told_rule("FREQ=DAILY;UNTIL=20261130", start.date()) == "FREQ=DAILY;UNTIL=20261130"
    with pytest.raises(NoRule):
        kept_rule("FREQ=DAILY;BYHOUR=3", start)


def test_a_uid_is_never_taken_for_an_occurrence():
    assert parts_of(key_of("a#2026-11-22")) == ("a_2026-11-22", None)
    assert parts_of("a#2026-11-22") == ("a", "2026-11-22")
    assert key_of("\x00") == "event"
    assert len(key_of("x" * 9999)) <= 300


async def test_importing_twice_changes_nothing_the_second_time(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        events, calendars = await open_calendar(store)
        found, _ = read_ics(FOREIGN)
        assert write_entries(events, calendars, found) == 2
        version = events.version
        write_entries(events, calendars, found)
        assert events.version == version
        assert [calendar.name for calendar in calendars.values()] == ["Team"]
        kept = {entry.key: entry for entry in entries_of(events, calendars)}
        assert {key: plain(entry) for key, entry in kept.items()} == {
            one.key: plain(one) for one in found
        }
        assert events["weekly#2026-11-16"].when.zone == "America/New_York"


async def test_the_sample_fills_an_empty_store_once(tmp_path):
    async with plait.open(tmp_path / "data") as store:
        await fill(store)
        events, calendars = await open_calendar(store)
        count = len(events)
        assert count > 20
        assert len(calendars) > 4
        await fill(store)
        assert len(events) == count
        feed = icalendar.Calendar.from_ical(write_ics(entries_of(events, calendars)))
        assert len(feed.walk("VEVENT")) == count


@pytest.mark.parametrize(
    "wrong",
    [
        {"repeat": "garbage"},
        {"repeat": "FREQ=DAILY;UNTIL=99999999"},
        {"repeat": "FREQ=DAILY;UNTIL="},
        {"repeat": "FREQ=DAILY\r\nX-INJECTED:1"},
        {"when": When(start="9999-12-31T23:59", end="9999-12-31T23:59", zone="America/New_York"),
         "repeat": "FREQ=DAILY;UNTIL=99991231"},
        {"when": When(start="0001-01-01T00:00", end="0001-01-01T00:00", zone="Asia/Tokyo")},
        {"when": When(start="2026-01-01T10:00", end="x", zone="../../etc/passwd")},
        {"title": "x\r\nX-INJECTED:1", "place": "\0"},
        {"people": {'a"\r\nX-INJECTED:1': "yes"}},
        {"changes": {"2026-01-02": Change(when=When(start="y", end="", zone="Nowhere"))},
         "repeat": "FREQ=DAILY", "skips": ["never", "9999-99-99"]},
    ],
)  # fmt: skip
def test_what_somebody_wrote_wrongly_spoils_no_other_event(wrong):
    when = When(start="2026-01-01T10:00", end="2026-01-01T11:00", zone="Europe/Berlin")
    spoilt = Entry(**{"key": "bad\r\nX-INJECTED:1", "when": when, **wrong})
    data = write_ics([Entry("one", when, "One"), spoilt, Entry("two", when, "Two")])
    assert b"\nX-INJECTED" not in data
    assert {"One", "Two"} <= {entry.title for entry in read_ics(data)[0]}


async def test_a_large_import_is_several_changes_and_all_of_it_is_there(tmp_path):
    when = When(start="2026-01-01T10:00", end="2026-01-01T11:00", zone="Europe/Berlin")
    many = [Entry(f"e{number}", when, f"E {number}") for number in range(60)]
    async with plait.open(tmp_path / "d") as store:
        events, calendars = await open_calendar(store)
        parts = list(write_by_parts(events, calendars, many))
        assert len(parts) > 1
        assert sum(parts) == len(events) == 60
