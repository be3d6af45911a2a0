"""Reading a line or a graph of a backup back, checked: what restoring and verifying share."""

import itertools
from collections.abc import AsyncIterator

from plait.base.errors import BadFrame, Corrupt
from plait.base.ports import StateStorage
from plait.graph.event import Batch, decode_pack
from plait.line.entry import Entry, decode_entry
from plait.node.backup.layout import BatchPiece, Blob, LineBackup, LogPiece
from plait.node.backup.vault import Pieces


async def install_copy(blob: Blob, pieces: Pieces, state: StateStorage) -> None:
    """Make a state what a copy holds, which may be nothing; `Corrupt`."""
    if not blob.pieces:
        await state.clear()
        return
    incoming = state.incoming(f"backup-{blob.crc32:08x}-{blob.size}")
    if incoming.received:  # of an attempt that was broken off
        incoming.discard()
        incoming = state.incoming(f"backup-{blob.crc32:08x}-{blob.size}")
    await pieces.get_copy(blob, incoming)
    await state.install(incoming, blob.size, blob.crc32)


async def read_rows(
    line: LineBackup, log: LogPiece, pieces: Pieces
) -> list[tuple[int, bytes, Entry]]:
    """The entries of a piece, with their positions and as they are encoded; `Corrupt` unless they
    are what the manifest says."""
    rows = await pieces.get_rows(log.piece)
    found = [(log.start + at, row, decode_entry(row)) for at, row in enumerate(rows)]
    if len(found) != log.count or found[-1][2].epoch != log.epoch:
        raise Corrupt(
            f"a piece of {line.line} from {log.start} on holds other entries than it says"
        )
    for (_, _, before), (position, _, after) in itertools.pairwise(found):
        if after.record_index != before.records_end or after.epoch < before.epoch:
            raise Corrupt(f"entry {position} of {line.line} does not follow on the one before it")
    return found


async def entries_from(
    line: LineBackup, start: int, stop: int, pieces: Pieces
) -> AsyncIterator[tuple[int, Entry]]:
    """The entries from `start`, before `stop`, checked against each other."""
    records: int | None = None
    for log in line.log:
        if log.end <= start or log.start >= stop:
            continue
        for position, _, entry in await read_rows(line, log, pieces):
            if records is not None and entry.record_index != records:
                raise Corrupt(f"entry {position} of {line.line} does not follow on those before it")
            records = entry.records_end
            if start <= position < stop:
                yield position, entry


async def read_batches(part: BatchPiece, pieces: Pieces) -> list[Batch]:
    """The batches of a piece; `Corrupt`."""
    try:
        batches = decode_pack(await pieces.get(part.piece))
    except BadFrame as error:
        raise Corrupt(f"a piece of batches cannot be read: {error}") from error
    if len(batches) != part.count:
        raise Corrupt(f"a piece of {part.count} batches holds {len(batches)}")
    return batches
