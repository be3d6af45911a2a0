"""The bytes of a trace file: gzip or not, UTF-8, JSON; errors in the words of the formats.

Invariant: whatever the bytes are, the answer is a value of the asked kind or a `BadValue` that
says where and why.

Absent on purpose: what the values mean; see `plait.types.text.traces`.
"""

import re
import zlib
from typing import Any, TypeVar

import msgspec

from plait.base.errors import BadValue

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_PACKED_BYTES = 1 << 16  # are unpacked at a time,
_UNPACKED_BYTES = 1 << 24  # to no more than this
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP = re.compile(
    r"\.txns\[(?P<txn>\d+)\](?:\.(?:patches|ops)\[(?P<patch>\d+)\](?:\[(?P<part>[012])\])?)?"
    r"\.?(?P<rest>.*)"
)
_OF_ESCAPES = re.compile("escape|surrogate")  # what the decoder says where one is at fault
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_PARTS = ("position", "deleted", "inserted")

_Decoded = TypeVar("_Decoded")


def unpacked(data: bytes, bytes_max: int) -> bytes:
    """The UTF-8 content, unpacked if it is gzip, of at most `bytes_max`."""
    if data.startswith(_GZIP_MAGIC):
        data = _gunzipped(data, bytes_max)
    elif len(data) > bytes_max:
        raise _too_long(bytes_max)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    try:
        data.decode()  # all of it: the decoder of JSON looks only at what it needs
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadValue(f"line {line} is not UTF-8: {error.reason} (byte {error.start})") from None
    return data


def _gunzipped(data: bytes, bytes_max: int) -> bytes:
    """All members. What is packed small and unpacks to very much is let go at the limit."""
    parts: list[bytes] = []
    at = size = 0
    while at < len(data):
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            piece = data[at : at + _PACKED_BYTES]
            try:
                part = member.decompress(piece, _UNPACKED_BYTES)
            except zlib.error as error:
                raise BadValue(f"damaged gzip ({error}); copy the file again") from None
            if not piece and not part:
                raise BadValue("damaged gzip: its end is missing; copy the file again")
            at += len(piece) - len(member.unconsumed_tail) - len(member.unused_data)
            size += len(part)
            if size > bytes_max:
                raise _too_long(bytes_max)
            parts.append(part)
        while data[at : at + 1] == b"\0":  # padding
            at += 1
    return b"".join(parts)


def _too_long(bytes_max: int) -> BadValue:
    return BadValue(f"longer than {bytes_max:,} bytes unpacked; split it")


def decoded(data: Any, kind: type[_Decoded], place: str = "") -> _Decoded:
    """JSON as `kind`. place: what stands before the message of a `BadValue`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise BadValue(place + _readable(str(error))) from None
    except msgspec.DecodeError as error:
        what = _lone_surrogate(bytes(data)) if _OF_ESCAPES.search(str(error)) else None
        raise BadValue(f"{place}{what or f'not JSON: {error}'}") from None
    except RecursionError:
        raise BadValue(f"{place}not a trace: its JSON is nested too deeply") from None


def _lone_surrogate(document: bytes) -> str | None:
    """Where an escape is half a character, if one is."""
    high: re.Match[bytes] | None = None
    for escape in _ESCAPE.finditer(document):
        unit = int(escape[1], 16) if escape[1] else 0
        is_low = 0xDC00 <= unit < 0xE000
        if high is not None and not (is_low and high.end() == escape.start()):
            break
        if is_low and high is None:
            high = escape
            break
        high = escape if 0xD800 <= unit < 0xDC00 else None
    if high is None:
        return None
    line = document.count(b"\n", 0, high.start()) + 1
    return (
        f"line {line}: {high[0].decode()} is a lone surrogate, half of a character, which no text"
        f" can hold (byte {high.start()})"
    )


def _readable(message: str) -> str:
    """The decoder's message, with the place first and in the words of the formats."""
    found = _PATH.search(message)
    if found is None:
        return f"not a trace: {message}"
    what = message[: found.start()]
    step = _STEP.fullmatch(found["path"])
    if step is None:
        return f"{found['path'].lstrip('.')}: {what}"
    words = [f"transaction {step['txn']}"]
    if step["patch"]:
        words.append(f"patch {step['patch']}")
    if step["part"]:
        words.append(_PARTS[int(step["part"])])
    if step["rest"]:
        words.append(step["rest"])
    return f"{', '.join(words)}: {what}"
