"""A relay that an open store is synced through as things happen.

::

    an edit became durable here ──┐
    another store left something ─┼─► a quick round ─► a calm one, `every_s` later at most
    (the log tells, nobody polls) ┘

Invariant: one round at a time; what a failed one was to do the next does. While the engine does not
answer, rounds are tried again at growing intervals.

Absent: what a round does (`folder_sync`), and the log (`relay_carrier`).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Protocol

from plait.base.causality import VersionVector, descends
from plait.base.errors import PlaitError, Unavailable
from plait.base.ports import Clock, Random, Storage
from plait.engines.graph import Replica
from plait.engines.shared import SharedEngine
from plait.node.folder_report import RoundReport
from plait.node.folder_sync import CarrierSync, Pace
from plait.node.folder_sync import Collections as Synced
from plait.node.relay_carrier import Connect, RelayCarrier

logger = logging.getLogger("plait.relay")

EVERY_S = 1.0
GATHER_S = 0.005  # what is written in so short a time goes together
SOON_S = 0.15  # at most: one of several stores does what any of them could
FULL_ROUNDS = 16  # every so many calm rounds look at what has not changed, too
RETRY_S = 0.1
RETRY_S_MAX = 5.0
CLOSE_S = 5.0
LISTEN_S = 30.0
LISTEN_AGAIN_S = 0.5


class Collections(Synced, Protocol):
    """The node's collections of documents."""

    def on_open(self, tell: Callable[[str, Replica], None]) -> Callable[[], None]:
        """Be told of every replica that is opened, by lineage; returns how to stop."""
        ...


class Connections(Protocol):
    """The node's engines."""

    async def get(self, url: str) -> SharedEngine: ...

    async def named(self, url: str, namespace: str) -> SharedEngine: ...


class Node(Protocol):
    """The node, as far as relays need it."""

    storage: Storage
    clock: Clock
    random: Random

    @property
    def engines(self) -> Connections: ...

    @property
    def graphs(self) -> Collections: ...

    def spawn(self, work: Any) -> None:
        """Run something for as long as the node lives."""
        ...


class RelaySync(CarrierSync):
    """One node and the relay of one name on one engine. `where` is for people."""

    def __init__(
        self, node: Node, connect: Connect, name: str, where: str, begins: bool = True
    ) -> None:
        self.where = where
        self.relay = RelayCarrier(connect, node.random)
        super().__init__(node, self.relay, f"relay/{name}/", begins)

    async def round(self, pace: Pace = Pace.FULL) -> RoundReport:
        """Do one round. Raises `Unavailable` and what else the engine does."""
        try:
            report = await super().round(pace)
            if pace is not Pace.QUICK:
                await self.relay.tend()
            return report
        except PlaitError as error:
            if not isinstance(error, Unavailable):
                await self.relay.reopen()
            raise


Tell = Callable[[RoundReport | PlaitError], None]


def tell_nobody(_: RoundReport | PlaitError) -> None:
    """Of a round."""


class RelayHandle:
    """A relay that is synced through until `close`; `last` is the last round's report, `error` why
    the last one failed, or None."""

    def __init__(
        self,
        node: Node,
        sync: RelaySync,
        every_s: float,
        forget: Callable[[], object],
        tell: Tell = tell_nobody,
    ) -> None:
        """tell: of every round, what it did or why it failed (once, as long as it is the same)."""
        self.last: RoundReport | None = None
        self.error: PlaitError | None = None
        self.rounds = 0
        self._node = node
        self._sync = sync
        self._every_s = every_s
        self._forget = forget
        self._tell = tell
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._woken = asyncio.Event()  # there is something for a quick round, or an end
        self._left: dict[Replica, VersionVector] = {}  # what was here before the last good round
        self._stops: dict[Replica, Callable[[], None]] = {}
        self._calm_at = 0.0
        self._calm_rounds = 0
        self._failures = 0
        self._wrong: list[str] = []

    async def close(self) -> None:
        """Do a last round, so that what was written is left, and stop."""
        self._stop.set()
        self._woken.set()
        await self.ended()

    async def ended(self) -> None:
        """Return when it has stopped."""
        await self._ended.wait()

    async def run(self) -> None:
        """Do rounds until `close`."""
        listening = asyncio.get_running_loop().create_task(self._listen())
        stop = self._node.graphs.on_open(lambda _, replica: self._watch(replica))
        for replica in self._node.graphs.replicas():
            self._watch(replica)
        try:
            while not self._stop.is_set():
                await self._pause()
                if not self._stop.is_set():
                    await self.round(self._pace())
            if not self._failures:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.round(), CLOSE_S)
        finally:
            stop()
            for unheed in self._stops.values():
                unheed()
            listening.cancel()
            self._forget()
            self._ended.set()
            await self._sync.relay.close()

    # ------------------------------------------------------------------ rounds

    async def round(self, pace: Pace = Pace.FULL) -> None:
        """Do one round now; what was wrong with it is in `last` and `error`."""
        replicas = self._node.graphs.replicas()
        before = {replica: VersionVector(replica.vector) for replica in replicas}
        try:
            self.last = await self._sync.round(pace)
        except PlaitError as error:
            if self.error is None or self.error.message != error.message:
                logger.warning("%s: %s", self._sync.where, error)
                self._tell(error)
            self.error = error
            self._failures += 1
        else:
            for what in [what for what in self.last.wrong if what not in self._wrong]:
                logger.warning("%s: %s", self._sync.where, what)
            self._wrong = self.last.wrong
            self.error, self._failures, self._left = None, 0, before
            self._tell(self.last)
        self.rounds += 1
        self._plan(pace)

    def _plan(self, pace: Pace) -> None:
        """Say when the next calm round is due. Stores draw, so that one of them is the first."""
        now, uniform = self._node.clock.monotonic(), self._node.random.uniform
        if self._failures:
            retry_s = min(RETRY_S * 2 ** min(self._failures - 1, 10), RETRY_S_MAX)
            self._calm_at = now + retry_s * uniform(0.5, 1.0)
        elif pace is not Pace.QUICK:
            self._calm_at = now + self._every_s * uniform(0.5, 1.0)
        elif self.last is not None and self.last.put_off_soon:
            self._calm_at = min(self._calm_at, now + uniform(0.0, SOON_S))

    async def _pause(self) -> None:
        """Until there is something to do."""
        awaited = self._stop if self._failures else self._woken
        delay = self._calm_at - self._node.clock.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(awaited.wait(), max(delay, 0.0))
            await asyncio.sleep(GATHER_S)

    def _pace(self) -> Pace:
        """How thorough the next round is to be."""
        calm = self._failures or self._node.clock.monotonic() >= self._calm_at
        self._woken.clear()
        if not calm:
            return Pace.QUICK
        self._calm_rounds += 1
        return Pace.CALM if self._calm_rounds % FULL_ROUNDS else Pace.FULL

    # ------------------------------------------------------------------ what wakes it

    def _watch(self, replica: Replica) -> None:
        if replica not in self._stops:
            held = self._node.graphs.replicas()
            for gone in [each for each in self._stops if each not in held]:
                self._stops.pop(gone)()
            self._stops[replica] = replica.journal.on_durable(lambda: self._durable(replica))
        self._woken.set()

    def _durable(self, replica: Replica) -> None:
        left = self._left.get(replica)
        if left is None or not descends(left, replica.vector):
            self._woken.set()

    async def _listen(self) -> None:
        """Wake up when another store says that it left something urgent."""
        while True:
            try:
                if await self._sync.relay.wait(LISTEN_S):
                    self._woken.set()
            except PlaitError as error:
                logger.debug("%s: %s", self._sync.where, error)
                await asyncio.sleep(LISTEN_AGAIN_S)
