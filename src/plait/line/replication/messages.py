"""What members of a line say to each other about its log.

Positions are exclusive bounds: `durable=7` means that entries 0 … 6 are on disk.
"""

import msgspec

from plait.line.entry import Epoch


class Append(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The leader pushes entries; without any it is a heartbeat.

    Matches if the receiver's entry before `start` has epoch `previous`.
    """

    line: str
    epoch: Epoch
    start: int
    previous: Epoch
    entries: tuple[bytes, ...]  # encoded, at start, start + 1, …
    commit: int
    tail: int  # the leader's own, for lag
    tail_records: int
    tail_bytes: int
    admit: bool = False  # the receiver has all that it may ever have acknowledged: it counts again
    # Comes back in the reply: who answers a late round still followed then. 0 without entries
    # asks for no reply: it only tells the commit.
    round: int = 0
    admit_at: int = 0  # the leader's tail when it first met the receiver's new disk
    # The sender may have been replaced for a while: its commit is no measure of what is committed.
    doubtful: bool = False
    # Another follower passes on what the leader of `epoch` pushed to it: nothing but what is
    # committed. It says neither how new that is nor where the leader's log ends.
    passed_on: bool = False
    copying: bool = False  # passed on: whoever says so is sending a copy of the state as well


class AppendReply(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """What the follower holds that certainly equals the leader's log.

    When `matched` is false nothing was stored, `hint` is where to try next (below 0: nowhere, only
    a copy of the state can help), and the positions repeat what was known before. A hint is never
    evidence of a match.
    """

    line: str
    epoch: Epoch
    matched: bool
    received: int
    durable: int
    applied: int
    applied_records: int
    lag_s: float
    fresh: bool = False
    hint: int = 0
    round: int = 0
    passed_on: bool = False  # it answers another follower, which counts nothing by it
    source: str = ""  # to the leader: who passes entries on to this follower, and does it well


class Superseded(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The sender promised a newer epoch and refuses what was said in `refused`."""

    line: str
    refused: Epoch
    promised: Epoch


class SnapshotOffer(msgspec.Struct, frozen=True, array_like=True, tag=20):
    """A copy of the state up to `position` is ready to be sent."""

    line: str
    epoch: Epoch
    snapshot: str
    size: int
    checksum: int
    position: int
    last: Epoch  # epoch of the entry before `position`
    records: int
    membership: bytes = b""  # of the line at `position`, where the line has one of its own


class SnapshotChunk(msgspec.Struct, frozen=True, array_like=True, tag=21):
    """The next bytes of a snapshot."""

    line: str
    epoch: Epoch
    snapshot: str
    offset: int
    data: bytes


class SnapshotAck(msgspec.Struct, frozen=True, array_like=True, tag=22):
    """How many bytes the receiver has; `installed` ends the transfer, `error` breaks it off."""

    line: str
    epoch: Epoch
    snapshot: str
    received: int
    installed: bool
    error: str = ""


class Checkpointed(msgspec.Struct, frozen=True, array_like=True, tag=23):
    """The leader tells its witnesses how far every voter with a state is: all below `position`

    is on its disk, and applied.
    """

    line: str
    position: int
