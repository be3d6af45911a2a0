"""A member whose log was found damaged begins anew: it cannot vouch for what it acknowledged.

A graph is not refetched: its replica keeps what it has and goes on under a fresh id.

Its promises, its vote and its memberships stay (they may be what fences somebody), its entries
and states go, and it counts as a new disk until a leader has admitted it again. A lone node has
nobody to refetch from: it stays read-only, and a person decides.
"""

import logging
from typing import Any

import msgspec

from plait.base.codec import decode, encode
from plait.base.ports import LogWrite, PutHardState, ResetLine, Storage
from plait.engines.graph.identity import distrusted, is_graph_line
from plait.line.membership import Membership
from plait.line.primary import member as primary
from plait.line.raft import member as raft
from plait.node.identity import IDENTITY_LINE
from plait.node.lines import CONTROL
from plait.node.segments import line_of

logger = logging.getLogger("plait.distrust")


async def begin_anew(storage: Storage) -> None:
    """Drop what a suspect log holds of every line, and go on as a member with a new disk."""
    logger.error(
        "the log is suspect (%s): every line is fetched again from its leader", storage.log.suspect
    )
    writes: list[LogWrite] = []
    for line, extent in sorted(storage.log.lines().items()):
        if line == IDENTITY_LINE:
            continue
        if is_graph_line(line):
            writes += distrusted(storage.log, line)
            continue
        await storage.state(line_of(line)).clear()
        hard = None if extent.hard_state is None else what_stays(extent.hard_state)
        writes.append(ResetLine(line, 0 if hard is None else hard.origin.position))
        if hard is not None:
            writes.append(PutHardState(line, encode(hard)))
    await storage.log.trust(writes)


def remembers_others(storage: Storage, name: str) -> bool:
    """Whether the folder's own memory says that there are other nodes to refetch from."""
    extent = storage.log.lines().get(CONTROL)
    hard = None if extent is None or extent.hard_state is None else _raft(extent.hard_state)
    return hard is not None and any(
        membership.members != (name,) for _, membership in hard.memberships
    )


def remembered_address(storage: Storage, name: str) -> str | None:
    """Where the others find the node, as far as the folder's own memory says."""
    extent = storage.log.lines().get(CONTROL)
    hard = None if extent is None or extent.hard_state is None else _raft(extent.hard_state)
    if hard is None or not hard.memberships:
        return None
    return dict(hard.memberships[-1][1].addresses).get(name)


def _raft(data: bytes) -> raft.HardState | None:
    try:
        return decode(data, type=raft.HardState)
    except msgspec.DecodeError:
        return None


def what_stays(data: bytes) -> Any:
    """The hard state of a member with a new disk that remembers what the old one promised; None
    if it cannot be read."""
    hard = _raft(data)
    if hard is not None:
        known = hard.memberships[-1][1] if hard.memberships else Membership()
        again = raft.beginning(hard.origin, known, fresh=True)
        return msgspec.structs.replace(again, term=hard.term, vote=hard.vote)
    try:
        old = decode(data, type=primary.HardState)
    except msgspec.DecodeError:
        return None
    again_primary = primary.beginning(old.origin, fresh=True)
    return msgspec.structs.replace(again_primary, promised=old.promised)
