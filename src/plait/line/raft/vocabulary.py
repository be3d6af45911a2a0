"""The events that a Raft core is told, and the effects that it asks for, beside the shared ones."""

from typing import TypeAlias

import msgspec

from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend
from plait.line.replication.vocabulary import (
    Applied,
    Committed,
    Deposed,
    HandOver,
    Loaded,
    MembersChanged,
    PeerUp,
    Persist,
    Persisted,
    Promotion,
    Propose,
    Received,
    Reconfigure,
    Retracted,
    Send,
    SnapshotDone,
    SnapshotInstalled,
    Timer,
    Trimmed,
    TrimTo,
)

# ------------------------------------------------------------------------------- events


class PeerDown(msgspec.Struct, frozen=True):
    """The connections to `peer` broke: if it led, do not wait for its silence to grow long."""

    peer: str


class AskRead(msgspec.Struct, frozen=True):
    """A reader wants to know what is committed now. Answered by `ReadReady` or `ReadFailed`."""

    id: int


class StandNow(msgspec.Struct, frozen=True):
    """Stand for election without waiting: a line's first leader, or an operator's wish.

    Who stands already asks again those who have not answered.
    """


Event: TypeAlias = (
    Received | PeerUp | PeerDown | Propose | Persisted | Timer | Applied | Loaded | SnapshotDone
    | SnapshotInstalled | AskRead | HandOver | Reconfigure | StandNow | TrimTo
)  # fmt: skip

# ------------------------------------------------------------------------------ effects


class ReadReady(msgspec.Struct, frozen=True):
    """Whoever has applied everything below `position` sees every write completed before."""

    id: int
    position: int


class ReadFailed(msgspec.Struct, frozen=True):
    """Nobody could confirm; ask again."""

    id: int


Effect: TypeAlias = (
    Persist | Send | SendAppend | LoadEntries | BeginSnapshot | Committed | Retracted | Trimmed
    | Deposed | Promotion | ReadReady | ReadFailed | MembersChanged
)  # fmt: skip
