"""Ending what a dead engine holds of a line, by a person's order: the forced tail.

First it is tried to seal the engine's log, as any move does; where that works nothing is lost and
nothing forced. Otherwise the line goes on from what this node's state has, which is on its disk
before anything is decided, and everybody who has more is told that it is lost.

Invariant: nothing is forced before a person has seen what may be lost and accepted it. Absent: a
control line on an engine that is dead, for the decision itself would stand there.
"""

from typing import Any, NamedTuple, Protocol

from plait.base.errors import BadSettings, LossNotAccepted, PlaitError
from plait.base.ports import Clock, StateStorage, Storage
from plait.engines.chain import Chain
from plait.engines.checkpoint import load_checkpoint
from plait.line.chain import Forced
from plait.line.loglet import Origin
from plait.node.line_host import LineHost
from plait.node.segments import SHARED, place_of
from plait.types.control import LineRecord


class Owner(Protocol):
    """The node, as far as forcing needs it."""

    name: str
    clock: Clock
    storage: Storage


class Order(NamedTuple):
    """Who says that an engine is dead, if anybody does; whether what may be lost is accepted."""

    by: str = ""
    accept_loss: bool = False


async def force(
    node: Owner,
    record: LineRecord,
    host: LineHost | None,
    chain: Chain,
    order: Order,
    why: PlaitError,
) -> Forced | None:
    """End the last segment where this node's state stands; None if it could be sealed after all.

    host: the line here, if it is open. why: what sealing failed with. Raises `LossNotAccepted`,
    which says what may be lost; `BadSettings` where nothing can be forced.
    """
    segment = chain.configuration.last
    if segment.engine != SHARED:
        raise BadSettings(
            f"{record.line} is on the nodes' own disks: `promote` and `recover` say what may be "
            "lost there"
        ) from why
    below = await _standing(node, record, host)
    known = max(below.position, chain.committed)
    place = place_of(segment.loglet)
    if below.position < segment.base:
        raise BadSettings(
            f"the state of {record.line} at {node.name} is at {below.position}, and what it lacks "
            f"below {segment.base} is not on {place} only: let it catch up, or ask another node"
        ) from why
    if not order.accept_loss:
        raise LossNotAccepted(
            f"{place} could not be sealed ({why.message}); {record.line} would go on from position "
            f"{below.position}, where {node.name} stands, without "
            f"{_lost(below.position, known)}, acknowledged or not",
            place=place, tail=below.position, known=known,
        )  # fmt: skip
    return await chain.force(below.position, by=order.by, time_ms=node.clock.wall_ms(), below=below)


def report_of(forced: Forced | None) -> dict[str, Any] | None:
    """For people."""
    if forced is None:
        return None
    return {
        "place": place_of(forced.loglet),
        "tail": forced.tail,
        "known": forced.known,
        "by": forced.by,
        "time_ms": forced.time_ms,
        "warning": forced.warning,
    }


def _lost(tail: int, known: int) -> str:
    if known > tail:
        return f"positions {tail} to {known - 1} for certain, and whatever was written after them"
    return f"whatever was written at positions from {tail} on"


async def _standing(node: Owner, record: LineRecord, host: LineHost | None) -> Origin:
    """How far the state goes, once it is on this node's disk."""
    state: StateStorage = node.storage.state(record.line)
    if host is not None:
        await host.replica.flush()
    await state.sync()
    checkpoint = load_checkpoint(state)
    epoch = checkpoint.spans[-1][0].number if checkpoint.spans else 0
    return Origin(checkpoint.applied, epoch, checkpoint.record_index)
