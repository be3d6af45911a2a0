"""Who wrote which part of a text, and when."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeAlias

from plait.api.documents.access import Access
from plait.base.errors import Refused
from plait.base.hlc import hlc_ms
from plait.types.paths import Path
from plait.types.text.state import TextState


class Blame(NamedTuple):
    """A stretch of the present text; who and when are None for what is too old to be told."""

    start: int
    end: int
    who: str | None
    when: datetime | None  # of the latest in it


_Origins: TypeAlias = list[tuple[int, int | str | None, int]]
_Written: TypeAlias = tuple[str, int]  # by whom, and when, in milliseconds


def blame_of(access: Access, key: str, path: Path, state: TextState, pause_s: float) -> list[Blame]:
    """Stretches of one author without a longer pause, in order; all of the text."""
    found: list[Blame] = []
    pause = timedelta(seconds=pause_s)
    start = 0
    for size, who, when in _written(access, key, _origins(access, key, path, state)):
        end = start + size
        if found and _goes_on(found[-1], who, when, pause):
            last = found[-1]
            latest = when if last.when is None or when is None else max(last.when, when)
            found[-1] = Blame(last.start, end, who, latest)
        else:
            found.append(Blame(start, end, who, when))
        start = end
    return found


def _goes_on(last: Blame, who: str | None, when: datetime | None, pause: timedelta) -> bool:
    if who != last.who:
        return False
    if when is None or last.when is None:
        return when is last.when
    return abs(when - last.when) <= pause


def _origins(access: Access, key: str, path: Path, state: TextState) -> _Origins:
    """Which operations the text is of; what was folded is looked for in the kept history."""
    origins = state.origins()
    if access.is_past or all(name is not None for _, name, _ in origins):
        return origins
    try:
        past = access.replica.past(access.replica.vector, None).object(key, path)
    except Refused:  # the beginning is not kept
        return origins
    # in a change that is open the present is ahead of what the history knows
    return past.origins() if past is not None and past.text() == state.text() else origins


def _written(
    access: Access, key: str, origins: _Origins
) -> Iterator[tuple[int, str | None, datetime | None]]:
    replica = access.replica
    archive: _Archive | None = None
    for size, name, seq in origins:
        if not isinstance(name, int):
            yield size, None, None
            continue
        ms = replica.when(name, seq)
        if ms is not None:
            yield size, replica.who(name, seq), _time(ms)
            continue
        if archive is None:
            archive = _Archive(access, key)
        who, old_ms = archive.at(name, seq) or (replica.who(name), None)
        yield size, who, None if old_ms is None else _time(old_ms)


def _time(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


class _Archive:
    """The batches of a document that are on disk: read once, which takes a while."""

    def __init__(self, access: Access, key: str) -> None:
        self._batches: dict[int, list[tuple[int, int, _Written]]] = {}  # by author, ascending
        try:
            for past in access.replica.history(key):
                event = past.event
                who = event.who or access.replica.who(event.replica)
                last = past.version[event.replica]
                written = (who, hlc_ms(event.hlc))
                self._batches.setdefault(event.replica, []).append((event.seq, last, written))
        except Refused:  # nothing is kept
            return

    def at(self, replica: int, seq: int) -> _Written | None:
        """Who wrote an event, and when."""
        batches = self._batches.get(replica, [])
        index = bisect_right(batches, seq, key=lambda batch: batch[0]) - 1
        if index < 0 or batches[index][1] < seq:
            return None
        return batches[index][2]
