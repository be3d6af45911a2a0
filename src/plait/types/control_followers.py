"""The control line's records of how nodes follow: with what delay, and where they are stopped.

A node without a record applies at once what is committed. A stop is kept as a moment of leaders'
clocks, so that it is the same moment after a restart.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.types.commands import SetFollower
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import CONTROL

FOLLOWER = b"follower/"
_FOLLOWER_END = b"follower0"
FOLLOWERS_MAX = 1000
DELAY_MS_MAX = 366 * 24 * 3600 * 1000


class Hold(msgspec.Struct, frozen=True, array_like=True):
    """Where a follower is stopped: `line` before `position`, every other line after `time_ms`."""

    time_ms: int
    line: str = ""  # "": every line
    position: int = 0


class FollowerRecord(msgspec.Struct, frozen=True, array_like=True):
    """How a node follows."""

    node: str
    delay_ms: int = 0
    hold: Hold | None = None
    votes: bool = True


def follower(view: View, node: str) -> FollowerRecord:
    """How `node` follows."""
    data = view.get(CONTROL, FOLLOWER + node.encode())
    return FollowerRecord(node) if data is None else decode(data, type=FollowerRecord)


def followers(view: View) -> list[FollowerRecord]:
    """Every node that has followed differently from the others, by name."""
    rows = view.scan(CONTROL, FOLLOWER, _FOLLOWER_END, FOLLOWERS_MAX)
    return [decode(data, type=FollowerRecord) for _, data in rows]


def set_follower(view: View, stamp: Stamp, command: SetFollower) -> Failed | None:
    """Note how a node follows from now on."""
    try:
        node_name(command.node)
    except BadSettings as error:
        return Failed(error.code, error.message)
    record = follower(view, command.node)
    delay_ms = record.delay_ms if command.delay_ms is None else command.delay_ms
    if not 0 <= delay_ms <= DELAY_MS_MAX:
        return Failed("BadSettings", f"a delay of {delay_ms} ms is not within 0 to a year")
    hold = None if command.go else record.hold
    if command.hold is not None:
        time_ms, line, position = command.hold
        # what it has come to by now, if it kept up with its delay
        hold = Hold(time_ms or stamp.time_ms - record.delay_ms, line, position)
    new = not view.get(CONTROL, FOLLOWER + command.node.encode())
    if new and len(followers(view)) == FOLLOWERS_MAX:
        return Failed("Busy", f"there are {FOLLOWERS_MAX} records of followers already")
    votes = record.votes if command.votes is None else command.votes
    record = FollowerRecord(command.node, delay_ms, hold, votes)
    view.put(CONTROL, FOLLOWER + command.node.encode(), encode(record))
    return None
