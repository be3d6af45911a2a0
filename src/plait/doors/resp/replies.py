"""Replies: what commands answer, and its bytes in RESP2 and RESP3.

A reply is a plain value: bytes (a bulk string), int, None, str (a status such as OK), float, bool,
list (an array), or one of the few classes here. RESP2 has no maps, sets, doubles or booleans: they
go as arrays, bulk strings and integers there, as Redis sends them.

Absent: streamed strings and aggregates, attributes, big numbers; nothing here answers with them.
"""

from typing import Any, Final, TypeAlias

Reply: TypeAlias = Any

CRLF: Final = b"\r\n"
OK: Final = "OK"


class Complaint(Exception):
    """A command is refused with this error, whose first word is its code."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class Failed:
    """An error as a reply, perhaps among others in an array."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"Failed({self.text!r})"


class Pairs:
    """A map: keys and values in turn."""

    __slots__ = ("flat",)

    def __init__(self, flat: list[Reply]) -> None:
        self.flat = flat


class Members:
    """A set."""

    __slots__ = ("items",)

    def __init__(self, items: list[Reply]) -> None:
        self.items = items


class Scored:
    """Members with scores: flat in RESP2, pairs in RESP3."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[bytes, float]]) -> None:
        self.pairs = pairs


class Pushed:
    """Something that nobody asked for at this moment: a message of a channel."""

    __slots__ = ("items",)

    def __init__(self, items: list[Reply]) -> None:
        self.items = items


class Verbatim:
    """A text for people."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text


class Raw:
    """Bytes that are encoded already."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class NoArray:
    """Null where an array would stand, which RESP2 tells from a null string."""

    __slots__ = ()


NO_ARRAY: Final = NoArray()


def number(value: float) -> bytes:
    """A double as Redis writes it: whole numbers without a point."""
    if value != value:
        return b"nan"
    if value in (float("inf"), float("-inf")):
        return b"inf" if value > 0 else b"-inf"
    if value == int(value) and abs(value) < 1e17:
        return b"%d" % int(value) if value or str(value)[0] != "-" else b"-0"
    return repr(value).replace("e-0", "e-").encode()


def encode(reply: Reply, protocol: int) -> bytes:
    """The bytes of one reply in RESP `protocol`, 2 or 3."""
    kind = type(reply)
    if kind is bytes:
        return b"$%d\r\n%b\r\n" % (len(reply), reply)
    if kind is int:
        return b":%d\r\n" % reply
    if kind is str:
        return b"+OK\r\n" if reply is OK else b"+%b\r\n" % reply.encode()
    if reply is None:
        return b"_\r\n" if protocol == 3 else b"$-1\r\n"
    out: list[bytes] = []
    _encode_into(out, reply, protocol)
    return b"".join(out)


def _encode_into(out: list[bytes], reply: Reply, protocol: int) -> None:
    match reply:
        case list():
            out.append(b"*%d\r\n" % len(reply))
            for item in reply:
                out.append(encode(item, protocol))
        case Failed(text=text):
            out.append(b"-%b\r\n" % _one_line(text))
        case bool():
            out.append((b"#t\r\n" if reply else b"#f\r\n") if protocol == 3 else b":%d\r\n" % reply)
        case float():
            text = number(reply)
            out.append(b",%b\r\n" % text if protocol == 3 else encode(text, 2))
        case Pairs(flat=flat):
            head = b"%%%d\r\n" % (len(flat) // 2) if protocol == 3 else b"*%d\r\n" % len(flat)
            out.append(head)
            for item in flat:
                out.append(encode(item, protocol))
        case Members(items=items) | Pushed(items=items):
            mark = b"*" if protocol == 2 else b"~" if type(reply) is Members else b">"
            out.append(b"%b%d\r\n" % (mark, len(items)))
            for item in items:
                out.append(encode(item, protocol))
        case Scored(pairs=pairs):
            out.append(b"*%d\r\n" % (len(pairs) if protocol == 3 else 2 * len(pairs)))
            for member, score in pairs:
                if protocol == 3:
                    out.append(b"*2\r\n")
                out.append(encode(member, protocol))
                out.append(encode(score, protocol))
        case Verbatim(text=text):
            whole = b"=%d\r\ntxt:%b\r\n" % (len(text) + 4, text)
            out.append(whole if protocol == 3 else encode(text, 2))
        case Raw(data=data):
            out.append(data)
        case NoArray():
            out.append(b"_\r\n" if protocol == 3 else b"*-1\r\n")
        case bytes() | int() | str() | None:
            out.append(encode(reply, protocol))
        case _:
            raise TypeError(f"{reply!r} is no reply")


def _one_line(text: str) -> bytes:
    return text.replace("\r", " ").replace("\n", " ").encode(errors="replace")
