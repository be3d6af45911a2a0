"""Offsets as editors count them, and what may become text at all.

Plait counts code points. Browsers and most editors count UTF-16 units, many tools UTF-8 bytes.
Invariant: an offset that does not stand between two characters, or stands past the end, is a
`BadValue` that says where; it is never rounded.

Only the part of the text before the offset is encoded. ASCII text needs no conversion, and Python
knows of a text that it is ASCII without looking at it.

Absent: a cache of offsets; grapheme clusters (see `tokens`); line and column.
"""

from typing import Any

from plait.base.errors import BadValue

TEXT_BYTES_MAX = 256 * 1024 * 1024  # in UTF-8

# Lone surrogates are refused where text comes in; here they are counted as what they are.
_LENIENT = "surrogatepass"


def to_utf16(text: str, offset: int) -> int:
    """UTF-16 units before the code point `offset`; 0 up to and including the length."""
    _check(text, offset)
    if text.isascii():
        return offset
    return len(text[:offset].encode("utf-16-le", _LENIENT)) // 2


def from_utf16(text: str, offset: int) -> int:
    """Code points before the UTF-16 unit `offset`."""
    _check_not_negative(offset, "UTF-16")
    # no character takes less than one unit, so the offset is within so many of them
    before = text[:offset]
    if text.isascii():
        _check_reached(len(before), offset, "UTF-16")
        return offset
    data = before.encode("utf-16-le", _LENIENT)
    _check_reached(len(data) // 2, offset, "UTF-16")
    parted = _parts_a_pair(data, offset)
    point = len(data[: 2 * (offset - parted)].decode("utf-16-le", _LENIENT))
    if parted:
        raise _inside(text, offset, point, "UTF-16")
    return point


def to_utf8(text: str, offset: int) -> int:
    """UTF-8 bytes before the code point `offset`; 0 up to and including the length."""
    _check(text, offset)
    if text.isascii():
        return offset
    return len(text[:offset].encode("utf-8", _LENIENT))


def from_utf8(text: str, offset: int) -> int:
    """Code points before the UTF-8 byte `offset`."""
    _check_not_negative(offset, "UTF-8")
    before = text[:offset]
    if text.isascii():
        _check_reached(len(before), offset, "UTF-8")
        return offset
    data = before.encode("utf-8", _LENIENT)
    _check_reached(len(data), offset, "UTF-8")
    start = offset
    while start < len(data) and data[start] & 0xC0 == 0x80:  # a byte that begins no character
        start -= 1
    point = len(data[:start].decode("utf-8", _LENIENT))
    if start < offset:
        raise _inside(text, offset, point, "UTF-8")
    return point


def check_text(value: Any) -> str:
    """The value, if it is valid Unicode text of at most `TEXT_BYTES_MAX`; else `BadValue`."""
    if not isinstance(value, str):
        raise BadValue(f"text must be a str, not {type(value).__name__}")
    size = len(value)
    if size <= TEXT_BYTES_MAX and not value.isascii():
        try:
            size = len(value.encode())
        except UnicodeEncodeError as error:
            unit = ord(value[error.start])
            raise BadValue(
                f"text holds a lone surrogate U+{unit:04X} at {error.start}", position=error.start
            ) from None
    if size > TEXT_BYTES_MAX:
        raise BadValue(f"text of {size} bytes or more is over the limit of {TEXT_BYTES_MAX}")
    return value


def _parts_a_pair(data: bytes, offset: int) -> bool:
    """Whether a UTF-16 offset stands between the two surrogates of one character."""
    if not 0 < 2 * offset < len(data):
        return False
    return data[2 * offset - 1] & 0xFC == 0xD8 and data[2 * offset + 1] & 0xFC == 0xDC


def _check(text: str, offset: int) -> None:
    _check_not_negative(offset, "code point")
    _check_reached(len(text), offset, "code point")


def _check_not_negative(offset: int, unit: str) -> None:
    if type(offset) is not int or offset < 0:
        raise BadValue(f"{unit} offset {offset!r} is no count from 0 on", offset=offset)


def _check_reached(length: int, offset: int, unit: str) -> None:
    if length < offset:
        raise BadValue(
            f"{unit} offset {offset} is past the end, which is at {length}",
            offset=offset,
            end=length,
        )


def _inside(text: str, offset: int, position: int, unit: str) -> BadValue:
    return BadValue(
        f"{unit} offset {offset} is inside the character U+{ord(text[position]):04X} at {position}",
        offset=offset,
        position=position,
    )
