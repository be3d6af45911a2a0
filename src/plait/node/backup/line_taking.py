"""Taking one line into a backup: what an earlier one has of it, a copy of the state, the log.

::

    prepare   what is kept of the earlier backup; a new copy of the state, if one is due
    cut       where the line stands at this very moment (all lines at one)
    gather    the entries up to there that are not kept yet

Invariant: the log goes from the first copy to the cut without a gap, and all of it, copies too, is
one history: that of the cut. A leader-follower line may lose its end to a promotion meanwhile; then
`Unsettled` says that it has to be done again.

Where moments are kept since some time only, what is for earlier ones alone is left out: the log
begins with the newest copy that is older than that.
"""

from collections.abc import AsyncIterator
from hashlib import sha256

from msgspec.structs import replace

from plait.base.errors import HistoryTrimmed, MachineStopped, Unavailable
from plait.base.ports import StateStorage
from plait.engines.audit import HASH_BYTES
from plait.engines.checkpoint import load_checkpoint
from plait.engines.replica import Replica
from plait.line.entry import NO_EPOCH, Entry, Epoch, decode_entry
from plait.node.backup.layout import (
    PIECE_BYTES,
    Blob,
    LineBackup,
    LogPiece,
    Piece,
    StateCopy,
    epoch_before,
)
from plait.node.backup.vault import Pieces
from plait.node.line_host import LineHost
from plait.types.machine import Machine

MERGE_PIECES = 32  # as many small pieces at the end become one
SMALL_BYTES = 128 << 10
NO_PIECE = Piece("", 0)
NOTHING = StateCopy(0, 0, NO_EPOCH, 0, 0, Blob(0, 0, ()))  # the state that every line begins with


class Unsettled(Unavailable):
    """A line lost its end, or its log its beginning, while it was being copied."""


class LineTaking:
    """One line, in one attempt."""

    def __init__(
        self, host: LineHost, acks: str, state: StateStorage, earlier: LineBackup | None,
        pieces: Pieces, copy_after: int, since_ms: int | None = None,
    ) -> None:  # fmt: skip
        self.host = host
        self.broken_off = False  # it does not go on from the earlier one, but begins anew
        self._since_ms = since_ms  # moments since then are kept; None: whatever there is
        self._acks = acks
        self._state = state
        self._earlier = earlier
        self._pieces = pieces
        self._copy_after = copy_after  # bytes of log, or as many as the copy has
        self._copies: list[StateCopy] = []
        self._log: list[LogPiece] = []
        self._history = History(host.replica)
        self._cut: LineBackup | None = None
        self._cut_ms = 0

    @property
    def line(self) -> str:
        """The line's name."""
        return self.host.line

    @property
    def _end(self) -> int:
        """Everything below is kept."""
        return self._log[-1].end if self._log else self._copies[0].position

    # ------------------------------------------------------------------ before the cut

    async def prepare(self) -> None:
        """Keep what an earlier backup has, and copy the state if that is due."""
        self._history = History(self.host.replica)
        if self._earlier is not None:
            await self._keep(self._earlier)
        if not self._copies and self.host.loglet.head == 0:
            self._copies = [NOTHING]  # all of it is in the log, so any moment can be restored
        elif not self._copies:
            self._copies = [await self._copy()]
        if self._is_long():
            copy = await self._copy()
            if copy.position > self._copies[-1].position:
                self._copies.append(copy)
        earlier = self._earlier
        self.broken_off = (
            earlier is not None and self._copies[0].position > earlier.copies[0].position
        )
        await self._forget()

    async def _forget(self) -> None:
        """Begin with the newest copy that is older than everything that is to be kept."""
        if self._since_ms is None:
            return
        old = [copy for copy in self._copies if copy.time_ms <= self._since_ms]
        if len(old) < 2:
            return
        begin = old[-1].position
        self._copies = self._copies[len(old) - 1 :]
        log, self._log = self._log, []
        for part in log:
            if part.start >= begin:
                self._log.append(part)
            elif part.end > begin:
                rows = (await self._pieces.get_rows(part.piece))[begin - part.start :]
                latest = max(decode_entry(row).time_ms for row in rows)
                await self._put(begin, rows, part.epoch, latest, part.taken_ms)

    async def _keep(self, earlier: LineBackup) -> None:
        """What of the earlier backup is of our history, if our log goes on from there."""
        owner, applied = self.host.replica.epochs.owner, self.host.replica.applied
        log = list(earlier.log)
        while log and (log[-1].end > applied or owner(log[-1].end - 1) != log[-1].epoch):
            log.pop()
        if not log or self.host.loglet.head >= log[-1].end:
            return
        try:
            ours = await self.host.loglet.read(log[-1].end - 1, log[-1].end)
        except HistoryTrimmed:
            return
        rows = await self._pieces.get_rows(log[-1].piece)
        if ours and rows and ours[0].encode() == rows[-1]:  # equal ends: equal from the beginning
            self._log = log
            self._copies = [copy for copy in earlier.copies if copy.through <= log[-1].end]

    def _is_long(self) -> bool:
        """Whether a restore would replay more than it copies."""
        last = self._copies[-1]
        since = sum(log.piece.size for log in self._log if log.end > last.through)
        if not self._log:
            since = self.host.replica.applied_bytes
        return since > max(self._copy_after, last.blob.size)

    async def _copy(self) -> StateCopy:
        replica = self.host.replica
        if not isinstance(replica.halted, MachineStopped):
            await replica.flush()
        checkpoint = load_checkpoint(self._state)
        async with self._pieces.burst():
            snapshot = await self._state.snapshot()
        through = max(checkpoint.applied, replica.applied)
        time_ms = max(checkpoint.time_ms, replica.time_ms)
        try:
            blob = await self._pieces.put_copy(snapshot)
        finally:
            await self._pieces.aside(snapshot.close)
        return StateCopy(
            checkpoint.applied, through, epoch_before(checkpoint.spans), checkpoint.record_index,
            time_ms, blob,
        )  # fmt: skip

    # ------------------------------------------------------------------ the cut

    def cut(self, now_ms: int) -> None:
        """Note where the line stands now: without an await, with all other lines."""
        self._cut_ms, replica = now_ms, self.host.replica
        self._history.check()
        self._history = History(replica)
        stopped = replica.halted is not None  # what it lacks to apply is acknowledged all the same
        known = replica.ledger.hash and not stopped
        self._cut = LineBackup(
            self.line, self._acks, tuple(self._copies), (),
            max(replica.applied, self.host.loglet.committed) if stopped else replica.applied,
            replica.epochs.current, replica.record_index, replica.time_ms,
            state_hash(replica.ledger.hash, replica.machine).hex() if known else "",
        )  # fmt: skip

    # ------------------------------------------------------------------ after the cut

    async def gather(self) -> LineBackup:
        """The line up to the cut."""
        cut = self._cut
        assert cut is not None
        await self._merge()
        stop = cut.position
        last: Entry | None = None
        parts: list[LogPiece] = []  # whose piece is not known yet

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal last
            start, rows, size, time_ms = self._end, list[bytes](), 0, 0
            while start + len(rows) < stop:
                for last in await self.host.loglet.read(start + len(rows), stop):
                    rows.append(last.encode())
                    size += len(rows[-1])
                    time_ms = max(time_ms, last.time_ms)
                if last is not None and (size >= PIECE_BYTES or start + len(rows) == stop):
                    parts.append(
                        LogPiece(start, len(rows), last.epoch, time_ms, NO_PIECE, self._cut_ms)
                    )
                    yield await self._pieces.encoded(rows)
                    start, rows, size, time_ms = start + len(rows), [], 0, 0

        try:
            found = await self._pieces.put_many(chunks())
        except HistoryTrimmed as error:
            raise Unsettled(f"the log of {self.line} was trimmed meanwhile: {error}") from error
        self._log += [replace(part, piece=each) for part, each in zip(parts, found, strict=True)]
        self._history.check()
        if self.host.replica.halted is None:
            if last is not None and (last.epoch, last.records_end) != (cut.epoch, cut.records):
                raise Unsettled(f"{self.line} was cut while it was copied")
        elif self._log:
            last = decode_entry((await self._pieces.get_rows(self._log[-1].piece))[-1])
            times = [cut.time_ms, *(part.time_ms for part in self._log)]
            cut = replace(cut, epoch=last.epoch, records=last.records_end, time_ms=max(times))
        return replace(cut, log=tuple(self._log))

    async def _put(
        self, start: int, rows: list[bytes], epoch: Epoch, time_ms: int, taken_ms: int
    ) -> None:
        piece = await self._pieces.put_rows(rows)
        self._log.append(LogPiece(start, len(rows), epoch, time_ms, piece, taken_ms))

    async def _merge(self) -> None:
        """Make one of many small pieces, so that a backup every few seconds stays readable."""
        small = 0
        while small < len(self._log) and self._log[-1 - small].piece.size < SMALL_BYTES:
            small += 1
        if small < MERGE_PIECES:
            return
        parts = self._log[-small:]
        rows = [row for part in parts for row in await self._pieces.get_rows(part.piece)]
        del self._log[-small:]
        latest = max(part.time_ms for part in parts)
        await self._put(parts[0].start, rows, parts[-1].epoch, latest, parts[-1].taken_ms)


class History:
    """What a replica has applied, to see later that it went on from there."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._applied = replica.applied
        self._spans = list(replica.epochs.spans)

    def check(self) -> None:
        """Raise `Unsettled` if anything of it was cut."""
        replica = self._replica
        spans = [span for span in replica.epochs.spans if span[1] < self._applied]
        if replica.applied < self._applied or spans != self._spans:
            raise Unsettled(f"{replica.line} was cut while it was copied")


def state_hash(ledger: bytes, machine: Machine) -> bytes:
    """What a state comes to: all that its fold did, and what the machine keeps in memory."""
    return sha256(ledger + machine.digest()).digest()[:HASH_BYTES]
