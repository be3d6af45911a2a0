"""A member whose log was found damaged begins anew: it cannot vouch for what it acknowledged.

Its promises stay (they may be what fences somebody), its entries and states go, and it counts as
a new disk until a leader has admitted it again. A lone node has nobody to refetch from: it stays
read-only, and a person decides.
"""

import logging

import msgspec

from plait.base.codec import decode, encode
from plait.base.ports import LogWrite, PutHardState, ResetLine, Storage
from plait.line.primary.member import HardState
from plait.node.identity import IDENTITY_LINE

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
        await storage.state(line).clear()
        hard = HardState() if extent.hard_state is None else _promises(extent.hard_state)
        writes += [ResetLine(line, 0), PutHardState(line, encode(hard))]
    await storage.log.trust(writes)


def _promises(data: bytes) -> HardState:
    try:
        return HardState(promised=decode(data, type=HardState).promised)
    except msgspec.DecodeError:
        return HardState()
