"""One Raft member of a simulated cluster, and the judge of all of them."""

from typing import Any

from replicated_world import Disk, Process

from plait.line.entry import Entry, Epoch, decode_entry
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership
from plait.line.raft import invariants
from plait.line.raft.core import RaftCore
from plait.line.raft.invariants import LineTruths, Observed
from plait.line.raft.leader import Leader
from plait.line.raft.member import beginning
from plait.line.raft.messages import RequestVote, Vote
from plait.line.raft.vocabulary import ReadFailed, ReadReady
from plait.line.replication.messages import AppendReply
from plait.line.replication.vocabulary import Committed, Promotion


def new_disk(membership: Membership | None, origin: Origin = BEGINNING) -> Disk:
    """A disk that knows nothing but how its line began, and with whom, if it founds it."""
    disk = Disk(beginning(origin, membership or Membership(), fresh=True))
    disk.head = origin.position
    return disk


def before(origin: Origin) -> list[bytes]:
    """Some history that ends where `origin` begins, as every replica has it."""
    rows = [Entry(b"", 0).stamped(Epoch(origin.epoch, ""), 0)] * origin.position
    if rows:
        rows[-1] = Entry(b"", origin.records).stamped(Epoch(origin.epoch, ""), 0)
    return [row.encode() for row in rows]


class Node(Process):
    """One Raft member."""

    core: RaftCore

    def __init__(
        self, name: str, founders: Membership | None = None, origin: Origin = BEGINNING
    ) -> None:
        super().__init__(name, new_disk(founders, origin))
        self.founders = founders
        self.origin = origin
        self.recall()
        self.lost_tail = 0  # a disk that held what stands below was lost
        self.effects: list[Any] = []  # of the last step
        self.outcomes: list[Promotion | ReadReady | ReadFailed] = []

    def recall(self) -> None:
        """The replica has what was before the line, wherever it has it from."""
        self.history = before(self.origin)
        self.flushed = len(self.history)

    @property
    def leads(self) -> bool:
        return self.alive and isinstance(self.core.role, Leader)

    def heard(self, id_: int) -> bool:
        """Whether a reader got an answer."""
        reads = (o for o in self.outcomes if isinstance(o, ReadReady | ReadFailed))
        return any(outcome.id == id_ for outcome in reads)

    @property
    def told(self) -> int:
        return self.core.member.committed_told


class Judge:
    """What must hold of all members together."""

    def __init__(self, origin: Origin = BEGINNING) -> None:
        self.truths = LineTruths(origin.position)
        self.content: dict[tuple[Epoch, int], tuple[bytes, Epoch]] = {}  # row, epoch before
        self.ledger = before(origin)  # everything that was ever told to be committed
        self.acknowledged: dict[int, bytes] = {}
        self.proposals: dict[str, list[tuple[int, Epoch, bytes]]] = {}  # by leader
        self._reads: dict[int, int] = {}  # by id: what its answer must cover

    # ------------------------------------------------------------------ states and steps

    def stepped(self, node: Node, before: Observed | None) -> None:
        """A core made a step, or began a life."""
        invariants.check(node.core)
        if before is not None:
            invariants.check_delta(before, invariants.observe(node.core))
        self.truths.see(node.core)

    def sent(self, node: Node, message: Any) -> None:
        """What is said must be on the disk that it depends on."""
        hard = node.disk.hard
        match message:
            case Vote(_, asked, False, True):
                assert hard.term >= asked, "a vote was given before it was durable"
                assert hard.term > asked or hard.vote, "a vote was given before it was durable"
            case RequestVote(_, _, False):
                assert hard.term >= message.term, "a candidate asks before its vote is durable"
                assert hard.term > message.term or hard.vote == node.name
            case AppendReply():
                assert message.durable <= node.disk.tail, "durable, but not on disk"

    def held(self, node: Node, membership: Membership, nodes: list[Node]) -> None:
        """What was just committed is on a majority's disks, but for disks that were lost since."""
        member = node.core.member
        position = member.commit - 1
        epoch = member.log.epoch_at(position)
        holders = {other.name for other in nodes if _has(other, position, epoch)}
        for half in (membership.voters, membership.outgoing):
            held = len(holders & set(half))
            assert not half or 2 * held > len(half), f"{position} is on the disks of {holders}"

    def matching(self, nodes: list[Node]) -> None:
        """Log matching, pair by pair."""
        for index, left in enumerate(nodes):
            for right in nodes[index + 1 :]:
                self.truths.matching(left.core, right.core)

    # ------------------------------------------------------------------ entries

    def appended(self, start: int, rows: tuple[bytes, ...], previous: Epoch) -> None:
        """Equal (epoch, position): equal entry, and an equal one before it."""
        for position, row in enumerate(rows, start):
            epoch = decode_entry(row).epoch
            known = self.content.setdefault((epoch, position), (row, previous))
            assert known == (row, previous), f"two contents of {epoch} at {position}"
            previous = epoch

    def proposed(self, node: Node, position: int, payload: bytes) -> None:
        """A client waits for this."""
        assert isinstance(node.core.role, Leader)
        waiting = self.proposals.setdefault(node.name, [])
        waiting.append((position, node.core.role.epoch, payload))

    def settled(self, node: Node, effect: Committed) -> None:
        """A leader told its clients that what they wait for is committed."""
        role = node.core.role
        waiting = self.proposals.get(node.name, [])
        while waiting and waiting[0][0] < effect.position:
            position, epoch, payload = waiting.pop(0)
            if isinstance(role, Leader) and role.epoch == epoch:
                assert self.acknowledged.setdefault(position, payload) == payload
                assert decode_entry(self.ledger[position]).payload == payload

    def deposed(self, node: Node) -> None:
        """Whoever waits at this leader is told that the outcome is open."""
        self.proposals.pop(node.name, None)

    def applied(self, node: Node, position: int, row: bytes) -> None:
        """All replicas apply the same, for ever."""
        if position < len(self.ledger):
            assert self.ledger[position] == row, f"{node.name} committed otherwise at {position}"
        else:
            assert position == len(self.ledger)
            self.ledger.append(row)

    # ------------------------------------------------------------------ reads

    def asked(self, id_: int) -> None:
        """A reader came; what anybody has seen by now it must see."""
        self._reads[id_] = len(self.ledger)

    def answered(self, ready: ReadReady) -> None:
        """A reader is told what to wait for."""
        floor = self._reads[ready.id]
        assert ready.position >= floor, f"a stale read: {ready.position} after {floor}"


def _has(node: Node, position: int, epoch: Epoch | None) -> bool:
    if position < max(node.lost_tail, node.disk.head):
        return True
    rows = node.disk.read(position, position + 1, 1)
    return bool(rows) and decode_entry(rows[0]).epoch == epoch
