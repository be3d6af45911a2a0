"""Moments: what probes see happen inside, told to faults that lie in wait for it.

A fault that strikes at times of its own rarely meets a window of milliseconds: between an installed
copy and the next write of the hard state, between a membership that was logged and its commit. One
that waits for the moment meets it each time.

Invariant: with nobody in wait a moment leaves no trace, so a world without such faults runs as if
nobody looked.
"""

import asyncio
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["leads", "members", "copied", "cut"]


class Moment(NamedTuple):
    """Something that a member of a line just did."""

    kind: Kind  # leads now; logged a membership as a leader; installed a copy; cut its suffix
    machine: str
    line: str


class Moments:
    """Who waits for what in one world."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Kind, asyncio.Future[Moment]]] = []

    def tell(self, kind: Kind, machine: str, line: str) -> None:
        """It happens now, in the middle of a step; who waits goes on in the next turn."""
        if self._waiting:
            told = [future for wanted, future in self._waiting if wanted == kind]
            self._waiting = [one for one in self._waiting if one[0] != kind]
            for future in told:
                if not future.done():
                    future.set_result(Moment(kind, machine, line))

    async def next(self, kind: Kind) -> Moment:
        """The next moment of a kind, however long it takes."""
        future: asyncio.Future[Moment] = asyncio.get_running_loop().create_future()
        self._waiting.append((kind, future))
        return await future
