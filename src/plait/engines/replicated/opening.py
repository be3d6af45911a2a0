"""What a member must know of its log before it begins: where it begins, and whether it is sealed.

A line that does not begin at 0 begins as if a copy of the state had been installed at its origin:
its rows start there, and its hard state says so. Both are the first thing written of it, so
whatever is written behind them fails if they do, and a crash before leaves nothing.
"""

from typing import Any

from plait.base.codec import encode
from plait.base.errors import BadSettings
from plait.base.ports import LineExtent, LogStorage, PutHardState, ResetLine
from plait.line.entry import Kind, decode_entry
from plait.line.loglet import BEGINNING, Origin
from plait.line.replication.log_view import Base
from plait.line.replication.member import Member


def begin(storage: LogStorage, line: str, origin: Origin, hard: Any) -> None:
    """Write where a line begins that the disk does not know; nothing if that is at 0."""
    if origin != BEGINNING:
        writes = (ResetLine(line, origin.position), PutHardState(line, encode(hard)))
        storage.submit(writes, lambda error: None)


def check_origin(line: str, found: Origin, wanted: Origin) -> None:
    """Raise `BadSettings` if the disk holds a line of that name that begins elsewhere."""
    if found != wanted:
        raise BadSettings(
            f"line {line!r} begins at {found.position} here, not at {wanted.position}: "
            "its name was used before"
        )


def end_of(storage: LogStorage, line: str, extent: LineExtent, base: Base) -> tuple[int, int]:
    """The tail of the log on disk, and the records below it."""
    if extent.tail > extent.head:
        row = storage.read(line, extent.tail - 1, extent.tail, 1)[0]
        return extent.tail, decode_entry(row).records_end
    return max(extent.tail, base.position), base.records


def find_seal(storage: LogStorage, member: Member) -> int | None:
    """The position of the seal among the last entries; nothing of any use stands behind a seal."""
    log = member.log
    for position in range(log.durable - 1, log.head - 1, -1):
        kept = log.kept(position)
        if kept is None:
            entry = decode_entry(storage.read(member.line, position, position + 1, 1)[0])
        else:
            entry = kept.entry
        if entry.kind is Kind.SEAL:
            return position
        if entry.kind is Kind.DATA:
            return None
    return None
