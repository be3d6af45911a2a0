"""A line that this node follows no more leaves its disk, but for what was promised on it."""

import logging

from plait.base.codec import encode
from plait.base.ports import LogWrite, PutHardState, ResetLine, Storage
from plait.node.distrust import what_stays
from plait.node.segments import line_of
from plait.node.written import written

logger = logging.getLogger("plait.line")


async def let_go(storage: Storage, line: str) -> None:
    """Remove the entries and the state of a line that is not open; nothing if there are none.

    A promise or a vote may fence somebody, so it stays; the disk counts as a new one from then on.
    """
    writes: list[LogWrite] = []
    for name, extent in sorted(storage.log.lines().items()):
        if line_of(name) != line:
            continue
        hard = None if extent.hard_state is None else what_stays(extent.hard_state)
        writes.append(ResetLine(name, 0 if hard is None else hard.origin.position))
        if hard is not None:
            writes.append(PutHardState(name, encode(hard)))
    await storage.drop_state(line)  # first: a state that is ahead of its log would be rebuilt
    if writes:
        await written(storage.log, writes)
        logger.warning("line %s is not followed here any more: what was kept of it is gone", line)
