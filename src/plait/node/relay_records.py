"""What stands in a relay log: batches of file operations, and how they fold into the files left.

::

    Leaving(by, urgent, operations)     one entry of the log
      Put(label, chunk, ...)            a file of a shared folder, or a piece of a long one
      Gone(label)                       its writer needs it no more

For every file the last operation decides, so the fold of any suffix that still holds the live ones
is the fold of all. `again` marks a Put by which somebody moved a live file to the end of the log:
it does nothing if the file has been removed meanwhile.

Invariant: no file stands (in part) below the log's head. An entry that cannot be one is bad: its
position is named, and it does nothing. Absent: the log (`relay_carrier`).
"""

from collections import deque
from typing import NamedTuple

import msgspec

from plait.base.codec import encode
from plait.base.errors import BadFrame
from plait.host.shared_folder import FILE_BYTES_MAX, Label, checked_label, parse

CHUNKS_MAX = 4096  # of one file
FILES_MAX = 65_536
BAD_MAX = 64  # positions that are remembered
UNFINISHED_ENTRIES_MAX = 4096  # a file whose next chunk does not come for so long is given up


class Put(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A file, or one of its chunks."""

    label: Label
    chunk: int
    chunks: int
    size: int  # bytes of the whole file
    again: bool
    data: bytes


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A file was removed."""

    writer: str
    number: int
    token: str


class Leaving(msgspec.Struct, frozen=True, array_like=True, tag="plait-relay-1"):
    """One entry."""

    by: str  # who appended it, to know one's own
    urgent: bool  # others should look at once
    operations: tuple[Put | Gone, ...]


Key = tuple[str, int, str]  # writer, number, token

_decoder = msgspec.msgpack.Decoder(Leaving)


def key_of(label: Label) -> Key:
    """What tells a file from every other."""
    return label.writer, label.number, label.token


def encode_leaving(leaving: Leaving) -> bytes:
    """An entry's payload."""
    return encode(leaving)


def decode_leaving(payload: bytes) -> Leaving:
    """The operations in an entry's payload. Raises `BadFrame`."""
    try:
        leaving = _decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"not an entry of a relay: {error}") from None
    for operation in leaving.operations:
        if isinstance(operation, Put):
            _check(operation)
    return leaving


def _check(put: Put) -> None:
    checked_label(put.label)
    if not (1 <= put.chunks <= CHUNKS_MAX and 0 <= put.chunk < put.chunks):
        raise BadFrame("a chunk that cannot be")
    if not len(put.data) <= put.size <= FILE_BYTES_MAX:
        raise BadFrame("a file of a size that cannot be")
    if put.chunks == 1:
        label, _ = parse(put.data)
        if label != put.label or put.size != len(put.data):
            raise BadFrame("a file under another's label")


class Left(msgspec.Struct):
    """A file in the log."""

    label: Label
    size: int
    chunks: int
    places: dict[int, int]  # positions by chunk

    @property
    def whole(self) -> bool:
        """Whether all of it has been read."""
        return len(self.places) == self.chunks

    @property
    def first(self) -> int:
        """The first position that it needs."""
        return min(self.places.values())


class Kept(NamedTuple):
    """How much of a log is of use."""

    entries: int
    files: int
    bytes: int
    live_bytes: int


class RelayIndex:
    """The files that a log holds."""

    def __init__(self, head: int) -> None:
        self.next = head  # the first position that was not folded yet
        self.bad: dict[int, str] = {}  # by position
        self._head = head
        self._files: dict[Key, Left] = {}
        self._gone: dict[Key, int] = {}
        self._sizes: deque[int] = deque()  # of the entries from the head on

    def fold(self, payload: bytes) -> Leaving | None:
        """Take in the entry at `next`; None if it is bad."""
        position, self.next = self.next, self.next + 1
        self._sizes.append(len(payload))
        try:
            leaving = decode_leaving(payload)
        except BadFrame as error:
            self._note(position, error.message)
            return None
        for operation in leaving.operations:
            if isinstance(operation, Gone):
                key = (operation.writer, operation.number, operation.token)
                self._files.pop(key, None)
                self._gone[key] = position
            else:
                self._put(position, operation)
        return leaving

    def skip(self, why: str) -> None:
        """The entry at `next` cannot be read."""
        self._note(self.next, why)
        self.pass_over()

    def pass_over(self) -> None:
        """The entry at `next` is the engine's own."""
        self._sizes.append(0)
        self.next += 1

    def _put(self, position: int, put: Put) -> None:
        key = key_of(put.label)
        if put.again and key in self._gone:
            return
        self._gone.pop(key, None)
        left = self._files.get(key)
        if left is None or (left.label, left.size, left.chunks) != (
            put.label, put.size, put.chunks
        ):  # fmt: skip
            if left is None and len(self._files) >= FILES_MAX:
                self._note(position, f"more than {FILES_MAX} files")
                return
            left = self._files[key] = Left(put.label, put.size, put.chunks, {})
        left.places[put.chunk] = position

    def drop(self, key: Key) -> None:
        """A file turned out to be of no use to anybody."""
        self._files.pop(key, None)

    def _note(self, position: int, why: str) -> None:
        self.bad[position] = why
        while len(self.bad) > BAD_MAX:
            del self.bad[next(iter(self.bad))]

    def trimmed(self, head: int) -> None:
        """Nothing below `head` is kept."""
        if head <= self._head:
            return
        for _ in range(min(head - self._head, len(self._sizes))):
            self._sizes.popleft()
        self._head = head
        self._files = {k: left for k, left in self._files.items() if left.first >= head}
        self._gone = {key: at for key, at in self._gone.items() if at >= head}
        self.bad = {at: why for at, why in self.bad.items() if at >= head}

    # ------------------------------------------------------------------ what there is

    def files(self) -> list[Left]:
        """The whole files, by writer and number."""
        return [self._files[key] for key in sorted(self._files) if self._files[key].whole]

    def get(self, key: Key) -> Left | None:
        """One file, if all of it is there."""
        left = self._files.get(key)
        return left if left is not None and left.whole else None

    def needed_from(self) -> int:
        """Below this position nothing is of use. Files that never got their last chunk go."""
        for key, left in list(self._files.items()):
            newest = max(left.places.values())
            if not left.whole and newest < self.next - UNFINISHED_ENTRIES_MAX:
                del self._files[key]
        return min((left.first for left in self._files.values()), default=self.next)

    def kept(self) -> Kept:
        """How much of the log is of use."""
        live = sum(left.size for left in self._files.values())
        return Kept(self.next - self._head, len(self._files), sum(self._sizes), live)
