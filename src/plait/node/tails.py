"""How far a line goes, asked at any node: whoever leads it says.

A follower of a leader–follower line knows only what it was told; what its leader acknowledged a
moment ago may still be on its way. Absent: retries of a question that was lost, but for asking
again.
"""

import asyncio
import logging
from typing import Any, Protocol

from plait.base.errors import NotLeader, PlaitError, Unavailable
from plait.node.line_host import LineHost
from plait.node.said import TailTold, TailWanted

logger = logging.getLogger("plait.node")

ASK_S = 0.25


class Owner(Protocol):
    """The node, as far as asking needs it."""

    def host(self, line: str) -> LineHost: ...

    def send(self, peer: str, message: Any) -> None: ...

    def spawn(self, work: Any) -> None: ...


class Tails:
    """What one node asks, and answers."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._number = 0
        self._asked: dict[int, asyncio.Future[int]] = {}

    async def of(self, line: str, timeout_s: float) -> int:
        """A position that every write is below that was completed before. `Unavailable`."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    position = await self._look(line)
                    if position is not None:
                        return position
        except TimeoutError:
            raise Unavailable(f"nobody told within {timeout_s:g} s how far {line} goes") from None

    async def _look(self, line: str) -> int | None:
        host = self._node.host(line)
        try:
            return (await host.loglet.check_tail()).position
        except NotLeader:
            if host.leads or host.leader is None:
                await asyncio.sleep(ASK_S)
                return None
        return await self._ask(line, host.leader)

    async def _ask(self, line: str, leader: str) -> int | None:
        self._number += 1
        number = self._number
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            self._node.send(leader, TailWanted(line, number))
            async with asyncio.timeout(ASK_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._asked[number]

    def hear(self, peer: str, message: TailWanted | TailTold) -> None:
        """A node asks, or answers."""
        if isinstance(message, TailWanted):
            self._node.spawn(self._answer(peer, message))
        elif message.number in self._asked and not self._asked[message.number].done():
            self._asked[message.number].set_result(message.position)

    async def _answer(self, peer: str, wanted: TailWanted) -> None:
        try:
            tail = await self._node.host(wanted.line).loglet.check_tail()
        except PlaitError as error:  # it asks again, perhaps somebody else
            logger.info("%s is not told how far %s goes: %s", peer, wanted.line, error)
            return
        self._node.send(peer, TailTold(wanted.line, wanted.number, tail.position))
