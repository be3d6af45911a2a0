"""The control line's memory of dropped tables: a delayed follower has their rows for a while yet.

Invariant: at most `DROPPED_MAX` are remembered, the last ones.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.types.fold import Stamp, View
from plait.types.keys import CONTROL

_DROPPED = b"dropped/"
_DROPPED_END = b"dropped0"
DROPPED_MAX = 1000


class DroppedRecord(msgspec.Struct, frozen=True, array_like=True):
    """A table that was dropped."""

    name: str
    table: int
    acks: str
    degrade: bool
    line: str
    cleared_at: int  # the position in its line where its rows went; -1 if nobody said
    time_ms: int  # when its name was forgotten


def remember_dropped(view: View, stamp: Stamp, dropped: DroppedRecord) -> None:
    """Note what was dropped, and forget what was dropped long ago."""
    found = view.scan(CONTROL, _DROPPED, _DROPPED_END, DROPPED_MAX)
    if len(found) == DROPPED_MAX:
        view.put(CONTROL, found[0][0], None)
    view.put(CONTROL, _DROPPED + stamp.version.to_bytes(8, "big"), encode(dropped))


def dropped_tables(view: View) -> list[DroppedRecord]:
    """What was dropped, the oldest first."""
    rows = view.scan(CONTROL, _DROPPED, _DROPPED_END, DROPPED_MAX)
    return [decode(data, type=DroppedRecord) for _, data in rows]
