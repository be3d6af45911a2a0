"""Opening a Raft member from disk: its term and vote, its log, its memberships.

A line that the disk does not know begins with `founding` as its membership, or with none at all:
then the member waits for a leader that was told of it. It begins at `origin`, and the disk
remembers where: a name that was used for another line is refused.
"""

import msgspec

from plait.base.codec import decode
from plait.base.errors import Corrupt
from plait.base.ports import LineExtent, LogStorage, Random
from plait.engines.replicated.opening import begin, check_origin, end_of
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership
from plait.line.raft.core import RaftCore
from plait.line.raft.election import ELECTION_S
from plait.line.raft.member import HardState, beginning
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
    origin: Origin = BEGINNING,
) -> RaftCore:
    """The core of a member as its disk remembers it.

    committed: a position known to be committed, from what was applied before a restart.
    """
    extent = storage.lines().get(line, LineExtent(0, 0))
    if extent.hard_state is not None:
        hard = _hard_state(extent.hard_state, line)
    else:
        hard = beginning(origin, founding, fresh=fresh)
        begin(storage, line, origin, hard)
    check_origin(line, hard.origin, origin)
    tail, records = end_of(storage, line, extent, hard.base)
    return opened(line, me, hard, tail, records, committed, random, now, election_s)


def _hard_state(data: bytes, line: str) -> HardState:
    try:
        return decode(data, type=HardState)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the hard state of line {line!r} cannot be read: {error}") from None
