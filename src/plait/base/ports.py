"""The ports: time, randomness, network and disk, as the rest of the system sees them.

Cores take time as an argument and never see these. Drivers (`engines`, `node`) see only these,
so the same drivers run on the real world (`host`) and on a simulated one.

Conventions: every callback is called on the event loop that owns the port; every size is in
bytes; positions are those of `plait.line.loglet`: the first entry of a line is at 0, and
`tail` is the position that the next entry will get.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeAlias

import msgspec

from plait.base.errors import PlaitError

# ----------------------------------------------------------------------------- time, chance


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970, UTC; may jump either way."""
        ...


class Random(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def getrandbits(self, k: int, /) -> int: ...

    def uniform(self, a: float, b: float, /) -> float: ...


# ----------------------------------------------------------------------------- network


class Connection(Protocol):
    """One ordered, reliable-until-closed stream of frames (complete MessagePack messages)."""

    peer: str
    frame_bytes_max: int  # longest frame taken; small until the owner has seen a handshake
    certified: str | None  # "node/n1" or "client/ann", by certificate; "": none shown; None: no TLS
    refusal: PlaitError | None  # why it ended, where that was no common end

    def send(self, frame: bytes) -> None:
        """Queue a frame; never blocks. Silently dropped once the connection is closed."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes queued and not yet handed to the network; senders watch it for back-pressure."""
        ...

    def pause(self) -> None:
        """Stop reading from the peer (its sends will back up)."""
        ...

    def resume(self) -> None:
        """Read again."""
        ...

    def close(self, reason: str = "") -> None:
        """Close after flushing what is queued; idempotent; `Receiver.closed` follows."""
        ...


class Receiver(Protocol):
    """What a connection's owner implements."""

    def frames(self, frames: list[bytes]) -> None:
        """One or more whole frames arrived, in order. An exception closes the connection."""
        ...

    def closed(self, reason: str) -> None:
        """The connection ended; called exactly once."""
        ...


class Listener(Protocol):
    """A bound address."""

    address: str

    async def close(self) -> None: ...


class Network(Protocol):
    """Connections between nodes; addresses are ``host:port``."""

    async def listen(self, address: str, accept: Callable[[Connection], Receiver]) -> Listener:
        """Bind `address` (port 0 picks one) and call `accept` for every connection."""
        ...

    async def connect(
        self, address: str, accept: Callable[[Connection], Receiver], timeout: float
    ) -> Connection:
        """Connect within `timeout` seconds, or raise `Unavailable`."""
        ...


# ----------------------------------------------------------------------------- disk: logs


class AppendRows(msgspec.Struct, frozen=True):
    """Add encoded entries at `start`, `start + 1`, …; `start` is the line's tail."""

    line: str
    start: int
    rows: tuple[bytes, ...]


class CutSuffix(msgspec.Struct, frozen=True):
    """Remove every entry at `start` and after; keep them as rescued if `rescue` says so."""

    line: str
    start: int
    rescue: bytes | None = None  # an opaque note stored with the rescued suffix


class TrimPrefix(msgspec.Struct, frozen=True):
    """Remove every entry before `before`; the line's head becomes at least `before`."""

    line: str
    before: int


class ResetLine(msgspec.Struct, frozen=True):
    """Remove every entry and let the line begin at `head` (a snapshot was installed)."""

    line: str
    head: int


class PutHardState(msgspec.Struct, frozen=True):
    """Replace the line's small durable record (promises, standing); opaque here."""

    line: str
    data: bytes


class DropRescued(msgspec.Struct, frozen=True):
    """Forget a rescued suffix."""

    rescued: int


LogWrite: TypeAlias = AppendRows | CutSuffix | TrimPrefix | ResetLine | PutHardState | DropRescued


class LineExtent(msgspec.Struct, frozen=True):
    """What the disk holds of a line when it is opened."""

    head: int  # position of the first entry kept
    tail: int  # position that the next entry will get; head <= tail
    hard_state: bytes | None = None


class RescuedSuffix(msgspec.Struct, frozen=True):
    """A suffix that was cut away and kept."""

    rescued: int  # its number at this node
    line: str
    start: int
    count: int  # entries
    size: int  # bytes
    note: bytes


Done: TypeAlias = Callable[[PlaitError | None], None]


class LogStorage(Protocol):
    """Every line's entries and hard state, in one file, one group commit a tick."""

    @property
    def read_only(self) -> PlaitError | None:
        """Why nothing can be written now, or None."""
        ...

    @property
    def suspect(self) -> str | None:
        """Why the log may lack acknowledged entries (it was found damaged), or None."""
        ...

    def lines(self) -> dict[str, LineExtent]:
        """Every line on disk, including those that have only hard state."""
        ...

    def read(self, line: str, start: int, stop: int, bytes_max: int) -> list[bytes]:
        """Rows from `start`, before `stop`, durable ones only; at least one if there is one.

        Stops after `bytes_max`. Raises `Corrupt` for a row that fails its checksum and
        `HistoryTrimmed` for a start below the head.
        """
        ...

    def submit(self, writes: Sequence[LogWrite], done: Done) -> None:
        """Queue writes. They are applied in order, atomically, in a group commit with others.

        `done(None)` is called once they are durable; `done(error)` if they certainly are not,
        and then no later write is done either until `recover` (a failed fsync poisons the log).
        """
        ...

    async def trust(self, writes: Sequence[LogWrite]) -> None:
        """Go on with a suspect log: after `writes` are durable nothing is suspect any more.

        They must say what the caller no longer vouches for and refetches.
        """
        ...

    def rescued(self) -> list[RescuedSuffix]:
        """Every suffix kept, oldest first."""
        ...

    def read_rescued(self, rescued: int) -> list[bytes]:
        """The rows of one rescued suffix; `NoSuchCollection` if there is none."""
        ...


# ----------------------------------------------------------------------------- disk: states

Change: TypeAlias = tuple[int, bytes, bytes | None]  # (space, key, value or None to remove)


class Snapshot(Protocol):
    """An immutable copy of one line's state, being sent."""

    snapshot_id: str
    size: int
    checksum: int  # crc32 of all its bytes

    def read(self, offset: int, count: int) -> bytes: ...

    def close(self) -> None:
        """Give the file back; the snapshot cannot be read afterwards."""
        ...


class IncomingSnapshot(Protocol):
    """A copy of another node's state, being received; survives a restart half way."""

    received: int  # bytes on disk, in order from 0

    def write(self, data: bytes) -> None:
        """Append the next bytes."""
        ...

    def discard(self) -> None: ...


class StateStorage(Protocol):
    """One line's folded state: an ordered map of (space, key) to value, flushed in transactions."""

    def get(self, space: int, key: bytes) -> bytes | None: ...

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, ordered by key (descending if reverse)."""
        ...

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        """Apply all changes in one transaction, off the event loop. One at a time per line."""
        ...

    def count(self, space: int, without: Collection[bytes] = ()) -> int:
        """How many keys other than `without` the space holds, at one moment: a transaction that
        runs meanwhile counts wholly or not at all. May take time proportional to them."""
        ...

    async def sync(self) -> None:
        """Return when all that was done before is safe from a power cut.

        `submit` alone survives a crash of the process, but a power cut may roll the last
        transactions back: a log is trimmed no further than the state known to be synced.
        """
        ...

    async def snapshot(self) -> Snapshot:
        """Copy the whole state as of the last finished transaction, off the event loop."""
        ...

    def incoming(self, snapshot_id: str) -> IncomingSnapshot:
        """Begin or resume receiving the snapshot with this id; others half received are dropped."""
        ...

    async def install(self, incoming: IncomingSnapshot, size: int, checksum: int) -> None:
        """Replace the state by the received copy; `Corrupt` if size or crc32 differ."""
        ...

    async def clear(self) -> None:
        """Remove everything (the state will be rebuilt by replay)."""
        ...


class Storage(Protocol):
    """One node's folder."""

    @property
    def log(self) -> LogStorage:
        """Every line's log."""
        ...

    def state(self, line: str) -> StateStorage:
        """Open (or create) the state of a line; the same object on every call."""
        ...

    def drop_state(self, line: str) -> Awaitable[None]:
        """Remove a line's state for good."""
        ...

    async def recover(self) -> None:
        """Try to leave read-only mode (space was freed); raises why not."""
        ...

    async def close(self) -> None: ...
