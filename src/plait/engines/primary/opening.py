"""Opening a member's log from disk: what was promised, where the log ends, whether it is sealed.

A line that the disk does not know begins empty, with `founding` as its membership, or with none
at all: then the member waits for a leader that was told of it. `fresh` tells whether such a member
may count at once (the line is new everywhere) or must first be admitted by a leader (its disk may
be new). It begins at `origin`, and the disk remembers where: a name that was used for another line
is refused.
"""

from collections.abc import Collection

import msgspec

from plait.base.codec import decode
from plait.base.errors import Corrupt
from plait.base.ports import LineExtent, LogStorage
from plait.engines.replicated.opening import begin, check_origin, end_of
from plait.line.loglet import BEGINNING, Origin
from plait.line.membership import Membership, founding
from plait.line.primary.core import PrimaryCore, opened
from plait.line.primary.member import HardState, beginning
from plait.line.quorum import AckRule


def open_core(
    storage: LogStorage,
    line: str,
    me: str,
    members: Membership | Collection[str],
    rule: AckRule,
    *,
    fresh: bool,
    committed: int,
    origin: Origin = BEGINNING,
) -> PrimaryCore:
    """The core of a member as its disk remembers it.

    members: the founding ones (or their names), none for a member that joins later.
    committed: a position known to be committed, from what was applied before a restart.
    """
    extent = storage.lines().get(line, LineExtent(0, 0))
    if extent.hard_state is not None:
        hard = _hard_state(extent.hard_state, line)
    else:
        hard = beginning(origin, fresh=fresh)
        begin(storage, line, origin, hard)
    check_origin(line, hard.origin, origin)
    first = members if isinstance(members, Membership) else founding(members)
    if not hard.memberships and first.voters:
        hard = msgspec.structs.replace(hard, memberships=((origin.position - 1, first),))
    tail, records = end_of(storage, line, extent, hard.base)
    return opened(line, me, rule, hard, tail, records, committed)


def _hard_state(data: bytes, line: str) -> HardState:
    try:
        return decode(data, type=HardState)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the hard state of line {line!r} cannot be read: {error}") from None
