"""Restoring a collection of documents: its copy, the batches after it, and a fresh id when opened.

Nobody knows what the original wrote since, so the restored replica never writes under its id, nor
under any other that it had. It has its own word that it is a member (decision 18): it can be
written to at once, and if it meets the original, or anybody of it, it takes over what is there and
writes its own anew.

Invariant: what is put into the log follows on the state, batch by batch: it was tried.
"""

from plait.base.errors import BadFrame, Corrupt
from plait.base.hlc import hlc_ms
from plait.base.ports import AppendRows, LogWrite, PutHardState, ResetLine, Storage
from plait.engines.graph import wal
from plait.engines.graph.identity import Hard, encode_hard
from plait.engines.graph.options import GraphOptions
from plait.engines.graph.parts import Parts
from plait.engines.graph.spaces import load_place
from plait.node.backup.choosing import ChosenGraph
from plait.node.backup.contents import install_copy, read_batches
from plait.node.backup.vault import Pieces
from plait.node.written import written
from plait.types.control_graphs import GraphRecord


def options_of(record: GraphRecord, node: str) -> GraphOptions:
    """How to open a collection that is nobody's yet."""
    return GraphOptions(
        record.name, record.lineage, record.founder, False, node, record.sync, record.history
    )


async def load_parts(
    storage: Storage, pieces: Pieces, chosen: ChosenGraph, options: GraphOptions
) -> tuple[Parts, list[bytes]]:
    """The collection as it was, and the rows of the log that bring its copy there."""
    graph = chosen.backup
    state = storage.state(options.line)
    await install_copy(graph.state, pieces, state)
    place = load_place(state)
    epoch = graph.epoch if place is None else place.epoch
    why = "it was restored from a backup"
    hard = Hard(graph.lineage, graph.replica, "", epoch, distrusted=why, restored=True)
    parts = Parts(options, storage, hard)
    if place is not None:
        parts.load(place)
    rows: list[bytes] = []
    for part in graph.batches:
        known = parts.scope.vector
        batches = [
            batch
            for batch in await read_batches(part, pieces)
            if batch.last > known.get(batch.replica, 0)
            and (chosen.time_ms is None or hlc_ms(batch.hlc) <= chosen.time_ms)
        ]
        if not batches:
            continue
        record = wal.delivered(batches)
        try:
            parts.carry_out(record)
        except (BadFrame, IndexError, AssertionError) as error:
            raise Corrupt(f"the batches of {graph.name!r} do not fit its state: {error}") from error
        rows.append(wal.encode_row([record]))
    return parts, rows


async def restore_graph(
    storage: Storage, pieces: Pieces, chosen: ChosenGraph, record: GraphRecord, node: str
) -> list[LogWrite]:
    """Put a collection into a storage; what is to be written last."""
    options = options_of(record, node)
    parts, rows = await load_parts(storage, pieces, chosen, options)
    await parts.state.sync()
    line, start = options.line, parts.position
    writes: list[LogWrite] = [ResetLine(line, start)]
    if rows:
        writes.append(AppendRows(line, start, tuple(rows)))
    await written(storage.log, writes)
    return [PutHardState(line, encode_hard(parts.hard))]
