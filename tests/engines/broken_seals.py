"""Loglets that seal wrongly in one subtle way each, and the checks that notice it."""

import asyncio
import itertools
from collections.abc import Callable

from plait.base.errors import Sealed
from plait.engines.memory import MemoryLoglet
from plait.line.entry import Entry
from plait.line.loglet import Tail


class AppendsAfterTheSeal(MemoryLoglet):
    """Forgets to refuse."""

    async def append(self, entry: Entry) -> int:
        sealed, self._sealed = self._sealed, False
        try:
            return await super().append(entry)
        finally:
            self._sealed = sealed


class LosesTheAppendBesideTheSeal(MemoryLoglet):
    """Stores after it has answered: the seal may come in between."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        await asyncio.sleep(0)
        if self._sealed and position == self.committed - 1:
            self._entries.pop()
        return position


class RefusesWhatItStored(MemoryLoglet):
    """Says Sealed to an append that was stored before the seal."""

    async def append(self, entry: Entry) -> int:
        position = await super().append(entry)
        await asyncio.sleep(0)
        if self._sealed:
            raise Sealed("too late")
        return position


class LetsALaterAppendPassTheSeal(MemoryLoglet):
    """Every other append that met the seal is let in before it becomes final."""

    def __init__(self) -> None:
        super().__init__()
        self._sealing = False
        self._turn = itertools.count()

    async def append(self, entry: Entry) -> int:
        if self._sealing and not next(self._turn) % 2:
            raise Sealed("sealing")
        return await super().append(entry)

    async def seal(self) -> int:
        self._sealing = True
        for _ in range(3):
            await asyncio.sleep(0)
        return await super().seal()


class UnsealsItself(MemoryLoglet):
    """Each seal is forgotten when the tail has been asked for."""

    async def check_tail(self) -> Tail:
        tail = await super().check_tail()
        self._sealed = False
        return tail


class SealReturnsItsOwnCount(MemoryLoglet):
    """A repeated seal counts its own marker."""

    async def seal(self) -> int:
        extra = 1 if self._sealed else 0
        return await super().seal() + extra


SEALS: dict[Callable[[], MemoryLoglet], str] = {
    AppendsAfterTheSeal: "check_seal_stops_appends",
    LosesTheAppendBesideTheSeal: "check_appends_beside_a_seal_are_definite",
    RefusesWhatItStored: "check_appends_beside_a_seal_are_definite",
    LetsALaterAppendPassTheSeal: "check_appends_beside_a_seal_are_definite",
    UnsealsItself: "check_seal_stops_appends",
    SealReturnsItsOwnCount: "check_seal_is_idempotent",
}
