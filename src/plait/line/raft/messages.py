"""What members say to each other to elect, to confirm a reader's view, and to hand over.

Entries, their answers and copies of the state are those of every replicated line. A term and the
leader that won it make an `Epoch`: Raft elects at most one leader a term, so epochs are unique.
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


class RequestVote(msgspec.Struct, frozen=True, array_like=True, tag=30):
    """Vote for the sender in `term`; with `pre`: would you?

    `transfer` says that the leader itself asked for this election: nobody need protect it.
    """

    line: str
    term: int
    pre: bool
    transfer: bool
    last: Epoch  # epoch of the sender's last entry
    tail: int


class Vote(msgspec.Struct, frozen=True, array_like=True, tag=31):
    """The answer to `RequestVote`."""

    line: str
    asked: int  # the term asked for
    pre: bool
    granted: bool
    term: int  # the voter's own
    fresh: bool  # its disk is new: it may have voted already, and forgotten
    empty: bool  # its log has no entry


class TimeoutNow(msgspec.Struct, frozen=True, array_like=True, tag=32):
    """The leader of `term` has drained its log: the receiver is to stand for election at once."""

    line: str
    term: int


class ReadIndex(msgspec.Struct, frozen=True, array_like=True, tag=33):
    """What is committed now? Asked by a member on behalf of its readers."""

    line: str
    id: int


class ReadIndexReply(msgspec.Struct, frozen=True, array_like=True, tag=34):
    """Everything below `position` was committed when it was asked; None: not from me."""

    line: str
    id: int
    position: int | None


Message: TypeAlias = (
    Append | AppendReply | Superseded | RequestVote | Vote | TimeoutNow | ReadIndex
    | ReadIndexReply | SnapshotOffer | SnapshotChunk | SnapshotAck
)  # fmt: skip
