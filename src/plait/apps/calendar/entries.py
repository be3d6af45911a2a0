"""Events as plain values, between documents and iCalendar: reading them off, and writing them.

Invariant: writing touches only what differs, so that a file that is imported twice changes nothing
the second time, and two people who import it at once have no conflict.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from plait.api.documents import Documents
from plait.apps.calendar.model import COLORS, MAIN, Calendar, Event, When, parts_of

CHANGE_WEIGHT = 200  # operations of one change of an import, roughly
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
    names = names_of(calendars)
    for key, changed in families(events, only):
        entry = entry_of(events, names, key, changed)
        if entry is not None:
            yield entry


def names_of(calendars: Documents[Calendar]) -> dict[str, str]:
    """What each calendar is called, by its key."""
    return {key: calendar.name or "" for key, calendar in calendars.items()}


def families(events: Documents[Event], only: str | None = None) -> list[tuple[str, list[str]]]:
    """The keys of the events, or of one, each with those of its changed occurrences."""
    changed: dict[str, list[str]] = {}
    first = []
    keys = events.keys() if only is None else (only, *events.keys(f"{only}#", f"{only}$"))
    for key in keys:
        of, on = parts_of(key)
        if on is not None:
            changed.setdefault(of, []).append(key)
        elif key in events:
            first.append(key)
    return [(key, changed.get(key, [])) for key in first]


def entry_of(
    events: Documents[Event], names: Mapping[str, str], key: str, changed: Iterable[str]
) -> Entry | None:
    """One event with these changed occurrences, if it can be read as one."""
    event = events[key]
    when = event.when
    if not isinstance(when, When):
        return None
    kind = _text(event.calendar)
    changes = {parts_of(one)[1] or "": _change_of(events[one]) for one in changed}
    return Entry(
        key, when, _text(event.title), _text(event.place), str(event.notes),
        names.get(kind, "" if kind == MAIN else kind), _text(event.repeat),
        sorted(one for one in event.skips if isinstance(one, str)),
        {name: _text(event.people[name]) for name in sorted(event.people)},
        changes, _changed(event),
    )  # fmt: skip


def _change_of(one: Event) -> Change:
    when = one.when if isinstance(one.when, When) else None
    return Change(one.title or None, one.place or None, str(one.notes) or None, when)


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
    return sum(write_by_parts(events, calendars, entries))


def write_by_parts(
    events: Documents[Event], calendars: Documents[Calendar], entries: Iterable[Entry]
) -> Iterator[int]:
    """The same, in changes of some entries each, so that others get their turn in between; how many
    entries each was."""
    part: list[Entry] = []
    weight = 0
    for entry in entries:
        part.append(entry)
        weight += 8 + len(entry.skips) + len(entry.people) + 4 * len(entry.changes)
        if weight >= CHANGE_WEIGHT:
            yield _write_part(events, calendars, part)
            part, weight = [], 0
    yield _write_part(events, calendars, part)


def _write_part(
    events: Documents[Event], calendars: Documents[Calendar], entries: list[Entry]
) -> int:
    keys = {calendar.name: key for key, calendar in calendars.items()}
    with events.change("Import"):
        for entry in entries:
            _write(events, entry, _calendar_key(calendars, keys, entry.calendar))
    return len(entries)


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
