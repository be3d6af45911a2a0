"""What people share in these tests: a calendar, notes, a cart; and the calendar as iCalendar.

A meeting that repeats is one document: its rule is a field, and every occurrence that differs is
an entry of a map, under the time at which the rule has it. So two people who change two occurrences
do not meet, and two who move the same one are asked.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import msgspec
from dateutil.rrule import rrulestr

from plait import AddWinsSet, Ask, Counter, Document, EnableFlag, Map, Merge, Register, merge
from plait.api.documents import Nested

STAMP = datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))


class When(msgspec.Struct, frozen=True):
    """A time on the clock of some place, and how long from then: moved as one."""

    start: str  # "2026-03-02T10:00:00"
    zone: str
    minutes: int

    @property
    def begins(self) -> datetime:
        return datetime.fromisoformat(self.start).replace(tzinfo=ZoneInfo(self.zone))

    def on(self, day: str) -> "When":
        return When(f"{day}T{self.start[11:]}", self.zone, self.minutes)


class Occurrence(Document):
    """One of many, where it differs."""

    when = Register(When, resolve=Ask())
    cancelled = EnableFlag()


class Meeting(Document):
    summary = Register(str, default="")
    location = Register(str, default="")
    when = Register(When, resolve=Ask())
    repeats = Register(str, default="")  # an RRULE
    attendees = AddWinsSet(str)
    occurrences = Map(Nested(Occurrence))  # under the start that the rule gives them


class Note(Document):
    title = Register(str, default="")
    body = Register(str, default="", resolve=Merge(merge.text))
    tags = AddWinsSet(str)
    likes = Counter()


class Cart(Document):
    """An item is in the cart as long as its quantity is kept; adding is never lost."""

    quantities = Map(Counter())
    wishes = AddWinsSet(str)


class Post(Document):
    likes = Counter()
    liked_by = Map(Counter())  # how often whom; written together with `likes`


CLASSES: dict[str, type[Document]] = {
    "calendar": Meeting, "notes": Note, "carts": Cart, "posts": Post,
}  # fmt: skip


# --------------------------------------------------------------------------- iCalendar


def read_calendar(text: str, meeting: Meeting) -> None:
    """Take a meeting over from an iCalendar text: the event with its rule and its exceptions."""
    with meeting.change("imported"):
        for event in icalendar.Calendar.from_ical(text).events:
            if "RECURRENCE-ID" in event:
                moved = meeting.occurrences[_name(event["RECURRENCE-ID"].dt)]
                moved.when = _when(event)
                continue
            meeting.summary = str(event["SUMMARY"])
            meeting.location = str(event.get("LOCATION", ""))
            meeting.when = _when(event)
            if "RRULE" in event:
                meeting.repeats = event["RRULE"].to_ical().decode()
            for left_out in event.exdates:
                meeting.occurrences[_name(left_out)].cancelled = True
            meeting.attendees.update(str(who) for who in event.attendees)


def write_calendar(meeting: Meeting) -> str:
    """A meeting as iCalendar."""
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Plait//tests//EN")
    calendar.add("version", "2.0")
    main = _event(meeting, meeting.when)
    if meeting.repeats:
        main.add("rrule", icalendar.vRecur.from_ical(meeting.repeats))
    for who in sorted(meeting.attendees):
        main.add("attendee", who)
    calendar.add_component(main)
    zone = ZoneInfo(meeting.when.zone)
    for name, occurrence in sorted(meeting.occurrences.items()):
        original = datetime.fromisoformat(name).replace(tzinfo=zone)
        if occurrence.cancelled:
            main.add("exdate", original)
        else:
            moved = _event(meeting, occurrence.when)
            moved.add("recurrence-id", original)
            calendar.add_component(moved)
    return calendar.to_ical().decode()


def starts_in(text: str) -> list[datetime]:
    """When the meetings of an iCalendar text take place, in order."""
    return sorted(_starts(icalendar.Calendar.from_ical(text).events))


def _starts(events: list[icalendar.Event]) -> Iterator[datetime]:
    moved = {e["RECURRENCE-ID"].dt: e.start for e in events if "RECURRENCE-ID" in e}
    for event in events:
        if "RECURRENCE-ID" in event:
            continue
        if "RRULE" not in event:
            yield event.start
            continue
        for start in rrulestr(event["RRULE"].to_ical().decode(), dtstart=event.start):
            if start not in event.exdates:
                yield moved.get(start, start)


def _event(meeting: Meeting, when: When) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{meeting.key}@plait.example")
    event.add("dtstamp", STAMP)
    event.add("summary", meeting.summary)
    if meeting.location:
        event.add("location", meeting.location)
    event.add("dtstart", when.begins)
    event.add("duration", timedelta(minutes=when.minutes))
    return event


def _when(event: icalendar.Event) -> When:
    start = event.start
    minutes = int(event.duration.total_seconds()) // 60
    return When(_name(start), str(start.tzinfo), minutes)


def _name(start: datetime) -> str:
    return start.replace(tzinfo=None).isoformat()
