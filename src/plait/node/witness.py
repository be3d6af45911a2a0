"""A line at a witness: its log and its vote, and no state.

A witness acknowledges entries like every member and applies none. It may win an election, for its
log may hold what no other survivor has; then it takes no entries and hands its tail over. On
leader–follower lines a promotion fetches that tail, and a witness is never promoted itself.

Invariant: an entry leaves the log here only when the leader has told that every voter with a
state has it on disk and applied. So whoever of them survives can go on from where it stands, with
what the witness holds: a member that is away makes the witness's log grow until it is back, or
has left. The log of a witness that fell behind its leader's head begins anew at that head.

Absent: the control line. Witnesses fold it as all nodes do.
"""

from collections.abc import Collection, Sequence
from typing import Any

from plait.base.errors import LineStopped, NotLeader
from plait.base.ports import Change, Done, IncomingSnapshot, Snapshot
from plait.engines.replica import Replica
from plait.line.entry import Epoch
from plait.line.replication.follower import Follower
from plait.line.replication.log_view import Base
from plait.line.replication.messages import Checkpointed, SnapshotOffer
from plait.line.replication.vocabulary import SnapshotInstalled
from plait.node.group import Group, declined


class WitnessGroup(Group):
    """A member that keeps a line's log alone."""

    _told = 0  # what the leader said last

    def _taken_in(self) -> tuple[int, int]:
        """What is committed here counts as applied: a witness lags as far as its log does."""
        return self._received()

    @property
    def epoch(self) -> Epoch:
        """The epoch of the last entry here."""
        return self.loglet.member.log.last_epoch

    @property
    def checkpointed(self) -> int:
        """Entries below are in the states of all who keep one."""
        return min(self._told, self.loglet.committed)

    # ------------------------------------------------------------------ peers

    def hear(self, peer: str, message: Any) -> None:
        """A member said something about this line."""
        match message:
            case Checkpointed():
                if peer == self.loglet.leader:
                    self._told = message.position
            case SnapshotOffer() if message.size:
                self._send(peer, declined(message, "a witness keeps no state"))
            case _:
                super().hear(peer, message)

    def has_copy_for(self, peer: str) -> bool:
        """Only the base of the log, for another witness."""
        return peer in self.membership.witnesses

    def incoming(self, snapshot_id: str) -> IncomingSnapshot:
        """A base has no bytes."""
        return _NoBytesCome()

    async def install(self, incoming: IncomingSnapshot, offer: SnapshotOffer) -> None:
        """Let the log begin where the leader's does, unless it goes on from there already."""
        member = self.loglet.member
        if not member.obeys(offer.epoch):
            raise NotLeader(f"epoch {offer.epoch} is over; the base of its log is of no use")
        base = Base(offer.position, offer.last, offer.records)
        if member.continues(base) or base.position <= self._verified:
            return  # the offer comes late: what would follow is here
        installed = SnapshotInstalled(base.position, base.epoch, base.records, offer.membership)
        self.loglet.driver.step(installed)

    @property
    def _verified(self) -> int:
        """Everything below equals the log of the leader that is followed here."""
        role = self._role()
        return role.receiver.verified if isinstance(role, Follower) else 0

    # ------------------------------------------------------------------ status

    def status(self) -> dict[str, Any]:
        """What people want to know of this member."""
        status = super().status() | {"flushed": None, "checkpointed": self.checkpointed}
        if status["role"] == "follower":
            status["role"] = "witness"
        return status


class LogOnly(Replica):
    """The replica of a witness: it never begins."""

    async def start(self) -> None:
        """Refuse whatever needs a state, from now on."""
        self.halted = LineStopped(f"a witness of {self.line} keeps its log and no state")
        self._ready.set()

    async def reload(self) -> None:
        """There is nothing to load."""


class NoState:
    """The `StateStorage` of a witness: always empty, and never written."""

    def get(self, space: int, key: bytes) -> bytes | None:
        """Nothing."""
        return None

    def scan(
        self, space: int, start: bytes, stop: bytes | None, limit: int, reverse: bool = False
    ) -> list[tuple[bytes, bytes]]:
        """Nothing."""
        return []

    def count(self, space: int, without: Collection[bytes] = ()) -> int:
        """Nothing."""
        return 0

    async def sync(self) -> None:
        """Nothing is written that could be lost."""

    def submit(self, changes: Sequence[Change], done: Done) -> None:
        """Never: nothing is applied."""
        raise AssertionError("a witness keeps no state")

    async def snapshot(self) -> Snapshot:
        """Never: there is nothing to copy."""
        raise AssertionError("a witness keeps no state")

    def incoming(self, snapshot_id: str) -> IncomingSnapshot:
        """Never: copies are declined."""
        raise AssertionError("a witness keeps no state")

    async def install(self, incoming: IncomingSnapshot, size: int, checksum: int) -> None:
        """Never: copies are declined."""
        raise AssertionError("a witness keeps no state")

    async def clear(self) -> None:
        """It is empty."""


class _NoBytesCome:
    """The receiving end of an offer without bytes."""

    received = 0

    def write(self, data: bytes) -> None:
        """Nobody sends any."""
        raise AssertionError("a base has no bytes")

    def discard(self) -> None:
        """Nothing was kept."""
