"""iCalendar (RFC 5545): entries into a file, and a file into entries. Pure; `icalendar` does the
lexing.

Invariant: `read_ics(write_ics(entries))` gives the entries back, and `write_ics` of the same
entries gives the same bytes; an entry that cannot be written is left out, and only that one.
Whatever a file has in it, reading gives entries and reasons, or raises `BadValue`, and nothing
else.

Absent: to-dos, journals, alarms; RDATE; "this and all following"; zones that IANA does not have
(such times are kept as the instants that the file makes of them, in UTC).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import icalendar
import msgspec

from plait.apps.calendar.entries import Change, Entry
from plait.apps.calendar.model import When, parts_of
from plait.apps.calendar.rules import NoRule, kept_rule, told_rule
from plait.base.errors import BadValue

BYTES_MAX: Final = 4 << 20
EVENTS_MAX: Final = 5_000
TEXT_MAX: Final = 20_000
KEY_MAX: Final = 300
LISTED_MAX: Final = 2_000  # exceptions, or people, of one event
PRODUCT: Final = "-//Plait//Calendar//EN"

_PERSON = "urn:x-plait:person:"
_TOLD = {"yes": "ACCEPTED", "maybe": "TENTATIVE", "no": "DECLINED", "": "NEEDS-ACTION"}
_HEARD = {told: answer for answer, told in _TOLD.items()}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Skipped(msgspec.Struct):
    """Something of a file that was not taken, and why."""

    uid: str
    reason: str


class _NotTaken(Exception):
    """Why one event is left out."""


# ----------------------------------------------------------------------------- writing


def write_ics(entries: Iterable[Entry], name: str = "Calendar") -> bytes:
    """A file with all of the entries."""
    events = [event for entry in entries for event in _events(entry)]
    try:
        return _file_of(events, name)
    except Exception:  # something that only shows when it is written
        return _file_of([event for event in events if _can_be_written(event)], name)


def _file_of(events: list[icalendar.Event], name: str) -> bytes:
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", timedelta(minutes=15), parameters={"VALUE": "DURATION"})
    for event in events:
        calendar.add_component(event)
    calendar.add_missing_timezones()
    data: bytes = calendar.to_ical()
    return data


def _can_be_written(event: icalendar.Event) -> bool:
    try:
        _file_of([event], "")
    except Exception:
        return False
    return True


def _events(entry: Entry) -> list[icalendar.Event]:
    """An event, and its changed occurrences; nothing if somebody wrote what no file can say."""
    span = _span_of(entry.when)
    if span is None:
        return []
    try:
        events = [_event(entry, *span)]
        for on, change in sorted(entry.changes.items()):
            one = _changed_event(entry, span, on, change)
            if one is not None:
                events.append(one)
    except Exception:  # of a rule, a date or a name that its own class cannot write
        return []
    return events


def _event(entry: Entry, start: Any, end: Any) -> icalendar.Event:
    event = _bare(entry, start, end, entry.title, entry.place, entry.notes)
    if entry.repeat:
        event.add("rrule", icalendar.vRecur.from_ical(told_rule(entry.repeat, start)))
    for on in entry.skips:
        day = _date(on)
        if day is not None and entry.repeat:
            event.add("exdate", _at(start, day))
    for name, answer in sorted(entry.people.items()):
        address = f"mailto:{name}" if _is_mail(name) else _PERSON + quote(name, safe="")
        attendee = icalendar.vCalAddress(address)
        # a backslash would take the next parameter along; the address has the name as it is
        attendee.params["CN"] = name.replace('"', "'").replace("\\", "/")
        attendee.params["PARTSTAT"] = _TOLD.get(answer, "NEEDS-ACTION")
        event.add("attendee", attendee)
    return event


def _changed_event(entry: Entry, span: Any, on: str, change: Change) -> icalendar.Event | None:
    start, end = span
    day = _date(on)
    if day is None or not entry.repeat or on in entry.skips:
        return None
    moved = _span_of(change.when) if change.when else None
    if moved is None:
        begins = _at(start, day)
        moved = (begins, begins + (end - start))
    title, place = change.title or entry.title, change.place or entry.place
    event = _bare(entry, *moved, title, place, change.notes or entry.notes)
    event.add("recurrence-id", _at(start, day))
    return event


def _bare(
    entry: Entry, start: Any, end: Any, title: str, place: str, notes: str
) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", entry.key)
    event.add("dtstamp", entry.changed)
    event.add("last-modified", entry.changed)
    event.add("dtstart", start)
    event.add("dtend", end)
    for name, text in (("summary", title), ("location", place), ("description", notes)):
        if text:
            event.add(name, text)
    if entry.calendar:
        event.add("categories", [entry.calendar])
    return event


def _span_of(when: When) -> tuple[Any, Any] | None:
    """Start and end as dates, or as times with their zone."""
    try:
        if "T" not in when.start:
            start = date.fromisoformat(when.start)
            return start, max(date.fromisoformat(when.end), start + timedelta(days=1))
        zone = ZoneInfo(when.zone) if when.zone else None
        begins = datetime.fromisoformat(when.start).replace(tzinfo=zone)
        return begins, max(datetime.fromisoformat(when.end).replace(tzinfo=zone), begins)
    except (ValueError, OverflowError, TypeError, ZoneInfoNotFoundError, OSError):
        return None


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _at(start: Any, day: date) -> Any:
    """The occurrence of a day, as its start is written."""
    if not isinstance(start, datetime):
        return day
    return datetime.combine(day, start.time(), start.tzinfo)


def _is_mail(name: str) -> bool:
    return re.fullmatch(r"[\w.+-]+@[\w.-]+", name, re.ASCII) is not None


# ----------------------------------------------------------------------------- reading


def read_ics(data: bytes) -> tuple[list[Entry], list[Skipped]]:
    """What is in a file: its events, and what of it was not taken.

    Raises `BadValue` for what is no iCalendar, and for more of it than is taken.
    """
    if len(data) > BYTES_MAX:
        raise BadValue(f"a calendar file has at most {BYTES_MAX} bytes, this one has {len(data)}")
    try:
        found = icalendar.Calendar.from_ical(data, multiple=True)
        events = [event for one in found for event in one.walk("VEVENT")]
    except Exception as error:  # the parser's own errors are of many classes
        raise BadValue(f"this is no calendar file: {str(error)[:200]}") from None
    if not found:
        raise BadValue("this is no calendar file: there is no VCALENDAR in it")
    if len(events) > EVENTS_MAX:
        raise BadValue(f"a calendar file has at most {EVENTS_MAX} events, not {len(events)}")
    entries: dict[str, Entry] = {}
    skipped: list[Skipped] = []
    for event in sorted(events, key=lambda one: "RECURRENCE-ID" in one):
        uid = ""
        try:
            uid = _words(event, "UID") or ""
            _take(entries, uid, event)
        except (_NotTaken, NoRule) as why:
            skipped.append(Skipped(uid[:100], str(why)))
        except Exception as error:  # a property that its own class cannot read
            skipped.append(Skipped(uid[:100], f"it cannot be read: {str(error)[:100]}"))
    return list(entries.values()), skipped


def _take(entries: dict[str, Entry], uid: str, event: Any) -> None:
    start = _moment(event, "DTSTART")
    if start is None:
        raise _NotTaken("it has no start")
    key = key_of(uid or f"{_words(event, 'SUMMARY')} {start.isoformat()}")
    if "RECURRENCE-ID" in event:
        _take_change(entries.get(key), event, start)
        return
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        raise _NotTaken("it was cancelled")
    if "RDATE" in event:
        raise _NotTaken("it repeats on single dates (RDATE), which this calendar does not have")
    rule = event.get("RRULE")
    if isinstance(rule, list):
        raise _NotTaken("it has several rules")
    repeat = "" if rule is None else kept_rule(rule.to_ical().decode(), start)
    entries[key] = Entry(
        key, _when(start, _end(event, start)), _words(event, "SUMMARY") or "Untitled",
        _words(event, "LOCATION"), _words(event, "DESCRIPTION"), _category(event), repeat,
        _exceptions(event, start) if repeat else [], _people(event),
    )  # fmt: skip


def _take_change(entry: Entry | None, event: Any, start: date | datetime) -> None:
    if entry is None:
        raise _NotTaken("it changes an event that is not in the file")
    if str(event["RECURRENCE-ID"].params.get("RANGE", "")).upper() == "THISANDFUTURE":
        raise _NotTaken("it changes all following, which this calendar does not have")
    of = _moment(event, "RECURRENCE-ID")
    assert of is not None
    on = _day_of(of, entry.when.zone)
    if len(entry.changes) + len(entry.skips) >= LISTED_MAX:
        raise _NotTaken("the event has too many exceptions")
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        entry.skips = sorted({*entry.skips, on})
        return
    title, place = _words(event, "SUMMARY"), _words(event, "LOCATION")
    notes = _words(event, "DESCRIPTION")
    entry.changes[on] = Change(
        title if title != entry.title else None, place if place != entry.place else None,
        notes if notes != entry.notes else None, _when(start, _end(event, start)),
    )  # fmt: skip


def key_of(uid: str) -> str:
    """A document's key for a file's UID: the UID, unless that could be no key."""
    key = _CONTROL.sub("", uid).strip()[:KEY_MAX] or "event"
    return key if parts_of(key)[1] is None else key.replace("#", "_")


def _moment(event: Any, name: str) -> date | datetime | None:
    """A property's time; one whose zone IANA does not have is in UTC."""
    found = event.get(name)
    if found is None:
        return None
    if isinstance(found, list):
        raise _NotTaken(f"it has several {name}")
    moment = found.dt
    if not isinstance(moment, date):
        raise _NotTaken(f"its {name} is no time")
    return _known(moment)


def _known(moment: date | datetime) -> date | datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return moment
    name = _zone_name(moment)
    if name is None:
        return moment.astimezone(UTC)
    return moment.replace(tzinfo=ZoneInfo(name)) if name != "UTC" else moment.astimezone(UTC)


def _zone_name(moment: datetime) -> str | None:
    if moment.utcoffset() == timedelta(0) and str(moment.tzinfo) in ("UTC", "Etc/UTC", "GMT"):
        return "UTC"
    name = getattr(moment.tzinfo, "key", None) or getattr(moment.tzinfo, "zone", None)
    try:
        return ZoneInfo(name).key if isinstance(name, str) else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _end(event: Any, start: Any) -> Any:
    end = _moment(event, "DTEND")
    if end is None:
        length = event.get("DURATION")
        if length is None:
            return start if isinstance(start, datetime) else start + timedelta(days=1)
        if not isinstance(length.dt, timedelta):
            raise _NotTaken("its duration is none")
        end = start + length.dt
    if isinstance(end, datetime) != isinstance(start, datetime):
        raise _NotTaken("it begins on a date and ends at a time, or the other way round")
    if isinstance(end, datetime) and (end.tzinfo is None) != (start.tzinfo is None):
        return end.replace(tzinfo=start.tzinfo)
    return end


def _when(start: Any, end: Any) -> When:
    if not isinstance(start, datetime):
        last = max(end, start + timedelta(days=1))
        return When(start=start.isoformat(), end=last.isoformat(), zone="")
    zone = "" if start.tzinfo is None else _zone_name(start) or "UTC"
    if start.tzinfo is not None:
        # an end at another offset, or in another zone, as this one's clocks have it
        if end.astimezone(UTC) <= start.astimezone(UTC):
            end = start
        end = end.astimezone(start.tzinfo) if end.tzinfo is not start.tzinfo else end
    return When(start=_wall(start), end=_wall(max(end.replace(tzinfo=None), _naive(start))),
                zone=zone)  # fmt: skip


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def _wall(moment: datetime) -> str:
    plain = moment.replace(tzinfo=None, microsecond=0, fold=0)
    return plain.isoformat(timespec="seconds" if plain.second else "minutes")


def _day_of(moment: date | datetime, zone: str) -> str:
    if isinstance(moment, datetime):
        if moment.tzinfo is not None and zone:
            moment = moment.astimezone(ZoneInfo(zone))
        return moment.date().isoformat()
    return moment.isoformat()


def _exceptions(event: Any, start: date | datetime) -> list[str]:
    found = event.get("EXDATE")
    if found is None:
        return []
    zone = _zone_name(start) or "" if isinstance(start, datetime) and start.tzinfo else ""
    lists = found if isinstance(found, list) else [found]
    days = {_day_of(_known(one.dt), zone) for each in lists for one in each.dts}
    if len(days) > LISTED_MAX:
        raise _NotTaken("it has too many exceptions")
    return sorted(days)


def _people(event: Any) -> dict[str, str]:
    found = event.get("ATTENDEE", [])
    people = {}
    for one in (found if isinstance(found, list) else [found])[:LISTED_MAX]:
        address = str(one)
        plain = unquote(address.removeprefix(_PERSON)) if address.startswith(_PERSON) else ""
        mail = re.sub(r"(?i)^mailto:", "", address)
        name = _clean(plain or str(one.params.get("CN", "")) or mail)[:100]
        if name:
            people[name] = _HEARD.get(str(one.params.get("PARTSTAT", "")).upper(), "")
    return people


def _category(event: Any) -> str:
    found = event.get("CATEGORIES")
    first = found[0] if isinstance(found, list) and found else found
    names = [str(name) for name in getattr(first, "cats", [])]
    return _clean(names[0])[:100] if names else ""


def _words(event: Any, name: str) -> str:
    found = event.get(name)
    if isinstance(found, list):
        found = found[0] if found else None
    return "" if found is None else _clean(str(found))[:TEXT_MAX]


def _clean(text: str) -> str:
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
