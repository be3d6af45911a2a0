"""The events that a primary core is told, and the effects that it asks for: beside the shared
ones, promotion and the rule in force."""

from typing import TypeAlias

import msgspec

from plait.line.entry import Epoch
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend
from plait.line.replication.vocabulary import Applied as Applied
from plait.line.replication.vocabulary import Committed as Committed
from plait.line.replication.vocabulary import Deposed as Deposed
from plait.line.replication.vocabulary import HandOver as HandOver
from plait.line.replication.vocabulary import Loaded as Loaded
from plait.line.replication.vocabulary import MembersChanged as MembersChanged
from plait.line.replication.vocabulary import PeerUp as PeerUp
from plait.line.replication.vocabulary import Persist as Persist
from plait.line.replication.vocabulary import Persisted as Persisted
from plait.line.replication.vocabulary import Promotion as Promotion
from plait.line.replication.vocabulary import Propose as Propose
from plait.line.replication.vocabulary import Received as Received
from plait.line.replication.vocabulary import Reconfigure as Reconfigure
from plait.line.replication.vocabulary import Retracted as Retracted
from plait.line.replication.vocabulary import Send as Send
from plait.line.replication.vocabulary import SnapshotDone as SnapshotDone
from plait.line.replication.vocabulary import SnapshotInstalled as SnapshotInstalled
from plait.line.replication.vocabulary import Timer as Timer
from plait.line.replication.vocabulary import Trimmed as Trimmed
from plait.line.replication.vocabulary import TrimTo as TrimTo

# ------------------------------------------------------------------------------- events


class Confirm(msgspec.Struct, frozen=True):
    """Ask the followers whether this member still leads: begins a round (`Leader.confirmed`)."""


class PromoteMe(msgspec.Struct, frozen=True):
    """Become the leader by `until` (monotonic), or report why not.

    `resume` is a former leader (or the first one) that only wants its place back.
    """

    until: float
    accept_loss: bool = False
    resume: bool = False
    skip_survey: bool = False


class ChangeRule(msgspec.Struct, frozen=True):
    """The rule in force changed to k followers (it was decided and recorded elsewhere)."""

    k: int


Event: TypeAlias = (
    Received | PeerUp | Propose | Persisted | Timer | Applied | Loaded | SnapshotDone
    | SnapshotInstalled | Confirm | PromoteMe | HandOver | ChangeRule | Reconfigure
    | TrimTo
)  # fmt: skip

# ------------------------------------------------------------------------------ effects


class LoadForCandidate(msgspec.Struct, frozen=True):
    """Read entries from `start` and send them to `peer` in a `Fetched` as given, with its rows."""

    peer: str
    start: int
    previous: Epoch
    epoch: Epoch


Effect: TypeAlias = (
    Persist | Send | SendAppend | LoadEntries | BeginSnapshot | Committed | Retracted | Trimmed
    | Deposed | LoadForCandidate | Promotion | MembersChanged
)  # fmt: skip
