"""Opening a Raft member from disk: its term and vote, its log, its memberships.

A line that the disk does not know begins with `founding` as its membership, or with none at all:
then the member waits for a leader that was told of it.
"""

import msgspec

from plait.base.codec import decode
from plait.base.errors import Corrupt
from plait.base.ports import LineExtent, LogStorage, Random
from plait.line.entry import decode_entry
from plait.line.membership import Membership
from plait.line.raft.core import RaftCore
from plait.line.raft.election import ELECTION_S
from plait.line.raft.member import HardState
from plait.line.raft.opening import opened


def open_raft(
    storage: LogStorage,
    line: str,
    me: str,
    founding: Membership,
    *,
    fresh: bool,
    committed: int,
    random: Random,
    now: float,
    election_s: float = ELECTION_S,
) -> RaftCore:
    """The core of a member as its disk remembers it.

    committed: a position known to be committed, from what was applied before a restart.
    """
    extent = storage.lines().get(line, LineExtent(0, 0))
    if extent.hard_state is not None:
        hard = _hard_state(extent.hard_state, line)
    else:
        memberships = ((-1, founding),) if founding.voters else ()
        hard = HardState(fresh=fresh, memberships=memberships)
    tail, records = extent.tail, hard.base.records
    if tail > extent.head:
        records = decode_entry(storage.read(line, tail - 1, tail, 1)[0]).records_end
    else:
        tail = max(tail, hard.base.position)
    return opened(line, me, hard, tail, records, committed, random, now, election_s)


def _hard_state(data: bytes, line: str) -> HardState:
    try:
        return decode(data, type=HardState)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the hard state of line {line!r} cannot be read: {error}") from None
