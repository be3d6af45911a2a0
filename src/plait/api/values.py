"""Encoding what users say into commands, and decoding what they asked for."""

from typing import Any, Final

import msgspec

from plait.base.codec import VALUE_BYTES_MAX, encode_key
from plait.base.errors import BadKey, BadSettings, BadValue
from plait.line.quorum import AckRule
from plait.types.commands import Present
from plait.types.queries import Row

PAGE_ROWS = 1000  # that a scan reads at a time

_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.decode
_row_decoder = msgspec.msgpack.Decoder(tuple[int, msgspec.Raw] | None)
_rows_decoder = msgspec.msgpack.Decoder(tuple[list[Row], bool])
_count_decoder = msgspec.msgpack.Decoder(int)

PUT, DELETE, CAS, CLEAR = 1, 2, 3, 9  # tags in plait.types.commands


class Absent:
    """The type of `ABSENT`, which stands for a row that is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


class Unknown:
    """The type of `UNKNOWN`, which stands for a value before a change that nobody kept."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def put_command(table: int, key: str, value: Any, if_version: int | None) -> bytes:
    """An encoded `Put`; `BadKey` or `BadValue` for what cannot be stored."""
    encode_key(key)
    if if_version is not None:
        check_version(if_version)
    try:
        data = _encoder.encode((PUT, table, key, value, if_version))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValue(f"cannot store {type(value).__name__} under {key!r}: {error}") from None
    if len(data) > VALUE_BYTES_MAX:
        raise BadValue(f"{key!r}: a value has at most {VALUE_BYTES_MAX} bytes encoded")
    return data


def delete_command(table: int, key: str, if_version: int | None) -> bytes:
    """An encoded `Delete`."""
    encode_key(key)
    if if_version is not None:
        check_version(if_version)
    return _encoder.encode((DELETE, table, key, if_version))


def cas_command(table: int, key: str, expected: Any, value: Any) -> bytes:
    """An encoded `CompareAndSet`; `ABSENT` on either side means no row."""
    encode_key(key)
    return _encoder.encode((CAS, table, key, present(expected), present(value)))


def present(value: Any) -> Present | None:
    """A value encoded, or None for `ABSENT`."""
    if isinstance(value, Absent):
        return None
    try:
        data = _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValue(f"cannot store {type(value).__name__}: {error}") from None
    if len(data) > VALUE_BYTES_MAX:
        raise BadValue(f"a value has at most {VALUE_BYTES_MAX} bytes encoded")
    return (msgspec.Raw(data),)


def decode_value(data: bytes | msgspec.Raw | memoryview) -> Any:
    """A stored value."""
    return _decode(data)


def decode_row(answer: msgspec.Raw) -> tuple[int, msgspec.Raw] | None:
    """Version and value of the row that a `Get` found."""
    row: tuple[int, msgspec.Raw] | None = _row_decoder.decode(answer)
    return row


def decode_rows(answer: msgspec.Raw) -> tuple[list[Row], bool]:
    """The rows that a `Scan` found, and whether more follow; never more behind none."""
    rows, more = _rows_decoder.decode(answer)
    return rows, more and bool(rows)


def decode_count(answer: msgspec.Raw) -> int:
    """What a `Count` counted."""
    return _count_decoder.decode(answer)


def check_version(version: int) -> None:
    """Refuse what no row can have as its version; a node would take it for a broken message."""
    if type(version) is not int or not 0 <= version < 1 << 63:
        raise BadValue(f"if_version={version!r} is not the version of a row, nor 0 for none")


def check_limit(limit: int | None) -> None:
    """Refuse a number of rows that is none."""
    if limit is not None and (type(limit) is not int or limit < 0):
        raise BadValue(f"limit={limit!r} is not a number of rows")


def check_acks(acks: str | None) -> str | None:
    """`acks` if it is a rule."""
    if acks is not None:
        AckRule.parse(acks)
    return acks


def bounds(start: str | None, stop: str | None, prefix: str | None) -> tuple[str, str | None]:
    """The range [start, stop) that a scan or a watch means; `BadKey` if a bound is no text."""
    for bound in (start, stop, prefix):
        if bound:
            encode_key(bound)
        elif bound not in (None, ""):
            raise BadKey(f"{bound!r} is not a str")
    if prefix is None:
        return start or "", stop
    if start is not None or stop is not None:
        raise BadSettings("give either a prefix or start and stop")
    return prefix, after_prefix(prefix)


def after_prefix(prefix: str) -> str | None:
    """The first key behind every key with this prefix, in code-point order; None: no end."""
    for end in range(len(prefix), 0, -1):
        code = ord(prefix[end - 1]) + 1
        if code == 0xD800:  # surrogates are no characters
            code = 0xE000
        if code <= 0x10FFFF:
            return prefix[: end - 1] + chr(code)
    return None
