"""A file of JSON lines, one a change, in the order of the table's line.

Invariant: whatever was killed when, the file holds every transaction once and whole, in order,
once it was opened again: it is cut behind the last whole transaction, and that one's place says
where to go on. Lines up to the group's position are on disk; only later ones can be torn.
"""

from collections.abc import Sequence
from os import PathLike

from plait.api.watch import Batch, decode_cursor
from plait.base.errors import BadSettings, BadValue
from plait.host.record_file import RecordFile
from plait.sinks.records import Line, lines_of, read_line
from plait.sinks.sink import Mark

TAIL_BYTES = 1 << 20  # looked at first
TAIL_BYTES_MAX = 1 << 28  # that may lie beyond the group's position
_BEGINNING = b'{"cursor":"'  # of every line


class JsonlSink:
    """Appends to one file, which no other process may append to meanwhile."""

    most = 1000

    def __init__(self, path: str | PathLike[str]) -> None:
        self._file = RecordFile(path)

    async def open(self, cursor: str) -> Mark | None:
        """See `Sink`. `BadSettings` if the file is no feed's; `FolderInUse`."""
        await self._file.open()
        size = self._file.size
        mark, end = await self._examine(cursor, size)
        if end < size:
            await self._file.truncate(end)
        return mark

    async def write(self, batches: Sequence[Batch]) -> None:
        """See `Sink`: on disk when it returns."""
        await self._file.append(b"".join([lines_of(batch) for batch in batches]))

    async def close(self) -> None:
        """See `Sink`."""
        await self._file.close()

    async def _examine(self, cursor: str, size: int) -> tuple[Mark | None, int]:
        """The last whole transaction, and where it ends."""
        wanted = TAIL_BYTES
        while True:
            start = max(size - wanted, 0)
            data = await self._file.read(start, size)
            skipped = 0 if not start else data.find(b"\n") + 1
            found = _look(data[skipped:], cursor)
            if found.reached or not start:
                if found.foreign:
                    raise BadSettings(f"{self._file.path} is not what a feed has written")
                return found.mark, start + skipped + found.end if found.mark else 0
            wanted *= 4
            if wanted > TAIL_BYTES_MAX:
                raise BadSettings(f"{self._file.path} goes far beyond the group's position")


class _Found:
    """What there is in the end of a file."""

    def __init__(self) -> None:
        self.mark: Mark | None = None  # of the last whole transaction
        self.end = 0  # behind it
        self.reached = False  # some transaction is not beyond the group's position
        self.foreign = False  # something in it never was a record


def _look(data: bytes, cursor: str) -> _Found:
    found = _Found()
    at = 0
    while (stop := data.find(b"\n", at)) >= 0:
        text = data[at:stop]
        line = read_line(text)
        if line is None or not _is_place(line):
            found.foreign = b"\0" not in text  # what was not written out before a loss of power
            return found
        at = stop + 1
        if line.last:
            found.mark, found.end = Mark(line.cursor, line.version, line.time_ms), at
            if decode_cursor(line.cursor) <= decode_cursor(cursor):
                found.reached = True
    found.foreign = not at and not _BEGINNING.startswith(data[: len(_BEGINNING)].rstrip(b"\0"))
    return found


def _is_place(line: Line) -> bool:
    try:
        decode_cursor(line.cursor)
    except BadValue:
        return False
    return True
