"""Bell: nodes tell each other which loglets have moved, through LISTEN and NOTIFY.

A hint and nothing more: whoever hears it looks at the row. It rings after the append's
transaction and not in it, for commits that notify queue up at one lock of the whole database;
what moved meanwhile is told in one go. What is not heard is found by a slow poll.

Payload: the sender's token, a colon, the loglets' ids with commas. Everybody in a namespace
listens to one channel. Absent: any promise of delivery.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from plait.base.errors import Closed, PlaitError
from plait.engines.postgres.pool import Pool
from plait.engines.postgres.session import Session
from plait.engines.postgres.statements import NOTIFY

POLL_S = 2.0
GATHER_S = 0.002  # between two notifications, for those that come meanwhile
IDS_MAX = 300  # in one payload, which has 8000 bytes at most

Heard = Callable[[bool], None]  # surely moved, or only to be polled


class Bell:
    """Rings for others, and calls back when others ring."""

    def __init__(self, pool: Pool, channel: str, token: str) -> None:
        self._pool = pool
        self._channel = channel
        self._token = token
        self._rung: dict[int, None] = {}  # to be told
        self._hearers: dict[int, list[Heard]] = {}
        self._telling: asyncio.Future[None] | None = None
        self._session: Session | None = None
        self._closed = False
        self._tasks = [asyncio.ensure_future(each) for each in (self._listen(), self._poll())]
        pool.on_moved(self._follow)

    def ring(self, log: int) -> None:
        """Tell the others, soon, that a loglet has moved."""
        self._rung[log] = None
        if self._telling is None and not self._closed:
            self._telling = asyncio.ensure_future(self._tell())

    def hear(self, log: int, callback: Heard) -> None:
        """Call back when another node rings for the loglet, and at every poll."""
        self._hearers.setdefault(log, []).append(callback)

    def unhear(self, log: int, callback: Heard) -> None:
        """Call back no more."""
        callbacks = self._hearers.get(log, [])
        if callback in callbacks:
            callbacks.remove(callback)
        if not callbacks:
            self._hearers.pop(log, None)

    async def close(self) -> None:
        """Stop listening."""
        self._closed = True
        tasks = [*self._tasks, *([self._telling] if self._telling else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self) -> None:
        while self._rung and not self._closed:
            ids = list(self._rung)[:IDS_MAX]
            for log in ids:
                del self._rung[log]
            payload = f"{self._token}:{','.join(map(str, ids))}"

            async def work(session: Session, payload: str = payload) -> object:
                return await session.rows(NOTIFY, self._channel, payload)

            with suppress(PlaitError):  # the others poll
                await self._pool.run(work)
            await asyncio.sleep(GATHER_S)
        self._telling = None

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                session = await self._pool.connect()
            except PlaitError:
                await self._pool.pause(failures)
                failures += 1
                continue
            failures = 0
            self._session = session
            try:
                await session.script(f"LISTEN {self._channel}")
                self._call_all(surely=True)  # who knows what was missed
                async for payload in session.heard():
                    self._hear(payload)
            except Closed:
                return
            except PlaitError:
                await self._pool.pause(failures)
            finally:
                self._session = None
                await session.close()

    def _hear(self, payload: str) -> None:
        token, _, ids = payload.partition(":")
        if token == self._token:
            return
        for each in ids.split(","):
            for callback in self._hearers.get(int(each) if each.isdecimal() else -1, ()):
                callback(True)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            self._call_all(surely=False)

    def _call_all(self, *, surely: bool) -> None:
        for callbacks in self._hearers.values():
            for callback in callbacks:
                callback(surely)

    def _follow(self) -> None:
        """The pool went to another server: so does this."""
        if self._session is not None:
            self._session.abort()
