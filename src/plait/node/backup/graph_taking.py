"""Taking one collection of documents into a backup: a copy of its state, then what came since.

A replica retains what is not stable yet, and no more; where that does not reach back to the earlier
backup, or there was none, or as much has gathered as a copy has, the state is copied as a whole.

Invariant: whatever was delivered here when `take` was called is in the result; every prefix of its
batches is causally closed.
"""

import asyncio

from msgspec.structs import replace

from plait.base.causality import VersionVector, descends, vector_of
from plait.base.errors import Busy
from plait.base.ports import Clock
from plait.engines.graph import Replica
from plait.graph.event import Batch, encode_pack
from plait.node.backup.layout import BatchPiece, GraphBackup
from plait.node.backup.vault import Pieces

PACK_BATCHES = 4096
SETTLE_S = 10.0  # a draft that is open for longer keeps the state from the disk
_LOOK_S = 0.02


async def take_graph(
    replica: Replica,
    earlier: GraphBackup | None,
    pieces: Pieces,
    clock: Clock,
    copy_after: int,
) -> GraphBackup:
    """One collection as it stands here now, or a little later; its state is copied again after so
    many bytes of batches, or as many as the copy has."""
    replica.check()
    await replica.flush()
    if earlier is not None and not _is_long(earlier, copy_after):
        batches = _since(replica, vector_of(earlier.vector))
        if batches is not None:
            pairs = replica.parts.scope.vector.pairs()
            return await _with_batches(replica, earlier, batches, pairs, pieces, clock)
    return await _copied(replica, pieces, clock)


def _is_long(earlier: GraphBackup, copy_after: int) -> bool:
    size = sum(part.piece.size for part in earlier.batches)
    return size > max(copy_after, earlier.state.size)


def _since(replica: Replica, vector: VersionVector) -> list[Batch] | None:
    """What was delivered beyond `vector`; None if that is not all retained."""
    scope = replica.parts.scope
    replica.settle()
    if not descends(scope.vector, vector) or not scope.history.reaches(vector):
        return None
    batches = list(scope.history.since(vector))
    reached = vector.copy()
    for batch in batches:
        reached.saw(batch.replica, batch.last)
    return batches if reached == scope.vector else None


async def _with_batches(
    replica: Replica,
    earlier: GraphBackup,
    batches: list[Batch],
    pairs: tuple[tuple[int, int], ...],
    pieces: Pieces,
    clock: Clock,
) -> GraphBackup:
    await replica.flush()  # they are told to somebody only once they are durable
    parts, time_ms = list(earlier.batches), clock.wall_ms()
    for start in range(0, len(batches), PACK_BATCHES):
        few = batches[start : start + PACK_BATCHES]
        piece = await pieces.put(encode_pack(few))
        parts.append(BatchPiece(len(few), time_ms, piece))
    return replace(earlier, batches=tuple(parts), vector=pairs)


async def _copied(replica: Replica, pieces: Pieces, clock: Clock) -> GraphBackup:
    parts, flusher = replica.parts, replica.flusher
    replica.settle()
    pairs, wanted, before = parts.scope.vector.pairs(), replica.journal.position, flusher.flushes
    until = clock.monotonic() + SETTLE_S
    while flusher.flushes == before or flusher.flushed < wanted:
        # a replica that was just opened has what its log has, and its state file may have less
        flusher.changed(1)
        await flusher.flush()
        if clock.monotonic() > until:  # an open draft puts it off
            raise Busy(f"documents {replica.name!r} have a change open; nothing is copied")
        await asyncio.sleep(_LOOK_S)
    hard = parts.hard
    snapshot = await parts.state.snapshot()
    time_ms = clock.wall_ms()
    try:
        blob = await pieces.put_copy(snapshot)
    finally:
        snapshot.close()
    replica.check()
    if parts.hard != hard:
        raise Busy(f"documents {replica.name!r} began anew while they were copied")
    options = parts.options
    return GraphBackup(
        options.name, options.lineage, hard.replica, hard.epoch, time_ms, blob, (), pairs
    )  # fmt: skip
