"""Proposing: groups of one tick become one entry, and each group learns its outcome.

::

    queue      groups that wait for a place in an entry
    appending  entries handed to the loglet, at most APPENDS_MAX of them
    placed     entries with a position, waiting to be applied

Groups wait while enough appends are under way, so that entries grow under load. An outcome is
given only if the entry applied at the position is the very one appended there: a promotion can
put another in its place. Invariant: `pending_bytes` is what all three hold.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from plait.base.errors import Busy, PlaitError, Unavailable
from plait.base.ports import Clock
from plait.line.entry import Entry
from plait.line.loglet import Loglet
from plait.line.outcome import Outcome
from plait.types.commands import Group, decode_group, encode_payload
from plait.types.machine import Machine

ENTRY_COMMANDS_MAX = 4096  # applying an entry takes one turn of the loop, so it is kept short
ENTRY_BYTES_MAX = 4 * 1024 * 1024
APPENDS_MAX = 4
PENDING_BYTES_MAX = 32 * 1024 * 1024


class _Batch:
    """One entry on its way, and who waits for it."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.groups: list[Group] = []
        self.futures: list[asyncio.Future[Outcome]] = []
        self.payload = b""
        self.commands = 0
        self.size = 0

    def add(self, data: bytes, group: Group, future: "asyncio.Future[Outcome]") -> None:
        self.data.append(data)
        self.groups.append(group)
        self.futures.append(future)
        self.commands += len(group.commands)
        self.size += len(data)

    def has_room(self, data: bytes, group: Group) -> bool:
        return not self.data or (
            self.commands + len(group.commands) <= ENTRY_COMMANDS_MAX
            and self.size + len(data) <= ENTRY_BYTES_MAX
        )


class Proposer:
    """Turns groups into entries of one loglet, as the machine that folds it wants them."""

    def __init__(
        self, loglet: Loglet, machine: Machine, clock: Clock, applied: Callable[[], int]
    ) -> None:
        self.pending_bytes = 0
        self._loglet = loglet
        self._machine = machine
        self._clock = clock
        self._applied = applied
        self._queue: deque[tuple[bytes, Group, asyncio.Future[Outcome]]] = deque()
        self._scheduled = False
        self._begin = getattr(loglet, "append_nowait", None) or self._begin_in_a_task
        self._appending: dict[asyncio.Future[int], _Batch] = {}
        self._placed: dict[int, _Batch] = {}
        # Outcomes of appended entries that were applied before their append returned.
        self._early: dict[int, tuple[bytes, list[Outcome]]] = {}

    def propose(self, data: bytes) -> "asyncio.Future[Outcome]":
        """Order a group. Raises `BadFrame`, `Busy` and what the machine refuses at once; the
        future has all other errors."""
        group = decode_group(data)
        self._machine.check(group.commands)
        if self.pending_bytes and self.pending_bytes + len(data) > PENDING_BYTES_MAX:
            raise Busy(f"{self.pending_bytes} bytes wait to be ordered")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._queue.append((data, group, future))
        self.pending_bytes += len(data)
        self._schedule()
        return future

    def decoded(self, payload: bytes) -> list[Group] | None:
        """The groups of a payload that was proposed here, so that nobody decodes it again."""
        batch = self._find(payload)
        return None if batch is None else batch.groups

    def applied(
        self, position: int, payload: bytes, outcomes: Callable[[], Sequence[Outcome]]
    ) -> None:
        """An entry was applied: settle its batch, or keep the outcomes until its append returns."""
        batch = self._placed.pop(position, None)
        if batch is not None:
            if batch.payload == payload:
                self._settle(batch, outcomes())
            else:
                self._fail(batch, Unavailable("another entry took the place of this one"))
        elif any(batch.payload == payload for batch in self._appending.values()):
            self._early[position] = (payload, list(outcomes()))

    def cut(self, position: int) -> None:
        """Entries from `position` on were cut away after they had been placed."""
        for placed in sorted(self._placed):
            if placed >= position:
                error = Unavailable("the entry was cut by a promotion", position=placed)
                self._fail(self._placed.pop(placed), error)
        self._early.clear()

    def fail(self, error: PlaitError) -> None:
        """Give `error` to everybody who waits."""
        while self._queue:
            data, _, future = self._queue.popleft()
            self.pending_bytes -= len(data)
            if not future.done():
                future.set_exception(error)
        for appending in list(self._appending):
            appending.cancel()
        for position in sorted(self._placed):
            self._fail(self._placed.pop(position), error)
        self._early.clear()

    async def close(self) -> None:
        """Give up on everything that is not settled: its outcome is not known."""
        appending = list(self._appending)
        self.fail(Unavailable("the replica was closed"))
        await asyncio.gather(*appending, return_exceptions=True)

    def _find(self, payload: bytes) -> _Batch | None:
        for batches in (self._appending.values(), self._placed.values()):
            for batch in batches:
                if batch.payload == payload:
                    return batch
        return None

    def _schedule(self) -> None:
        if not self._scheduled and self._queue and len(self._appending) < APPENDS_MAX:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._scheduled = False
        while self._queue and len(self._appending) < APPENDS_MAX:
            batch = self._next_batch()
            if not batch.data:
                return
            batch.payload = encode_payload(batch.data, self._machine.seed())
            batch.data = []
            entry = Entry(batch.payload, records=batch.commands, time_ms=self._clock.wall_ms())
            try:
                appending = self._begin(entry)
            except PlaitError as error:
                self._fail(batch, error)
            else:
                self._appending[appending] = batch
                appending.add_done_callback(self._appended)

    def _begin_in_a_task(self, entry: Entry) -> "asyncio.Future[int]":
        """For loglets that cannot take an entry without waiting."""
        return asyncio.ensure_future(self._loglet.append(entry))

    def _next_batch(self) -> _Batch:
        batch = _Batch()
        while self._queue and batch.has_room(*self._queue[0][:2]):
            data, group, future = self._queue.popleft()
            if future.done():  # its caller gave up before anything was sent
                self.pending_bytes -= len(data)
            else:
                batch.add(data, group, future)
        return batch

    def _place(self, batch: _Batch, position: int) -> None:
        payload, outcomes = self._early.pop(position, (b"", []))
        if payload == batch.payload:
            self._settle(batch, outcomes)
        elif position < self._applied():
            self._fail(batch, Unavailable("the outcome was not kept", position=position))
        else:
            self._placed[position] = batch

    def _appended(self, appending: "asyncio.Future[int]") -> None:
        batch = self._appending.pop(appending)
        if appending.cancelled():
            self._fail(batch, Unavailable("the append was given up"))
        elif (error := appending.exception()) is not None:
            self._fail(batch, error)
        else:
            self._place(batch, appending.result())
        if not self._appending:
            self._early.clear()
        self._schedule()

    def _settle(self, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
        self._release(batch)
        for future, outcome in zip(batch.futures, outcomes, strict=True):
            if not future.done():
                future.set_result(outcome)

    def _fail(self, batch: _Batch, error: BaseException) -> None:
        self._release(batch)
        for future in batch.futures:
            if not future.done():
                future.set_exception(error)

    def _release(self, batch: _Batch) -> None:
        self.pending_bytes -= batch.size
        batch.size = 0
