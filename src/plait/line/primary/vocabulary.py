"""The events that a primary core is told, and the effects that it asks for.

Order of effects is the order in which the driver carries them out. Nothing that depends on the
disk is among the effects before the disk has confirmed it: the core waits for `Persisted`.
"""

from typing import Any, TypeAlias

import msgspec

from plait.base.ports import LogWrite
from plait.line.entry import Entry, Epoch
from plait.line.primary.messages import Message
from plait.line.replication.sender import BeginSnapshot, LoadEntries, SendAppend

# ------------------------------------------------------------------------------- events


class Received(msgspec.Struct, frozen=True):
    """A message came from `peer`."""

    peer: str
    message: Message


class PeerUp(msgspec.Struct, frozen=True):
    """A fresh connection to `peer` exists; what was on the way before may be lost."""

    peer: str


class Propose(msgspec.Struct, frozen=True):
    """Order this entry; legal only while `core.refusal()` is None."""

    entry: Entry


class Persisted(msgspec.Struct, frozen=True):
    """The writes of `Persist(token)` are durable."""

    token: int


class Confirm(msgspec.Struct, frozen=True):
    """Ask the followers whether this member still leads: begins a round (`Leader.confirmed`)."""


class Timer(msgspec.Struct, frozen=True):
    """`core.deadline` has passed."""


class Applied(msgspec.Struct, frozen=True):
    """The replica applied everything below `position`, `records` records in all."""

    position: int
    records: int


class Loaded(msgspec.Struct, frozen=True):
    """Entries read from disk for `LoadEntries` (none: they are gone)."""

    peer: str
    start: int
    rows: tuple[bytes, ...]


class SnapshotDone(msgspec.Struct, frozen=True):
    """The transfer to `peer` ended: installed up to `position`, or failed (None)."""

    peer: str
    position: int | None


class SnapshotInstalled(msgspec.Struct, frozen=True):
    """This member's state was replaced by a copy that ends at `position`."""

    position: int
    last: Epoch
    records: int


class PromoteMe(msgspec.Struct, frozen=True):
    """Become the leader by `until` (monotonic), or report why not.

    `resume` is a former leader (or the first one) that only wants its place back.
    """

    until: float
    accept_loss: bool = False
    resume: bool = False
    skip_survey: bool = False


class HandOver(msgspec.Struct, frozen=True):
    """Drain and let `target` be promoted by `until`, or go on leading."""

    target: str
    until: float


class ChangeRule(msgspec.Struct, frozen=True):
    """The rule in force changed to k followers (it was decided and recorded elsewhere)."""

    k: int


class TrimTo(msgspec.Struct, frozen=True):
    """Forget entries below `position`, before which `records` records stand."""

    position: int
    records: int


Event: TypeAlias = (
    Received | PeerUp | Propose | Persisted | Timer | Applied | Loaded | SnapshotDone
    | SnapshotInstalled | Confirm | PromoteMe | HandOver | ChangeRule | TrimTo
)  # fmt: skip

# ------------------------------------------------------------------------------ effects


class Persist(msgspec.Struct, frozen=True):
    """Make these durable, in this order, then say `Persisted(token)`."""

    token: int
    writes: tuple[LogWrite, ...]


class Send(msgspec.Struct, frozen=True):
    """Send a message to `peer`; it may be lost."""

    peer: str
    message: Message


class Committed(msgspec.Struct, frozen=True):
    """Entries below `position` are committed and durable here."""

    position: int


class Retracted(msgspec.Struct, frozen=True):
    """Entries from `position` on had been committed here and were cut by the leader of `epoch`."""

    epoch: Epoch
    position: int


class Trimmed(msgspec.Struct, frozen=True):
    """The log durably begins at `position` or later."""

    position: int


class Deposed(msgspec.Struct, frozen=True):
    """We no longer lead: proposals that are not committed are indefinite now."""


class LoadForCandidate(msgspec.Struct, frozen=True):
    """Read entries from `start` and send them to `peer` in a `Fetched` as given, with its rows."""

    peer: str
    start: int
    previous: Epoch
    epoch: Epoch


class Promotion(msgspec.Struct, frozen=True):
    """How a promotion or hand-over ended. `details` are for people."""

    won: bool
    why: str
    details: dict[str, Any]


Effect: TypeAlias = (
    Persist | Send | SendAppend | LoadEntries | BeginSnapshot | Committed | Retracted | Trimmed
    | Deposed | LoadForCandidate | Promotion
)  # fmt: skip
