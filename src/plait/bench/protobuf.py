"""As much of protobuf's encoding as a few messages of etcd need: varints and byte strings.

A message is a dict of field numbers, so that no generated code or copy of etcd's schema is kept
here; who sends or reads one says what its numbers mean. Zero and empty are what absent means in
proto3. Source: protobuf.dev, "Encoding". Absent: repeated fields in what is sent, groups, and
fixed-width numbers other than to skip them.
"""

from collections.abc import Mapping

Value = int | bytes
Fields = dict[int, list[Value]]  # every occurrence, in order

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
VARINT_BYTES_MAX = 10


def message(fields: Mapping[int, Value]) -> bytes:
    """Encode a message; integers are unsigned or bools."""
    parts = []
    for number, value in fields.items():
        if isinstance(value, bytes):
            parts += [_varint(number << 3 | BYTES), _varint(len(value)), value]
        else:
            parts += [_varint(number << 3 | VARINT), _varint(int(value))]
    return b"".join(parts)


def parse(data: bytes) -> Fields:
    """Decode a message. `ValueError` if it is cut off or of a kind that is not read here."""
    found: Fields = {}
    at = 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = _read_varint(data, at)
            found.setdefault(tag >> 3, []).append(value)
            continue
        if kind == BYTES:
            size, at = _read_varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind} in a protobuf message")
        if at + size > len(data):
            raise ValueError("a protobuf message ends within a field")
        if kind == BYTES:
            found.setdefault(tag >> 3, []).append(data[at : at + size])
        at += size
    return found


def number(fields: Fields, field: int) -> int:
    """The last occurrence of an integer field; 0 if it is absent."""
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no integer")
    return value


def text(fields: Fields, field: int) -> bytes:
    """The last occurrence of a bytes, string or message field; empty if it is absent."""
    value = fields.get(field, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"field {field} is no byte string")
    return value


def _varint(value: int) -> bytes:
    if value < 0:
        raise ValueError("only unsigned integers are written here")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(VARINT_BYTES_MAX):
        if at + count >= len(data):
            raise ValueError("a protobuf message ends within a number")
        byte = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError("a number in a protobuf message is too long")
