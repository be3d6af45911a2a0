"""The write-ahead log as it is written: one row a tick, and what waits until rows are durable.

::

    head <= flushed <= durable <= written <= position

`durable` rows are on disk, `written` ones were handed to the log, and `position` counts the row
that is open as well, if it holds anything. What is made now may leave once `position` is durable.

Invariant: the rows from `durable` to `written` are kept here until the log says that they are on
disk. A commit that failed certainly put none of them there, so they are handed over again, in
order, when the owner has recovered the storage; until then `error` says why not.

Absent: what rows mean (`wal`), and the thread that commits (the storage's).
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from functools import partial

from plait.base.errors import Closed, PlaitError
from plait.base.ports import AppendRows, LogStorage, LogWrite, PutHardState, ResetLine, TrimPrefix
from plait.engines.graph.wal import Record, encode_row

_TRIM_ROWS = 256  # a trim is a write of its own, so it waits for company


class Journal:
    """One line of a `LogStorage`. `told(durable)` is called whenever rows became durable, and
    `failed(error)` once when they did not."""

    def __init__(
        self,
        log: LogStorage,
        line: str,
        tail: int,
        told: Callable[[int], None],
        failed: Callable[[PlaitError], None],
    ) -> None:
        self.written = tail
        self.durable = tail
        self.error: PlaitError | None = None  # why nothing is written now
        self.row_bytes = 0  # written since the replica was opened
        self._log = log
        self._line = line
        self._told = told
        self._failed = failed
        self._heeding: dict[Callable[[], None], None] = {}
        self._records: list[Record] = []  # of the open row
        self._unsure: deque[bytes] = deque()  # rows from `durable` to `written`
        self._hard_state: bytes | None = None  # handed over with the next row
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        extent = log.lines().get(line)
        self._head = extent.head if extent is not None else tail
        self._generation = 0  # of submissions: those before a failure are answered in vain
        self._wanted = False  # the open row goes once those before it are durable

    @property
    def position(self) -> int:
        """What must be durable before anything that is made now may leave."""
        return self.written + 1 if self._records else self.written

    @property
    def waiting(self) -> int:
        """Rows that are not durable yet."""
        return self.position - self.durable

    def add(self, record: Record) -> None:
        """Put a record into the open row."""
        self._records.append(record)

    def put_hard_state(self, data: bytes) -> None:
        """Replace the line's hard state, together with the open row."""
        self._hard_state = data

    def on_durable(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever rows became durable; returns how to stop."""
        self._heeding[tell] = None
        return lambda: self._heeding.pop(tell, None)

    def close_row_in_turn(self) -> None:
        """Hand the open row to the log as soon as it has those before: until then it would wait
        there, and may as well take in what comes meanwhile."""
        if self.durable < self.written:
            self._wanted = True
        else:
            self.close_row()

    def close_row(self) -> None:
        """Hand the open row to the log, if it holds anything."""
        if not self._records:
            if self._hard_state is not None and self.error is None:
                self._submit(self.written, ())
            return
        row = encode_row(self._records)
        self._records = []
        self.row_bytes += len(row)
        self._unsure.append(row)
        self.written += 1
        if self.error is None:
            self._submit(self.written - 1, (row,))

    def retry(self) -> None:
        """The storage takes writes again: hand over what it has not got."""
        if self.error is None:
            return
        self.error = None
        if self._unsure or self._hard_state is not None:
            self._submit(self.durable, tuple(self._unsure))

    def trim(self, before: int) -> None:
        """Let go of rows that the state file holds for good."""
        if before - self._head < _TRIM_ROWS or self.error is not None:
            return
        self._head = before
        with contextlib.suppress(PlaitError):  # the next one trims as much
            self._log.submit((TrimPrefix(self._line, before),), _forget)

    def begin_at(self, position: int, hard_state: bytes) -> None:
        """The line lost rows that the state file has: go on behind those."""
        self.written = self.durable = self._head = position
        done = partial(self._done, self._generation, position, None)
        writes = (ResetLine(self._line, position), PutHardState(self._line, hard_state))
        self._log.submit(writes, done)

    def reset(self, hard_state: bytes, records: list[Record]) -> None:
        """Begin anew behind everything that was written: earlier rows count for nothing."""
        self.close_row()
        start = self.written
        rows = (encode_row(records),) if records else ()
        self._unsure.extend(rows)
        self.written += len(rows)
        writes: list[LogWrite] = [
            ResetLine(self._line, start), PutHardState(self._line, hard_state)
        ]  # fmt: skip
        if rows:
            writes.append(AppendRows(self._line, start, rows))
        self._hard_state = None
        done = partial(self._done, self._generation, self.written, None)
        self._log.submit(writes, done)

    async def wait(self, position: int) -> None:
        """Return when everything below `position` is durable; raises why it cannot be."""
        if self.durable >= position:
            return
        if self.error is not None:
            raise self.error
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((position, future))
        await future

    def close(self) -> None:
        """Answer nobody any more."""
        self._generation += 1
        self._release(Closed("the replica was closed"))

    # ------------------------------------------------------------------------- inside

    def _submit(self, start: int, rows: tuple[bytes, ...]) -> None:
        writes: list[LogWrite] = [AppendRows(self._line, start, rows)] if rows else []
        if self._hard_state is not None:
            writes.append(PutHardState(self._line, self._hard_state))
        done = partial(self._done, self._generation, start + len(rows), self._hard_state)
        try:
            self._log.submit(writes, done)
        except PlaitError as error:
            self._fail(error)

    def _done(
        self, generation: int, durable: int, hard: bytes | None, error: PlaitError | None
    ) -> None:
        if generation != self._generation:
            return
        if error is not None:
            self._fail(error)
            return
        if hard is not None and hard == self._hard_state:
            self._hard_state = None
        while self.durable < durable:
            self._unsure.popleft()
            self.durable += 1
        if self._waiting:
            self._release(None)
        if self._wanted and self.durable == self.written:
            self._wanted = False
            self.close_row()
        self._told(durable)
        for tell in list(self._heeding):
            tell()

    def _fail(self, error: PlaitError) -> None:
        if self.error is not None:
            return
        self.error = error
        self._generation += 1  # what else was submitted fails with it
        self._release(error)
        self._failed(error)

    def _release(self, error: PlaitError | None) -> None:
        waiting, self._waiting = self._waiting, []
        for position, future in waiting:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            elif position <= self.durable:
                future.set_result(None)
            else:
                self._waiting.append((position, future))


def _forget(_: PlaitError | None) -> None:
    """A trim that failed is made up for by the next."""
