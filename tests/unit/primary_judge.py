"""One member of a simulated cluster (disk, process, replica), and the judge of all of them."""

from bisect import bisect_left

from replicated_world import Disk, Process

from plait.base.ports import AppendRows
from plait.line.entry import NO_EPOCH, Epoch, decode_entry
from plait.line.membership import Membership
from plait.line.primary.core import PrimaryCore
from plait.line.primary.leader import Leader
from plait.line.primary.member import HardState
from plait.line.primary.vocabulary import Promotion

Key = tuple[Epoch, int]


def new_disk(founders: Membership | None) -> Disk:
    """A disk that knows nothing but who founded the line, if its owner was told."""
    return Disk(HardState(memberships=((-1, founders),) if founders is not None else ()))


class Node(Process):
    """One primary member."""

    core: PrimaryCore

    def __init__(self, name: str, founders: Membership | None = None) -> None:
        super().__init__(name, new_disk(founders))
        self.founders = founders
        self.lost_life = 0  # entries that an earlier life sent before its disk was lost are gone
        self.promotions: list[Promotion] = []

    @property
    def leads(self) -> bool:
        return self.alive and isinstance(self.core.role, Leader)


class Judge:
    """What must hold of all members together."""

    def __init__(self) -> None:
        self.content: dict[Key, tuple[bytes, Epoch]] = {}  # row, epoch of the one before
        self.ledger: list[bytes] = []  # everything that was ever told to be committed
        self.epochs: list[Epoch] = []  # of the ledger's entries
        self.by: list[Epoch] = []  # whose leaders committed them; ascending
        self.last_leader = NO_EPOCH  # the newest epoch whose leader committed
        self.lossy = False  # loss was accepted, or the rule allows it: commits may be retracted
        self.promised: dict[str, Epoch] = {}
        self.led: set[Epoch] = set()

    def appended(self, start: int, rows: tuple[bytes, ...], previous: Epoch) -> None:
        """Equal (epoch, position): equal entry, and an equal one before it."""
        for position, row in enumerate(rows, start):
            epoch = decode_entry(row).epoch
            known = self.content.setdefault((epoch, position), (row, previous))
            assert known == (row, previous), f"two contents of {epoch} at {position}"
            previous = epoch

    def forget(self, node: Node, others: list[Node]) -> None:
        """A disk was lost: promises, epochs and entries that nobody else holds never were."""
        self.promised.pop(node.name, None)
        self.led = {epoch for epoch in self.led if epoch.candidate != node.name}
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
        self.by.append(role.epoch)

    def opened(self, node: Node, role: Leader) -> None:
        """A new leader has its epoch for itself, and all that older epochs ever committed.

        It may have been overtaken already by a newer epoch: then it commits nothing.
        """
        assert role.epoch not in self.led, f"{role.epoch} was led before"
        self.led.add(role.epoch)
        if self.lossy:
            return
        log = node.core.member.log
        before = bisect_left(self.by, role.epoch)
        assert before <= role.opening, f"{node.name} lacks committed entries"
        for position in range(log.head, before):
            assert log.epoch_at(position) == self.epochs[position]

    def stepped(self, node: Node) -> None:
        node.core.check()
        promised = node.core.member.promised
        assert promised >= self.promised.get(node.name, NO_EPOCH), "a promise was forgotten"


def held_rows(node: Node) -> list[bytes]:
    """Every row that a member has or may yet have."""
    queued = [w for _, writes in node.queue for w in writes if isinstance(w, AppendRows)]
    return [*node.disk.rows, *node.history, *(row for write in queued for row in write.rows)]
