"""Readers of one member who wait for a read index: everybody of one tick shares one question.

Invariant: a question is asked after everybody who shares it has come, so its answer is of a
moment after each of them began to read.
"""

import asyncio
from collections.abc import Callable

from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import Clock

RETRY_S = 0.25  # a question or its answer may be lost; where answers take longer, so do questions
RETRY_S_MAX = 2.0
PAUSE_S = 0.01  # before asking again whoever leads and could not say


class Readers:
    """Asks the core for read indexes. `ask(id)` steps it; `answer` is called with what it says.

    While nobody is `led` by anybody there is nobody to ask: readers wait until `wake` is called.
    """

    def __init__(
        self,
        line: str,
        clock: Clock,
        first_id: int,
        ask: Callable[[int], None],
        led: Callable[[], bool] = lambda: True,
    ) -> None:
        self._line = line
        self._clock = clock
        self._ask = ask
        self._led = led
        self._leaderless: dict[asyncio.Future[None], None] = {}
        self._last_id = first_id
        self._gathering: asyncio.Future[int | None] | None = None
        self._asked: dict[int, tuple[asyncio.Future[int | None], asyncio.TimerHandle]] = {}
        self._patience_s = RETRY_S

    async def index(self, timeout_s: float) -> int:
        """Whoever has applied everything below it sees every write completed before this call.

        Raises `Unavailable` if no leader could confirm it in time.
        """
        until = self._clock.monotonic() + timeout_s
        while True:
            position = await asyncio.shield(self._question())
            if position is not None:
                return position
            if self._clock.monotonic() > until:
                raise Unavailable(f"{self._line}: no leader confirmed what is committed")
            await self._pause(until)

    async def _pause(self, until: float) -> None:
        """Before asking again; a sign of a leader may be missed, so not for ever."""
        if self._led():
            await asyncio.sleep(PAUSE_S)
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        delay = min(RETRY_S, max(PAUSE_S, until - self._clock.monotonic()))
        timer = loop.call_later(delay, _settle, future)
        self._leaderless[future] = None
        try:
            await future
        finally:
            timer.cancel()
            self._leaderless.pop(future, None)

    @property
    def leaderless(self) -> bool:
        """Whether somebody waits until somebody leads."""
        return bool(self._leaderless)

    def wake(self) -> None:
        """Somebody leads: ask."""
        for future in self._leaderless:
            _settle(future)

    def _question(self) -> "asyncio.Future[int | None]":
        if self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.create_future()
            loop.call_soon(self._send)
        return self._gathering

    def _send(self) -> None:
        future, self._gathering = self._gathering, None
        assert future is not None
        self._last_id += 1
        id_ = self._last_id
        timer = asyncio.get_running_loop().call_later(self._patience_s, self._lost, id_)
        self._asked[id_] = (future, timer)
        self._ask(id_)

    def _lost(self, id_: int) -> None:
        """No answer came in time; over a long way the next one is given more."""
        self._patience_s = min(2 * self._patience_s, RETRY_S_MAX)
        self.answer(id_, None)

    def answer(self, id_: int, position: int | None) -> None:
        """The core answered; None: ask again."""
        asked = self._asked.pop(id_, None)
        if asked is None:
            return  # an answer that came too late
        if position is not None:
            self._patience_s = max(RETRY_S, 0.75 * self._patience_s)
        future, timer = asked
        timer.cancel()
        if not future.done():
            future.set_result(position)

    def fail(self, error: PlaitError) -> None:
        """Nobody will answer any more."""
        waiting = [future for future, _ in self._asked.values()]
        for _, timer in self._asked.values():
            timer.cancel()
        self._asked.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever gave up waiting is not missed
        self.wake()


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
