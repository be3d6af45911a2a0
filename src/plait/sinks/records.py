"""Changes as JSON: one record a change, or one message a transaction.

A record has ``key`` and ``value``; ``deleted`` or ``cleared`` in place of a value; ``before`` where
it is known and there was a row. Bytes are base64, times RFC 3339, NaN null.
"""

from typing import Any

import msgspec

from plait.api.values import Absent, Unknown
from plait.api.watch import Batch, Change
from plait.base.errors import BadFrame


def _text(value: Any) -> str:
    if isinstance(value, msgspec.msgpack.Ext):
        return f"Ext({value.code}, {value.data!r})"
    return repr(value)


_encoder = msgspec.json.Encoder(enc_hook=_text)


class Line(msgspec.Struct):
    """What is read back of a record in a file."""

    cursor: str
    version: int
    time_ms: int
    last: bool = False


class Message(msgspec.Struct):
    """What is read back of a message."""

    table: str
    cursor: str
    version: int
    time_ms: int


_lines = msgspec.json.Decoder(Line)
_messages = msgspec.json.Decoder(Message)


def record_of(change: Change) -> dict[str, Any]:
    """A change, without its place."""
    record: dict[str, Any] = {} if change.cleared else {"key": change.key}
    if change.cleared or change.deleted:
        record["cleared" if change.cleared else "deleted"] = True
    else:
        record["value"] = change.value
    if not isinstance(change.before, Absent | Unknown):
        record["before"] = change.before
    return record


def lines_of(batch: Batch) -> bytes:
    """A transaction as lines of a file, the last one marked `last`."""
    return b"".join([_line(batch, change) for change in batch.changes])


def _line(batch: Batch, change: Change) -> bytes:
    place = {"cursor": batch.cursor, "version": batch.version, "time_ms": batch.time_ms}
    return _json(place | record_of(change) | ({"last": True} if change.last else {})) + b"\n"


def message_of(table: str, group: str, batch: Batch) -> bytes:
    """A transaction as one message."""
    place = {"cursor": batch.cursor, "version": batch.version, "time_ms": batch.time_ms}
    changes = [record_of(change) for change in batch.changes]
    return _json({"table": table, "group": group} | place | {"changes": changes})


def read_line(data: bytes) -> Line | None:
    """The place of a record; None if it is none."""
    try:
        return _lines.decode(data)
    except (msgspec.MsgspecError, ValueError):
        return None


def read_message(data: bytes) -> Message:
    """The place of a message; `BadFrame` if it is none."""
    try:
        return _messages.decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadFrame(f"not a message of a feed: {error}") from None


def _json(value: dict[str, Any]) -> bytes:
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError):  # keys that JSON has no text for
        texts = {k: repr(v) if k in ("value", "before", "changes") else v for k, v in value.items()}
        return _encoder.encode(texts)
