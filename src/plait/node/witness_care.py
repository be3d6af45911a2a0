"""What whoever leads a line does for its witnesses, who keep its log and no state.

It tells them now and then how far every member with a state has come, for they trim no further;
and a witness whose next entry is trimmed here is offered the *base* of the log: where it begins,
behind which epoch, after how many records, with which members. An offer of no bytes; the log
follows.
"""

from collections.abc import Callable
from typing import Any

from plait.base.ports import Snapshot
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.engines.replicated.snapshots import Copy
from plait.line.membership import encode_membership
from plait.line.replication.messages import Checkpointed


class NoBytes:
    """The copy of a state that nobody keeps."""

    size = 0
    checksum = 0

    def __init__(self, position: int) -> None:
        self.snapshot_id = f"base-{position}"

    def read(self, offset: int, count: int) -> bytes:
        """Nothing."""
        return b""

    def close(self) -> None:
        """Nothing is held."""


class WitnessCare:
    """One line's witnesses, as its leader sees them; `names` tells who they are."""

    def __init__(
        self,
        line: str,
        loglet: ReplicatedLoglet,
        send: Callable[[str, Any], None],
        names: Callable[[], tuple[str, ...]],
    ) -> None:
        self._line = line
        self._loglet = loglet
        self._send = send
        self._names = names

    def tell(self, flushed: int) -> None:
        """Say how far every state is, if this node leads; its own is `flushed`."""
        names = self._names()
        if names and self._loglet.sender is not None:
            message = Checkpointed(self._line, self._checkpointed(flushed))
            for name in names:
                if name in self._loglet.sender.progress:
                    self._send(name, message)

    def _checkpointed(self, flushed: int) -> int:
        """The position up to which every voter with a state has all on disk, and applied."""
        loglet, sender = self._loglet, self._loglet.sender
        assert sender is not None
        names = {name for half in loglet.membership.halves for name in half}
        reached = min(flushed, loglet.committed)
        for name in sorted(names - {loglet.member.me, *self._names()}):
            progress = sender.progress[name]
            reached = min(reached, 0 if progress.fresh else progress.match, progress.applied)
        return reached

    def base_for(self, peer: str) -> Copy | None:
        """What a witness needs instead of a copy of the state; None for everybody else."""
        if peer not in self._names():
            return None
        member = self._loglet.member
        base = member.log.base
        membership = encode_membership(member.membership_at(base.position))
        snapshot: Snapshot = NoBytes(base.position)
        return Copy(snapshot, base.position, base.epoch, base.records, membership)
