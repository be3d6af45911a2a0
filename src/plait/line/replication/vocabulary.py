"""Events and effects that every replicated core shares; each core adds its own.

Order of effects is the order in which the driver carries them out. Nothing that depends on the
disk is among the effects before the disk has confirmed it: a core waits for `Persisted`.
"""

from typing import Any

import msgspec

from plait.base.ports import LogWrite
from plait.line.entry import Entry, Epoch
from plait.line.membership import Target

# ------------------------------------------------------------------------------- events


class Received(msgspec.Struct, frozen=True):
    """A message of the core's protocol came from `peer`."""

    peer: str
    message: Any


class PeerUp(msgspec.Struct, frozen=True):
    """A fresh connection to `peer` exists; what was on the way before may be lost."""

    peer: str


class Propose(msgspec.Struct, frozen=True):
    """Order this entry; legal only while `core.refusal()` is None."""

    entry: Entry


class Persisted(msgspec.Struct, frozen=True):
    """The writes of `Persist(token)` are durable."""

    token: int


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
    membership: bytes = b""  # what the copy's offer said


class TrimTo(msgspec.Struct, frozen=True):
    """Forget entries below `position`, before which `records` records stand."""

    position: int
    records: int


class HandOver(msgspec.Struct, frozen=True):
    """Drain and let `target` be promoted by `until`, or go on leading."""

    target: str
    until: float


class Reconfigure(msgspec.Struct, frozen=True):
    """Go to another membership; legal only while `core.reconfiguration_refusal()` is None."""

    target: Target


# ------------------------------------------------------------------------------ effects


class Persist(msgspec.Struct, frozen=True):
    """Make these durable, in this order, then say `Persisted(token)`."""

    token: int
    writes: tuple[LogWrite, ...]


class Send(msgspec.Struct, frozen=True):
    """Send a message to `peer`; it may be lost."""

    peer: str
    message: Any


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


class MembersChanged(msgspec.Struct, frozen=True):
    """The membership in force here is another one."""


class Promotion(msgspec.Struct, frozen=True):
    """How a promotion or hand-over ended. `details` are for people."""

    won: bool
    why: str
    details: dict[str, Any]
