"""The parser: bytes of a connection become commands, each a list of byte strings.

What came is split at line ends once, in C, and looked through: a header ``$3`` must be followed by
a piece of three bytes. Where it is not (an argument has a line end in it, or is not here wholly)
the rest is read slowly, by lengths.

Invariant: what is kept is less than one command, and no longer than the limits allow. A length that
is too long is refused before its bytes are waited for.

Absent: answers; and what a command may be.
"""

from typing import Final

ARGUMENTS_MAX: Final = 65_536  # of one command
BULK_BYTES_MAX: Final = 8 << 20  # of one argument
COMMAND_BYTES_MAX: Final = 12 << 20  # of one command: it travels as one value of a log
INLINE_BYTES_MAX: Final = 65_536
_HEADER_BYTES_MAX: Final = 32

_HEADS: Final = [b"$%d" % size for size in range(4096)]  # by length
_COUNTS: Final = {b"*%d" % count: count for count in range(1, 1024)}


class BadRequest(Exception):
    """The bytes are no RESP: nothing behind them can be understood."""


class Parser:
    """Reads one connection."""

    __slots__ = ("_kept", "_need", "bulk_bytes_max")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._need = 0  # bytes that must be there before looking again is worth it
        self.bulk_bytes_max = BULK_BYTES_MAX

    @property
    def waiting(self) -> int:
        """Bytes of a command that is not whole."""
        return len(self._kept)

    def feed(self, data: bytes) -> tuple[list[list[bytes]], str]:
        """The commands that are whole now; and why the connection has to end behind them, or ""."""
        if self._kept:
            self._kept += data
            if len(self._kept) < self._need:
                return [], ""
            data = bytes(self._kept)
            self._kept = bytearray()
        commands: list[list[bytes]] = []
        pieces = data.split(b"\r\n")
        last = len(pieces) - 1  # the piece behind the last line end
        at = _quick(pieces, last, commands)
        if at == last and not pieces[last]:
            self._need = 0
            return commands, ""
        rest = b"\r\n".join(pieces[at:]) if at else data
        try:
            self._slow(rest, commands)
        except BadRequest as error:
            return commands, str(error)
        return commands, ""

    def _slow(self, data: bytes, commands: list[list[bytes]]) -> None:
        at = 0
        self._need = 0
        while at < len(data):
            if data[at] == 42:  # "*"
                command, behind = self._array(data, at)
            else:
                command, behind = _inline(data, at)
            if behind < 0:
                break
            at = behind
            if command:
                commands.append(command)
        self._kept = bytearray(data[at:])
        self._need -= at

    def _array(self, data: bytes, start: int) -> tuple[list[bytes], int]:
        count, at = _header(data, start, "invalid multibulk length")
        if at < 0:
            return [], -1
        if count > ARGUMENTS_MAX:
            raise BadRequest("Protocol error: invalid multibulk length")
        command: list[bytes] = []
        for _ in range(count):
            if at >= len(data):
                return [], -1
            if data[at] != 36:  # "$"
                raise BadRequest(f"Protocol error: expected '$', got {chr(data[at])!r}")
            size, at = _header(data, at, "invalid bulk length")
            if at < 0:
                return [], -1
            if not 0 <= size <= self.bulk_bytes_max or at - start + size > COMMAND_BYTES_MAX:
                raise BadRequest("Protocol error: invalid bulk length")
            end = at + size
            if len(data) < end + 2:
                self._need = end + 2
                return [], -1
            if data[end : end + 2] != b"\r\n":
                raise BadRequest("Protocol error: a bulk string is longer than it says")
            command.append(data[at:end])
            at = end + 2
        return command, at


def _quick(pieces: list[bytes], last: int, commands: list[list[bytes]]) -> int:
    """Take commands of short arguments without a line end in them; where the rest begins."""
    at = 0
    heads, counts, take = _HEADS, _COUNTS, commands.append
    try:
        while at < last:
            count = counts[pieces[at]]
            end = at + 1 + 2 * count
            if end > last:
                break
            command = pieces[at + 2 : end : 2]
            if count == 3:
                name, key, value = command
                fits = (
                    pieces[at + 1] == heads[len(name)]
                    and pieces[at + 3] == heads[len(key)]
                    and pieces[at + 5] == heads[len(value)]
                )
            elif count == 2:
                name, key = command
                fits = pieces[at + 1] == heads[len(name)] and pieces[at + 3] == heads[len(key)]
            else:
                fits = pieces[at + 1 : end : 2] == [heads[len(word)] for word in command]
            if not fits:
                break
            take(command)
            at = end
    except (KeyError, IndexError):  # an unusual count, or an argument that is not short
        pass
    return at


def _header(data: bytes, start: int, complaint: str) -> tuple[int, int]:
    """The number behind the mark at `start`, and where its line ends; -1 if it does not yet."""
    end = data.find(b"\r\n", start, start + _HEADER_BYTES_MAX)
    if end < 0:
        if len(data) - start >= _HEADER_BYTES_MAX:
            raise BadRequest(f"Protocol error: {complaint}")
        return 0, -1
    digits = data[start + 1 : end]
    if not digits.removeprefix(b"-").isdigit():
        raise BadRequest(f"Protocol error: {complaint}")
    return int(digits), end + 2


def _inline(data: bytes, start: int) -> tuple[list[bytes], int]:
    """A command that somebody typed: words, perhaps in quotes, up to the end of the line."""
    end = data.find(b"\n", start, start + INLINE_BYTES_MAX)
    if end < 0:
        if len(data) - start >= INLINE_BYTES_MAX:
            raise BadRequest("Protocol error: too big inline request")
        return [], -1
    return _words(data[start:end].rstrip(b"\r")), end + 1


_ESCAPES: Final = {110: 10, 114: 13, 116: 9, 98: 8, 97: 7}  # n r t b a


def _words(line: bytes) -> list[bytes]:
    words: list[bytes] = []
    at = 0
    while True:
        while at < len(line) and line[at] in b" \t":
            at += 1
        if at >= len(line):
            return words
        word = bytearray()
        quote = 0
        while at < len(line) and (quote or line[at] not in b" \t"):
            char = line[at]
            if quote == 34 and char == 92 and at + 1 < len(line):
                at = _escaped(line, at, word)
                continue
            if quote == 39 and line[at : at + 2] == b"\\'":
                word.append(39)
                at += 2
                continue
            at += 1
            if quote:
                if char != quote:
                    word.append(char)
                elif at < len(line) and line[at] not in b" \t":
                    raise BadRequest("Protocol error: unbalanced quotes in request")
                else:
                    quote = 0
            elif char in b"\"'":
                quote = char
            else:
                word.append(char)
        if quote:
            raise BadRequest("Protocol error: unbalanced quotes in request")
        words.append(bytes(word))


def _escaped(line: bytes, at: int, word: bytearray) -> int:
    """What stands behind a backslash between double quotes; where to go on."""
    digits = line[at + 2 : at + 4]
    if line[at + 1] == 120 and len(digits) == 2:  # \xHH
        try:
            word.append(int(digits, 16))
        except ValueError:
            pass
        else:
            return at + 4
    word.append(_ESCAPES.get(line[at + 1], line[at + 1]))
    return at + 2
