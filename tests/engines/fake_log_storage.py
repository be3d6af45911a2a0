"""A log storage in memory whose disk the test commands: it can pause, fail and crash."""

import asyncio
from collections.abc import Sequence

from plait.base.errors import HistoryTrimmed, PlaitError
from plait.base.ports import (
    AppendRows,
    Done,
    LineExtent,
    LogWrite,
    PutHardState,
    RescuedSuffix,
    ResetLine,
    TrimPrefix,
)


class FakeLogStorage:
    """Group-commits what was submitted one turn of the loop earlier; counts its reads."""

    def __init__(self, durable: "FakeLogStorage | None" = None) -> None:
        self.read_only: PlaitError | None = None
        self.suspect: str | None = None
        self.refusal: PlaitError | None = None  # raised by submit
        self.reads = 0
        self.paused = False
        self._failure: PlaitError | None = None
        self._heads: dict[str, int] = dict(durable._heads) if durable else {}
        self._rows: dict[str, list[bytes]] = (
            {line: list(rows) for line, rows in durable._rows.items()} if durable else {}
        )
        self._hard: dict[str, bytes] = dict(durable._hard) if durable else {}
        self._queue: list[tuple[Sequence[LogWrite], Done]] = []
        self._dead = False

    # ------------------------------------------------------------------------- the test's commands

    def crashed(self) -> "FakeLogStorage":
        """What is on the disk after a power cut now; this storage never answers again."""
        self._dead = True
        return FakeLogStorage(self)

    def fail(self, error: PlaitError) -> None:
        """Let every commit from now on fail."""
        self._failure = error

    def resume(self) -> None:
        """Commit what was submitted while the disk was paused."""
        self.paused = False
        self._commit()

    def flip_a_bit(self, line: str, index: int) -> None:
        """Spoil the row that stands `index` rows behind the head."""
        row = self._rows[line][index]
        self._rows[line][index] = row[:-1] + bytes([row[-1] ^ 1])

    # ------------------------------------------------------------------------- the port

    def lines(self) -> dict[str, LineExtent]:
        names = {**self._heads, **self._hard}
        return {line: self._extent(line) for line in names}

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        self.reads += 1
        head = self._heads.get(line, 0)
        if start < head:
            raise HistoryTrimmed(f"{start} is below {head}", head=head)
        found: list[bytes] = []
        for row in self._rows.get(line, [])[start - head : max(0, stop - head)]:
            bytes_max -= len(row)
            if found and bytes_max < 0:
                break
            found.append(row)
        return found

    def submit(self, writes: Sequence[LogWrite], done: Done) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._queue.append((writes, done))
        if len(self._queue) == 1:
            asyncio.get_running_loop().call_soon(self._tick)

    def rescued(self) -> list[RescuedSuffix]:
        return []

    def read_rescued(self, rescued: int) -> list[bytes]:
        raise NotImplementedError

    # ------------------------------------------------------------------------- the disk

    def _tick(self) -> None:
        # One more turn, as the real disk answers later than at once.
        asyncio.get_running_loop().call_soon(self._commit)

    def _commit(self) -> None:
        if self._dead or self.paused:
            return
        queue, self._queue = self._queue, []
        for writes, done in queue:
            if self._failure is None:
                for write in writes:
                    self._apply(write)
            done(self._failure)

    def _apply(self, write: LogWrite) -> None:
        head = self._heads.setdefault(write.line, 0)
        if isinstance(write, AppendRows):
            rows = self._rows.setdefault(write.line, [])
            assert write.start == head + len(rows), "rows are appended elsewhere than at the tail"
            rows += write.rows
        elif isinstance(write, TrimPrefix):
            del self._rows.setdefault(write.line, [])[: write.before - head]
            self._heads[write.line] = max(head, write.before)
        elif isinstance(write, ResetLine):
            self._rows[write.line] = []
            self._heads[write.line] = write.head
        elif isinstance(write, PutHardState):
            self._hard[write.line] = write.data
        else:
            raise NotImplementedError(write)

    def _extent(self, line: str) -> LineExtent:
        head = self._heads.get(line, 0)
        return LineExtent(head, head + len(self._rows.get(line, [])), self._hard.get(line))
