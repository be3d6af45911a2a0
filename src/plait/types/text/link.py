"""Updates of a text over an ordered link: a few bytes a keystroke.

A link is one direction between two copies of a text that were equal when it began (both empty, or
one loaded from what the other saved). Updates are applied in the order in which they were taken;
so an update says only what does not follow from the ones before: typing that goes on is a tag and
the letters.

::

    update   part*
    part     GOES_ON + kind, size, content                      the run of the last part goes on
             kind + flags, [author, number], [parents], position, size, content
                                                                (of a mark: its body, in bytes)

Positions are relative to where the last part ended, parents are events counted back; authors are
named in full once, then by number. Integers are LEB128, signed ones zigzag.

Absent: who sends when, acknowledgements, and anything but text; replicas of a whole collection
exchange batches (`plait.graph.exchange`).
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame
from plait.graph.event import REPLICA_MAX, SEQ_MAX
from plait.types.text.state import TextState
from plait.types.walker.graph import Name
from plait.types.walker.items import Edits
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, Run

GOES_ON = 4
AUTHOR = 8  # flags: another author or number than what follows the last part
PARENTS = 16  # other parents than the last event

_GOES_ON_INSERT = bytes([GOES_ON + INSERT])
_SMALL = [bytes([number]) for number in range(128)]


class Outgoing:
    """What is to be told over one link."""

    def __init__(self, state: TextState) -> None:
        self._state = state
        self._sent = state.end  # the LV up to which it was told
        self._run = -1  # the open run of which the last part told: its first LV
        self._piled = 0  # how much of its pile was told
        self._next = 0  # where the last part ended
        self._names: dict[Name, int] = {}
        self._follows: tuple[Name, int] | None = None  # author and number that follow

    def take(self) -> bytes:
        """What happened since the last call; empty if nothing did."""
        state = self._state
        end = state.end
        sent = self._sent
        if sent == end:
            return b""
        if state.is_typing and self._run == state.graph.end:
            typed = state.pile_from(self._piled)
            self._piled += len(typed)
            self._sent = end
            self._next += end - sent
            assert self._follows is not None
            self._follows = (self._follows[0], self._follows[1] + end - sent)
            content = "".join(typed).encode()
            return (
                _GOES_ON_INSERT + _SMALL[end - sent] + content
                if end - sent < 128
                else (_GOES_ON_INSERT + _number(end - sent) + content)
            )
        return self._take_runs(end)

    def _take_runs(self, end: int) -> bytes:
        state = self._state
        opened = state.graph.end if state.is_typing else -1
        parts: list[bytes] = []
        for lv, name, seq, parents, run in state.runs_since(self._sent):
            parts.append(self._part(lv, name, seq, parents, run))
        self._sent = end
        self._run = opened
        self._piled = state.pile_size
        return b"".join(parts)

    def _part(
        self, lv: int, name: Name, seq: int, parents: tuple[int, ...] | None, run: Run
    ) -> bytes:
        flags = run.kind
        fields = b""
        if self._follows != (name, seq):
            flags |= AUTHOR
            number = self._names.get(name)
            if number is None:
                self._names[name] = len(self._names) + 1
                fields = b"\x00" + _name(name)
            else:
                fields = _number(number)
            fields += _number(seq)
        if parents is not None:
            flags |= PARENTS
            fields += _number(len(parents)) + b"".join(_number(lv - parent) for parent in parents)
        size, pos = run.size, run.pos
        away = pos - self._next
        fields += _number(2 * away if away >= 0 else -2 * away - 1)
        if run.kind == MARK:
            body = encode(run.content)
            fields += _number(len(body)) + body
            self._next = pos
        elif run.kind == INSERT:
            fields += _number(size) + run.content.encode()
            self._next = pos + size
        else:
            fields += _number(size)
            self._next = pos - size if run.kind == BACKSPACE else pos
        self._follows = (name, seq + size)
        return bytes([flags]) + fields


class Incoming:
    """What is told over one link."""

    def __init__(self, state: TextState) -> None:
        self._state = state
        self._first = state.end  # the other counts its events from here
        self._places: list[int] = []  # where its events are here: of each part, first and LV
        self._starts: list[int] = []
        self._count = state.end  # of the other's events
        self._last = state.end - 1  # the last one, as it is here
        self._names: list[Name] = []
        self._author: Name = 0
        self._seq = 0
        self._next = 0

    def receive(self, update: bytes) -> None:
        """Apply an update. `BadFrame` for what cannot be; what came before it in the update has
        happened then."""
        at, end = 0, len(update)
        while at < end:
            tag = update[at]
            if tag == GOES_ON:
                size = update[at + 1] if at + 1 < end else 128
                at += 2
                if size >= 128:
                    size, at = _read(update, at - 1)
                at = self._insert(update, at, size, None)
            else:
                at = self._part(update, at + 1, tag)

    def _part(self, update: bytes, at: int, tag: int) -> int:
        kind = tag & 3
        if tag >= 32 or tag & GOES_ON:
            raise BadFrame(f"an update with tag {tag}")
        if tag & AUTHOR:
            number, at = _read(update, at)
            if number:
                if number > len(self._names):
                    raise BadFrame("an update by an author that was never named")
                self._author = self._names[number - 1]
            else:
                self._author, at = _read_name(update, at)
                self._names.append(self._author)
            self._seq, at = _read(update, at)
        elif not self._names:
            raise BadFrame("the first update names its author")
        parents = None
        if tag & PARENTS:
            count, at = _read(update, at)
            found = []
            for _ in range(min(count, 1 + len(update))):
                back, at = _read(update, at)
                found.append(self._place(self._count - back))
            parents = tuple(sorted(found))
        away, at = _read(update, at)
        size, at = _read(update, at)
        self._next += away >> 1 if not away & 1 else -(away + 1 >> 1)
        if kind == INSERT:
            return self._insert(update, at, size, parents)
        if kind == MARK:
            return self._mark(update, at, size, parents)
        backwards = kind == BACKSPACE
        edits: list[int] = []
        if not 1 <= size <= len(self._state):
            raise BadFrame(f"{size} characters deleted of {len(self._state)}")
        if backwards:
            for past in range(size):
                edits += (self._next - past, 1)
            self._next -= size
        else:
            edits = [self._next, size]
        self._add(size, edits, parents)
        return at

    def _insert(self, update: bytes, at: int, size: int, parents: tuple[int, ...] | None) -> int:
        stop = at + size
        piece = update[at:stop]
        if piece.isascii() and len(piece) == size:
            text = piece.decode()
        else:
            text, stop = _read_text(update, at, size)
        if not self._names or not size:
            raise BadFrame("an update that inserts nothing, or by nobody")
        self._add(size, [self._next, text], parents)
        self._next += size
        return stop

    def _mark(self, update: bytes, at: int, size: int, parents: tuple[int, ...] | None) -> int:
        try:
            body = decode(update[at : at + size])
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BadFrame(f"an update with a mark that does not decode: {error}") from None
        self._add(1, [self._next, body], parents)
        return at + size

    def _add(self, size: int, edits: Edits, parents: tuple[int, ...] | None) -> None:
        state = self._state
        if parents is None:
            parents = (self._last,) if self._last >= state.graph.first else None
        if not 1 <= self._seq <= SEQ_MAX:
            raise BadFrame(f"event {self._seq} of {self._author!r}")
        last = state.add(self._author, self._seq, edits, parents)
        if not self._starts or last - size != self._last:
            self._starts.append(self._count)
            self._places.append(last + 1 - size)
        self._last = last
        self._count += size
        self._seq += size

    def _place(self, event: int) -> int:
        """Where an event of the other's is here."""
        if not 0 <= event < self._count:
            raise BadFrame("an update with parents that never came")
        low, high = 0, len(self._starts)
        while low < high:
            middle = (low + high) // 2
            if self._starts[middle] <= event:
                low = middle + 1
            else:
                high = middle
        return event if not low else self._places[low - 1] + event - self._starts[low - 1]


# ----------------------------------------------------------------------------- integers, names


def _number(value: int) -> bytes:
    if value < 128:
        return _SMALL[value]
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise BadFrame("an update ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _name(name: Name) -> bytes:
    if isinstance(name, int):
        return b"\x00" + _number(name)
    data = name.encode()
    return _number(len(data) + 1) + data


def _read_name(data: bytes, at: int) -> tuple[Name, int]:
    size, at = _read(data, at)
    if not size:
        name, at = _read(data, at)
        if name > REPLICA_MAX:
            raise BadFrame(f"{name} is no replica")
        return name, at
    try:
        word = data[at : at + size - 1].decode()
    except UnicodeDecodeError:
        raise BadFrame("an author's name is not UTF-8") from None
    if len(data) < at + size - 1:
        raise BadFrame("an update ends in the middle of a name")
    return word, at + size - 1


def _read_text(data: bytes, at: int, size: int) -> tuple[str, int]:
    """So many characters of UTF-8."""
    stop = at
    left = size
    while left and stop < len(data):
        stop += 1
        while stop < len(data) and data[stop] & 0xC0 == 0x80:
            stop += 1
        left -= 1
    try:
        text = data[at:stop].decode()
    except UnicodeDecodeError:
        raise BadFrame("text in an update is not UTF-8") from None
    if len(text) != size:
        raise BadFrame("an update ends in the middle of its text")
    return text, stop
