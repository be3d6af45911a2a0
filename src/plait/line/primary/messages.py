"""What members say to each other to promote, to fetch a tail, and to hand over.

`Seal` asks for a promise: refuse everything of an older epoch, durably, and report your log.
With `binding=False` it only asks whether the answer would be yes.
"""

from typing import TypeAlias

import msgspec

from plait.line.entry import Epoch
from plait.line.replication.messages import (
    Append,
    AppendReply,
    SnapshotAck,
    SnapshotChunk,
    SnapshotOffer,
    Superseded,
)


class Seal(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """Promise `epoch`. A `resume` is granted only if nobody else was promised since `last`."""

    line: str
    epoch: Epoch
    binding: bool
    resume: bool
    last: Epoch  # epoch of the candidate's last entry


class Promise(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """The answer to `Seal`: granted or not, and what the member's log ends with."""

    line: str
    epoch: Epoch  # the one asked for
    binding: bool
    granted: bool
    promised: Epoch  # the newest that this member promised
    last: Epoch  # epoch of its last entry
    head: int
    tail: int
    fresh: bool  # its disk is new: it cannot vouch for what it once acknowledged
    bar: str = ""  # why, by its log, the candidate may not lead
    left: bool = False  # by its log the candidate was a member, and is none any more


class Fetch(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """A candidate asks for entries from `start`, if the entry before has epoch `previous`."""

    line: str
    epoch: Epoch
    start: int
    previous: Epoch


class Fetched(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """Entries for a candidate; when not `matched`, `start` is where to try next."""

    line: str
    epoch: Epoch
    matched: bool
    start: int
    previous: Epoch
    entries: tuple[bytes, ...]
    tail: int
    head: int


class TakeOver(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """The leader of `epoch` drained its line: the receiver is to promote itself now."""

    line: str
    epoch: Epoch


Message: TypeAlias = (
    Append | AppendReply | Superseded | Seal | Promise | Fetch | Fetched | TakeOver
    | SnapshotOffer | SnapshotChunk | SnapshotAck
)  # fmt: skip
