"""One member of a simulated cluster (disk, process, replica), and the judge of all of them."""

from dataclasses import dataclass, field

from plait.base.codec import decode
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    LogWrite,
    PutHardState,
    ResetLine,
    TrimPrefix,
)
from plait.line.entry import NO_EPOCH, Epoch, decode_entry
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.primary.member import HardState
from plait.line.primary.vocabulary import Promotion

Key = tuple[Epoch, int]


@dataclass
class Disk:
    """What survives a crash."""

    head: int = 0
    rows: list[bytes] = field(default_factory=list)
    hard: HardState = field(default_factory=HardState)
    rescued: list[tuple[int, list[bytes], bytes | None]] = field(default_factory=list)

    @property
    def tail(self) -> int:
        return self.head + len(self.rows)

    def apply(self, write: LogWrite) -> None:
        match write:
            case AppendRows(_, start, rows):
                assert start == self.tail, "rows are appended at the tail"
                self.rows += rows
            case CutSuffix(_, start, note):
                assert self.head <= start <= self.tail
                self.rescued.append((start, self.rows[start - self.head :], note))
                del self.rows[start - self.head :]
            case TrimPrefix(_, before):
                assert self.head <= before <= self.tail
                del self.rows[: before - self.head]
                self.head = before
            case ResetLine(_, head):
                self.head, self.rows = head, []
            case PutHardState(_, data):
                self.hard = decode(data, type=HardState)
            case _:
                raise AssertionError(write)

    def read(self, start: int, stop: int, count: int) -> tuple[bytes, ...]:
        if start < self.head:
            return ()
        stop = min(stop, start + count)
        return tuple(self.rows[start - self.head : stop - self.head])


class Node:
    """One process, its disk and its replica."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.disk = Disk()
        self.life = 0
        self.lost_life = 0  # entries that an earlier life sent before its disk was lost are gone
        self.alive = False
        self.core: PrimaryCore
        self.queue: list[tuple[int, tuple[LogWrite, ...]]] = []  # submitted, not durable
        self.syncing = False
        self.history: list[bytes] = []  # what the replica applied, from position 0
        self.flushed = 0  # of it, what the state file holds
        self.records = 0
        self.promotions: list[Promotion] = []
        self.timer_at = float("inf")
        self.slow = 1.0

    @property
    def leads(self) -> bool:
        return self.alive and isinstance(self.core.role, Leader)


class Judge:
    """What must hold of all members together."""

    def __init__(self) -> None:
        self.content: dict[Key, tuple[bytes, Epoch]] = {}  # row, epoch of the one before
        self.ledger: list[bytes] = []  # everything that was ever told to be committed
        self.epochs: list[Epoch] = []  # of the ledger's entries
        self.last_leader = NO_EPOCH  # the newest epoch whose leader committed
        self.lossy = False  # loss was accepted, or the rule allows it: commits may be retracted
        self.promised: dict[str, Epoch] = {}

    def appended(self, start: int, rows: tuple[bytes, ...], previous: Epoch) -> None:
        """Equal (epoch, position): equal entry, and an equal one before it."""
        for position, row in enumerate(rows, start):
            epoch = decode_entry(row).epoch
            known = self.content.setdefault((epoch, position), (row, previous))
            assert known == (row, previous), f"two contents of {epoch} at {position}"
            previous = epoch

    def forget(self, others: list[Node]) -> None:
        """A disk was lost: entries that nobody else holds never were."""
        held = {row for node in others for row in held_rows(node)}
        for key, (row, _) in list(self.content.items()):
            if row not in held:
                del self.content[key]

    def committed(self, node: Node, position: int, row: bytes) -> None:
        """No two members tell of different commits; only ever newer epochs commit more."""
        if self.lossy:
            return
        if position < len(self.ledger):
            assert self.ledger[position] == row, f"{node.name} committed otherwise at {position}"
            return
        assert position == len(self.ledger)
        role = node.core.role
        assert isinstance(role, Leader), "a leader commits first"
        assert role.epoch >= self.last_leader, f"{role.epoch} commits after {self.last_leader}"
        self.last_leader = role.epoch
        self.ledger.append(row)
        self.epochs.append(decode_entry(row).epoch)

    def opened(self, node: Node, role: Leader) -> None:
        """A new leader lacks nothing that was ever committed."""
        if self.lossy:
            return
        log = node.core.member.log
        assert len(self.ledger) <= role.opening, f"{node.name} lacks committed entries"
        for position in range(log.head, len(self.ledger)):
            assert log.epoch_at(position) == self.epochs[position]

    def stepped(self, node: Node) -> None:
        node.core.check()
        promised = node.core.member.promised
        assert promised >= self.promised.get(node.name, NO_EPOCH), "a promise was forgotten"


def held_rows(node: Node) -> list[bytes]:
    """Every row that a member has or may yet have."""
    queued = [w for _, writes in node.queue for w in writes if isinstance(w, AppendRows)]
    return [*node.disk.rows, *node.history, *(row for write in queued for row in write.rows)]


def same_rows(one: Disk, other: Disk) -> bool:
    """Whether two disks agree wherever both keep rows, up to one tail."""
    head = max(one.head, other.head)
    return one.tail == other.tail and one.rows[head - one.head :] == other.rows[head - other.head :]
