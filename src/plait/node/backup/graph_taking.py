"""Taking one collection of documents into a backup: a copy of its state, then what came since.

A replica retains what is not stable yet, and no more; where that (or a `Tap`) does not reach back
to the earlier backup, or there was none, or as much has gathered as a copy has, the state is copied
as a whole. A copy says nothing of the moments before it: where they are kept, the earlier copy and
what came after it stay beside the new one.

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
from plait.node.backup.contents import read_batches
from plait.node.backup.layout import BatchPiece, Blob, GraphBackup
from plait.node.backup.tap import Tap
from plait.node.backup.vault import Pieces

PACK_BATCHES = 4096
MERGE_PIECES = 32  # as many small pieces at the end become one
SMALL_BYTES = 128 << 10
SETTLE_S = 10.0  # a draft that is open for longer keeps the state from the disk
_LOOK_S = 0.02


async def take_graph(
    replica: Replica,
    earlier: GraphBackup | None,
    pieces: Pieces,
    clock: Clock,
    copy_after: int,
    since_ms: int | None = None,
    tap: Tap | None = None,
) -> GraphBackup:
    """One collection as it stands here now, or a little later; its state is copied again after so
    many bytes of batches, or as many as the copy has.

    since_ms: every moment since then that the earlier one had stays (None: none need to).
    """
    replica.check()
    await replica.flush()
    if earlier is None and since_ms is not None:
        earlier = _beginning(replica, tap)
    if earlier is not None:
        long = _is_long(earlier, copy_after)
        batches = None if long and since_ms is None else _since(replica, earlier, tap)
        if batches is not None:
            pairs = replica.parts.scope.vector.pairs()
            earlier = await _with_batches(replica, earlier, batches, pairs, pieces, clock)
            if not long:
                return _forget(earlier, since_ms)
    copied = await _copied(replica, pieces, clock)
    if earlier is not None and since_ms is not None:
        batches = _since(replica, earlier, tap)  # what came while it was copied
        if batches:
            pairs = replica.parts.scope.vector.pairs()
            earlier = await _with_batches(replica, earlier, batches, pairs, pieces, clock)
        copied = replace(copied, before=(*earlier.before, replace(earlier, before=())))
    return _forget(copied, since_ms)


async def take_gone(
    tap: Tap, earlier: GraphBackup | None, pieces: Pieces, clock: Clock
) -> GraphBackup | None:
    """A collection that was dropped, with all that was delivered until then, as far as it is held.

    None if it never was in a backup, and does not begin here.
    """
    earlier = earlier or _beginning(tap.replica, tap)
    if earlier is None:
        return None
    vector = vector_of(earlier.vector)
    batches = tap.since(vector)
    if not batches:
        return earlier
    for batch in batches:
        vector.saw(batch.replica, batch.last)
    return await _put_batches(earlier, batches, vector.pairs(), pieces, clock)


def _beginning(replica: Replica, tap: Tap | None) -> GraphBackup | None:
    """The backup of a collection that holds nothing yet, if it can be told how it went on."""
    parts = replica.parts
    if tap is None and not parts.archive.complete:
        return None
    if tap is not None and tap.since(VersionVector()) is None:
        return None
    options, hard = parts.options, parts.hard
    return GraphBackup(
        options.name, options.lineage, hard.replica, hard.epoch, 0, Blob(0, 0, ()), (), ()
    )


def _forget(graph: GraphBackup, since_ms: int | None) -> GraphBackup:
    """Without what is for earlier moments only."""
    chain = (*graph.before, graph)
    kept = [one for one, after in zip(graph.before, chain[1:], strict=True)
            if since_ms is not None and after.time_ms > since_ms]  # fmt: skip
    return replace(graph, before=tuple(kept))


def _is_long(earlier: GraphBackup, copy_after: int) -> bool:
    size = sum(part.piece.size for part in earlier.batches)
    return size > max(copy_after, earlier.state.size)


def _since(replica: Replica, earlier: GraphBackup, tap: Tap | None) -> list[Batch] | None:
    """What was delivered beyond the earlier backup; None if that is not all at hand."""
    parts, vector = replica.parts, vector_of(earlier.vector)
    scope = parts.scope
    replica.settle()
    if not descends(scope.vector, vector):
        return None
    found = None if tap is None else tap.since(vector)
    if found is None and scope.history.reaches(vector):
        found = list(scope.history.since(vector))
    if found is None and not vector and parts.archive.complete:
        found = list(parts.archive.batches())
    reached = vector.copy()
    for batch in found or ():
        reached.saw(batch.replica, batch.last)
    return found if reached == scope.vector else None


async def _with_batches(
    replica: Replica,
    earlier: GraphBackup,
    batches: list[Batch],
    pairs: tuple[tuple[int, int], ...],
    pieces: Pieces,
    clock: Clock,
) -> GraphBackup:
    await replica.flush()  # they are told to somebody only once they are durable
    return await _put_batches(earlier, batches, pairs, pieces, clock)


async def _put_batches(
    earlier: GraphBackup, batches: list[Batch], pairs: tuple[tuple[int, int], ...], pieces: Pieces,
    clock: Clock,
) -> GraphBackup:  # fmt: skip
    parts, time_ms = await _merged(earlier.batches, pieces), clock.wall_ms()
    for start in range(0, len(batches), PACK_BATCHES):
        few = batches[start : start + PACK_BATCHES]
        piece = await pieces.put(encode_pack(few))
        parts.append(BatchPiece(len(few), time_ms, piece))
    return replace(earlier, batches=tuple(parts), vector=pairs)


async def _merged(parts: tuple[BatchPiece, ...], pieces: Pieces) -> list[BatchPiece]:
    """One of many small pieces, so that a backup every few seconds stays readable."""
    small = 0
    while small < len(parts) and parts[-1 - small].piece.size < SMALL_BYTES:
        small += 1
    if small < MERGE_PIECES:
        return list(parts)
    few = [batch for part in parts[-small:] for batch in await read_batches(part, pieces)]
    piece = await pieces.put(encode_pack(few))
    latest = max(part.time_ms for part in parts[-small:])
    return [*parts[:-small], BatchPiece(len(few), latest, piece)]


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
    async with pieces.burst():
        snapshot = await parts.state.snapshot()
    time_ms = clock.wall_ms()
    try:
        blob = await pieces.put_copy(snapshot)
    finally:
        await pieces.aside(snapshot.close)
    replica.check()
    if parts.hard != hard:
        raise Busy(f"documents {replica.name!r} began anew while they were copied")
    options = parts.options
    return GraphBackup(
        options.name, options.lineage, hard.replica, hard.epoch, time_ms, blob, (), pairs
    )  # fmt: skip
