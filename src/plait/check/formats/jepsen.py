"""Jepsen's log lines: ``INFO  jepsen.util - 3	:invoke	:cas	[1 2]``.

What stands before the process may be anything; lines without an event are other logging and are
passed over, unless they come from the history's own logger and so must be damaged.

A failed ``cas`` that repeats its pair was answered: the value was another. That is an observation
like a read's, and is judged. A failed ``cas`` with a reason (``:timed-out``) observed nothing.
"""

import re
from collections.abc import Iterator
from typing import cast

from plait.check.formats.edn import Keyword, Reader, Unreadable, plain
from plait.check.history import Event, EventType, bad

_PATTERN = (
    r"(?:^|[\s-])(\d+|:nemesis)[ \t]+:(invoke|ok|fail|info)[ \t]+:([\w*!?<>=.-]+)"
    r"(?:[ \t]+([^\r\n]*))?"
)
EVENT_BYTES = re.compile(_PATTERN.encode(), re.MULTILINE)

_EVENT = re.compile(_PATTERN)
_LOGGER = re.compile(r"jepsen\.util\b.*?-\s*(\d+|:)")


def events(data: bytes, source: str) -> Iterator[tuple[int, Event]]:
    """(line number, event) pairs."""
    for number, line in enumerate(data.decode().split("\n"), 1):
        found = _EVENT.search(line)
        if found is not None:
            yield number, _event(found, source, number)
        elif _LOGGER.search(line):
            raise bad(source, number, f"not an event: {line.strip()[:80]!r}; is the file cut off?")


def _event(found: re.Match[str], source: str, number: int) -> Event:
    process, kind, function, text = found.groups()
    event = Event(
        process=int(process) if process.isdigit() else process,
        type=cast(EventType, kind),
        f=function,
    )
    if text is None or not text.strip() or event.process == ":nemesis":
        return event
    reader = Reader(text)
    try:
        value = reader.read()
    except Unreadable as error:
        raise bad(source, number, f"not a value: {text.strip()[:80]!r} ({error})") from None
    if isinstance(value, Keyword) and kind != "invoke":
        event.error = str(value)
    else:
        event.value = plain(value)
        event.error = reader.rest or None
    event.refused = kind == "fail" and function == "cas" and event.error is None
    return event
