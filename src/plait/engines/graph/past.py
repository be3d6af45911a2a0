"""The past: documents as of a version, and the batches that made them, from the retained events.

A version is rebuilt on a private shelf, from the beginning, by the batches that it covers. So it
can only be told while everything since the beginning is retained (`history="forever"`, or nothing
stable yet). Costs time and memory proportional to the history; nothing is cached.
"""

from collections.abc import Iterator

from plait.base.causality import Context, Dot, VersionVector, descends
from plait.base.errors import HistoryTrimmed, TooStale
from plait.base.hlc import hlc_ms
from plait.engines.graph.archive import Archive
from plait.engines.graph.spaces import NoRows
from plait.engines.graph_port import GraphView, Past
from plait.graph.event import Batch, Event, events_of
from plait.graph.scope import Scope
from plait.graph.voids import voided_by
from plait.types.shelf import Shelf

_EVERYTHING = 1 << 62


def past_view(
    scope: Scope, archive: Archive, version: Context | None, time_ms: int | None
) -> GraphView:
    """The documents as of a version, or of a wall-clock time. `HistoryTrimmed`, or `TooStale` for
    a version that was not seen here."""
    if version is not None and not descends(scope.vector, version):
        raise TooStale("this replica has not seen all of that version yet")
    if not archive.complete:
        raise HistoryTrimmed(
            "the beginning of this history is not kept", head=dict(scope.floor.pairs())
        )
    shelf = Shelf(NoRows(), _EVERYTHING)
    voided = _voided(scope, archive)
    for batch, context in _with_contexts(archive):
        if version is not None and batch.last > version.get(batch.replica, 0):
            continue
        if time_ms is not None and hlc_ms(batch.hlc) > time_ms:
            continue
        for op, event in events_of(batch, context):
            if op.key and event.dot not in voided:
                shelf.apply(op, event)
    return shelf


def history_of(scope: Scope, archive: Archive, key: str) -> Iterator[Past]:
    """The retained batches that touched a document, oldest first. `HistoryTrimmed` if it is there
    and nothing that touched it is kept."""
    version = VersionVector() if archive.complete else VersionVector(scope.floor)
    voided = _voided(scope, archive)
    found = False
    for batch, context in _with_contexts(archive):
        version.saw(batch.replica, batch.last)
        ops = tuple(
            [
                op
                for seq, op in enumerate(batch.ops, batch.first)
                if op.key == key and (batch.replica, seq) not in voided
            ]
        )
        if ops:
            found = True
            event = Event(
                batch.replica, batch.first, batch.hlc, context.copy(), batch.who, batch.message
            )
            yield Past(version.copy(), event, ops)
    if not found and not archive.complete:
        raise HistoryTrimmed(
            f"nothing that touched {key!r} is kept", head=dict(scope.floor.pairs())
        )


def _voided(scope: Scope, archive: Archive) -> set[Dot]:
    """Every event that was refused. The scope forgets those that everybody has seen."""
    said = (voided_by(op) for batch in archive.batches() for op in batch.ops if not op.key)
    return {*scope.voids.known, *(dot for dot in said if dot is not None)}


def _with_contexts(archive: Archive) -> Iterator[tuple[Batch, VersionVector]]:
    """Every batch with what its author had seen (live: it changes as the iteration goes on)."""
    contexts: dict[int, VersionVector] = {}
    for batch in archive.batches():
        context = contexts.get(batch.replica)
        if context is None:
            context = contexts[batch.replica] = VersionVector()
        for replica, seq in batch.seen:
            context.saw(replica, seq)
        context[batch.replica] = batch.last
        yield batch, context
