"""Events as plain values, between documents and iCalendar: reading them off, and writing them.

Invariant: writing touches only what differs, so that a file that is imported twice changes nothing
the second time, and two people who import it at once have no conflict.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from plait.api.documents import Documents
from plait.apps.calendar.model import COLORS, MAIN, Calendar, Event, When, parts_of

CHANGED_FIELDS = ("title", "when", "place", "calendar", "repeat")


class Change(msgspec.Struct):
    """What is different about one occurrence; None where nothing is."""

    title: str | None = None
    place: str | None = None
    notes: str | None = None
    when: When | None = None


class Entry(msgspec.Struct):
    """One event with its exceptions."""

    key: str
    when: When
    title: str = ""
    place: str = ""
    notes: str = ""
    calendar: str = ""  # a calendar's name, not its key
    repeat: str = ""
    skips: list[str] = []
    people: dict[str, str] = {}
    changes: dict[str, Change] = {}  # by date
    changed: datetime = datetime.fromtimestamp(0, UTC)


def entries_of(
    events: Documents[Event], calendars: Documents[Calendar], only: str | None = None
) -> Iterator[Entry]:
    """Every event, or one; what cannot be read as one is left out."""
    names = {key: calendar.name or "" for key, calendar in calendars.items()}
    changes: dict[str, dict[str, Change]] = {}
    for key in events.keys() if only is None else events.keys(f"{only}#", f"{only}$"):
        of, on = parts_of(key)
        if on is not None:
            one = events[key]
            when = one.when if isinstance(one.when, When) else None
            text = str(one.notes)
            changes.setdefault(of, {})[on] = Change(
                one.title or None, one.place or None, text or None, when
            )
    for key in events.keys() if only is None else ([only] if only in events else []):
        event = events[key]
        when = event.when
        if parts_of(key)[1] is None and isinstance(when, When):
            kind = _text(event.calendar)
            yield Entry(
                key, when, _text(event.title), _text(event.place), str(event.notes),
                names.get(kind, "" if kind == MAIN else kind), _text(event.repeat),
                sorted(one for one in event.skips if isinstance(one, str)),
                {name: _text(event.people[name]) for name in sorted(event.people)},
                changes.get(key, {}), _changed(event),
            )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _changed(event: Event) -> datetime:
    """When a register of an event was last written."""
    times = [event.register(name).when for name in CHANGED_FIELDS]
    return max((time for time in times if time is not None), default=datetime.fromtimestamp(0, UTC))


def write_entries(
    events: Documents[Event], calendars: Documents[Calendar], entries: Iterable[Entry]
) -> int:
    """Make the documents say what the entries say; how many entries that were."""
    keys = {calendar.name: key for key, calendar in calendars.items()}
    count = 0
    with events.change("Import"):
        for entry in entries:
            kind = _calendar_key(calendars, keys, entry.calendar)
            _write(events, entry, kind)
            count += 1
    return count


def _calendar_key(calendars: Documents[Calendar], keys: dict[str | None, str], name: str) -> str:
    if not name:
        return MAIN
    if name not in keys:
        key = "-".join(name.casefold().split())[:100] or MAIN
        calendars[key].name = name
        calendars[key].color = COLORS[len(keys) % len(COLORS)]
        keys[name] = key
    return keys[name]


def _write(events: Documents[Event], entry: Entry, kind: str) -> None:
    event = events[entry.key]
    values = {
        "title": entry.title, "when": entry.when, "place": entry.place, "calendar": kind,
        "repeat": entry.repeat,
    }  # fmt: skip
    _assign(event, values)
    _write_notes(event, entry.notes)
    for on in set(event.skips) - set(entry.skips):
        event.skips.discard(on)
    for on in set(entry.skips) - set(event.skips):
        event.skips.add(on)
    for name, answer in entry.people.items():
        if name not in event.people or (answer and event.people[name] != answer):
            event.people[name] = answer
    for on, change in entry.changes.items():
        one = events[f"{entry.key}#{on}"]
        _assign(one, {"title": change.title, "place": change.place, "when": change.when})
        _write_notes(one, change.notes or "")


def _assign(event: Event, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if value and value != getattr(event, name):
            setattr(event, name, value)
        elif value == "" and getattr(event, name):
            setattr(event, name, "")


def _write_notes(event: Event, text: str) -> None:
    if str(event.notes) != text:
        event.notes.apply_diff(text)
