"""What an event is: the fields of `web/schema.js`, so that programs read and write them too.

An event that repeats is one document with a rule. Its occurrences are known by the local dates on
which the rule puts them: a date that is left out stands in `skips`, and one that was changed is a
document of its own under ``KEY#DATE``, of which every field that is set overrides the event's. So a
series can change its hour without touching its exceptions, and two people who move one occurrence
meet in one `when`.

Invariant: `when` asks: of what two people wrote there at the same time, a clock never decides.
Absent: expanding rules; a program that needs it reads the feed, or `web/rule.js` says how.
"""

import re
from datetime import date
from typing import Final, TypeVar

import msgspec

from plait.api.documents import AddWinsSet, Ask, Document, Documents, Map, Register, Text
from plait.api.store import Store
from plait.base.errors import BadSettings, NoSuchCollection

EVENTS: Final = "calendar"
CALENDARS: Final = "calendars"
MAIN: Final = "main"  # the calendar of events that name none
COLORS: Final = ("tomato", "amber", "olive", "green", "teal", "blue", "violet", "pink")
ANSWERS: Final = ("yes", "maybe", "no", "")

D = TypeVar("D", bound=Document)

_CHANGED = re.compile(r"(.*)#(\d{4}-\d{2}-\d{2})", re.DOTALL | re.ASCII)


class When(msgspec.Struct, frozen=True, kw_only=True):
    """When an event is. Timed: local times, ``"2026-11-22T09:30"``, in an IANA zone, or in "",
    wherever the reader is. All day: dates, the end excluded, and no zone."""

    end: str  # in the order of the alphabet, as browsers write them
    start: str
    zone: str = ""


class Event(Document):
    """One event, or one changed occurrence of one."""

    title = Register(str)
    when = Register(When, resolve=Ask())
    place = Register(str)
    notes = Text()
    calendar = Register(str, default=MAIN)
    repeat = Register(str)  # a rule of RFC 5545, its UNTIL a date; "" and None: it does not
    skips = AddWinsSet(str)  # dates on which it does not happen
    people = Map(Register(str))  # by name: one of ANSWERS


class Calendar(Document):
    """What events are sorted into."""

    name = Register(str)
    color = Register(str)  # one of COLORS


def parts_of(key: str) -> tuple[str, str | None]:
    """The event that a key is about, and the date, if it is about one occurrence."""
    found = _CHANGED.fullmatch(key)
    if found is None:
        return key, None
    try:
        return found[1], date.fromisoformat(found[2]).isoformat()
    except ValueError:
        return key, None


async def open_calendar(
    store: Store, author: str | None = None
) -> tuple[Documents[Event], Documents[Calendar]]:
    """The events and the calendars of a store; made if there are none yet. Where somebody made
    them with other settings, those hold."""
    return (
        await _opened(store, EVENTS, Event, author),
        await _opened(store, CALENDARS, Calendar, author),
    )


async def find_calendar(store: Store) -> tuple[Documents[Event], Documents[Calendar]] | None:
    """The same, to be read; None if nobody made them yet."""
    try:
        return (
            await store.documents(EVENTS, Event, create=False),
            await store.documents(CALENDARS, Calendar, create=False),
        )
    except NoSuchCollection:
        return None


async def _opened(store: Store, name: str, kind: type[D], author: str | None) -> Documents[D]:
    try:
        return await store.documents(name, kind, author=author)
    except BadSettings:
        return await store.documents(name, kind, author=author, create=False)
