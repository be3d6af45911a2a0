"""A shared calendar: two people at two nodes, apart, and the nodes are killed meanwhile."""

import asyncio
from pathlib import Path

import pytest
from collaboration_documents import Meeting, When, read_calendar, starts_in, write_calendar
from collaboration_nodes import Office, Person, until

WEEKLY = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:team@example.com
DTSTAMP:20260101T000000Z
SUMMARY:Team
DTSTART;TZID=Europe/Berlin:20260302T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=5
EXDATE;TZID=Europe/Berlin:20260316T100000
ATTENDEE:mailto:ann@example.com
END:VEVENT
END:VCALENDAR
"""
MONDAY = When("2026-03-02T10:00:00", "Europe/Berlin", 60)
TUESDAY = When("2026-03-03T09:00:00", "Europe/Berlin", 60)
FRIDAY = When("2026-03-06T16:00:00", "Europe/Berlin", 30)


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("plait.client.guest.LEAVE_S", 0.1)  # there is no node left to say it to
    nodes = await Office(tmp_path).begin()
    yield nodes
    await nodes.end()


async def two_people(office: Office) -> tuple[Person, Person]:
    ann = await office.person("Ann", "n1", "calendar")
    bob = await office.person("Bob", "n3", "calendar")
    read_calendar(WEEKLY, ann.docs["team"])
    await ann.docs.flush()
    await until(lambda: bob.docs["team"].summary == "Team")
    return ann, bob


async def test_a_meeting_that_two_people_moved_offline_asks_and_one_of_them_decides(
    office: Office,
) -> None:
    info = await office.create("calendar")
    ann, bob = await two_people(office)
    office.isolate("n1")
    bob.go_offline()
    ann.docs["team"].when = TUESDAY
    with bob.docs["team"].change("I have a train to catch"):
        bob.docs["team"].when = FRIDAY
        bob.docs["team"].attendees.add("mailto:bob@example.com")
    await ann.docs.flush()  # at n1, that nobody else reaches
    await office.restart("n1")
    bob.come_back()
    await bob.docs.flush()
    office.heal()
    await until(lambda: bool(ann.docs.conflicts() and bob.docs.conflicts()))
    (asked,) = ann.docs.conflicts()
    assert (asked.key, asked.field, asked.base) == ("team", "when", MONDAY)
    assert asked.siblings == bob.docs.conflicts()[0].siblings
    assert sorted(asked.siblings, key=repr) == [TUESDAY, FRIDAY]
    assert ann.docs["team"].when == bob.docs["team"].when == asked.shown
    asked.resolve(FRIDAY)
    await ann.docs.flush()
    await until(lambda: not bob.docs.conflicts() and bob.docs["team"].when == FRIDAY)
    assert ann.docs.conflicts() == []
    assert ann.docs["team"].attendees == {"mailto:ann@example.com", "mailto:bob@example.com"}
    await office.settled("calendar")
    await office.same_bytes(info)


async def test_two_who_decide_at_once_are_asked_once_more_and_never_again(office: Office) -> None:
    info = await office.create("calendar")
    ann, bob = await two_people(office)
    office.isolate("n3")
    ann.docs["team"].when = TUESDAY
    bob.docs["team"].when = FRIDAY
    await asyncio.gather(ann.docs.flush(), bob.docs.flush())
    office.heal()
    await until(lambda: bool(ann.docs.conflicts() and bob.docs.conflicts()))
    office.isolate("n3")
    ann.docs.conflicts()[0].resolve(TUESDAY)
    bob.docs.conflicts()[0].resolve(FRIDAY)
    await asyncio.gather(ann.docs.flush(), bob.docs.flush())
    assert ann.docs.conflicts() == bob.docs.conflicts() == []
    await office.restart("n2")
    office.heal()
    await until(lambda: bool(ann.docs.conflicts() and bob.docs.conflicts()))
    (asked,) = ann.docs.conflicts()
    assert asked.base == MONDAY
    assert sorted(asked.siblings, key=repr) == [TUESDAY, FRIDAY]
    office.isolate("n3")
    ann.docs.conflicts()[0].resolve(TUESDAY)
    bob.docs.conflicts()[0].resolve(TUESDAY)
    await asyncio.gather(ann.docs.flush(), bob.docs.flush())
    office.heal()
    await office.settled("calendar")
    assert ann.docs.conflicts() == bob.docs.conflicts() == []
    assert ann.docs["team"].when == bob.docs["team"].when == TUESDAY
    await office.same_bytes(info)


async def test_different_fields_and_occurrences_of_one_meeting_are_all_kept(
    office: Office,
) -> None:
    info = await office.create("calendar")
    ann, bob = await two_people(office)
    office.isolate("n1")
    with ann.docs["team"].change("spring"):
        ann.docs["team"].summary = "Team, with cake"
        ann.docs["team"].occurrences["2026-03-09T10:00:00"].when = TUESDAY.on("2026-03-10")
    with bob.docs["team"].change("the other room"):
        bob.docs["team"].location = "Room 4"
        bob.docs["team"].attendees.add("mailto:bob@example.com")
        bob.docs["team"].occurrences["2026-03-30T10:00:00"].cancelled = True
    await asyncio.gather(ann.docs.flush(), bob.docs.flush())
    await asyncio.gather(office.restart("n1"), office.restart("n3"))
    office.heal()
    await office.settled("calendar")
    assert ann.docs.conflicts() == bob.docs.conflicts() == []
    for person in (ann, bob):
        meeting: Meeting = person.docs["team"]
        text = write_calendar(meeting)
        assert [f"{start:%m-%d %H:%M}" for start in starts_in(text)] == [
            "03-02 10:00", "03-10 09:00", "03-23 10:00",
        ]  # fmt: skip
        assert "SUMMARY:Team\\, with cake" in text
        assert "LOCATION:Room 4" in text
        assert text.count("ATTENDEE") == 2
    await office.same_bytes(info)
