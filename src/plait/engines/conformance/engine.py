"""What the checks share: the handle to an engine under test, and a few verbs.

The verbs assume of a loglet only what its port promises.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from plait.line.entry import Entry, Kind
from plait.line.loglet import BEGINNING, Loglet, Origin

SPINS = 25  # turns of the event loop that let whatever is ready happen


class Engine:
    """A loglet under test, and how to open it again if it keeps its data.

    reopen: close `engine.loglet` and open what it left; the new loglet.
    crash: drop `engine.loglet` without closing it, with all that was not durable; the new loglet.
    origin: where the loglet was told to begin.
    """

    def __init__(
        self,
        loglet: Loglet,
        reopen: Callable[[], Awaitable[Loglet]] | None = None,
        crash: Callable[[], Awaitable[Loglet]] | None = None,
        origin: Origin = BEGINNING,
    ) -> None:
        self.loglet = loglet
        self.origin = origin
        self._reopen = reopen
        self._crash = crash

    @property
    def begin(self) -> int:
        """Position of the first entry."""
        return self.origin.position

    @property
    def can_reopen(self) -> bool:
        """Whether it can be closed and opened again."""
        return self._reopen is not None

    @property
    def can_crash(self) -> bool:
        """Whether it can be crashed and opened again."""
        return self._crash is not None

    async def reopen(self) -> Loglet:
        """Close and open again."""
        assert self._reopen is not None, "the engine cannot be reopened"
        self.loglet = await self._reopen()
        return self.loglet

    async def crash(self) -> Loglet:
        """Crash and open again."""
        assert self._crash is not None, "the engine cannot be crashed"
        self.loglet = await self._crash()
        return self.loglet


def entry(text: str, records: int = 1) -> Entry:
    """An entry whose payload is `text`."""
    return Entry(text.encode(), records)


def text(found: Entry) -> str:
    """What `entry` was made of."""
    return found.payload.decode()


async def append_all(loglet: Loglet, texts: Sequence[str]) -> list[int]:
    """Append one after the other; the positions."""
    return [await loglet.append(entry(each)) for each in texts]


async def read_all(loglet: Loglet, start: int, stop: int) -> list[Entry]:
    """Every entry of [start, stop), all of which must be committed; waits for the handle to know.

    Asks several times where the loglet gives less than all at once.
    """
    found: list[Entry] = []
    while start + len(found) < stop:
        position = start + len(found)
        tail = await loglet.wait(position)
        part = await loglet.read(position, stop)
        assert part or not tail.sealed, f"nothing to read at {position}, below the tail {stop}"
        assert part or loglet.committed <= position, (
            f"read({position}, {stop}) gave nothing although committed is {loglet.committed}"
        )
        assert len(part) <= stop - position, f"read({position}, {stop}) gave {len(part)} entries"
        found += part
    return found


async def read_given(loglet: Loglet, start: int, stop: int) -> dict[int, Entry]:
    """By position, the entries of [start, stop) that were given to the loglet, not its own."""
    found = await read_all(loglet, start, stop)
    return {start + i: each for i, each in enumerate(found) if not own(each)}


async def read_texts(loglet: Loglet, start: int, stop: int) -> dict[int, str]:
    """`read_given`, only the texts."""
    return {at: text(each) for at, each in (await read_given(loglet, start, stop)).items()}


def own(found: Entry) -> bool:
    """Whether the engine made this entry itself."""
    return found.kind is not Kind.DATA and not found.records


async def spin(turns: int = SPINS) -> None:
    """Let whatever can happen without time passing happen."""
    for _ in range(turns):
        await asyncio.sleep(0)


def start(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Run `work` beside the check, which must await it."""
    return asyncio.ensure_future(work)
