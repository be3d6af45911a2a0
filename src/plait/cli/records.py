"""Records in files: JSON, JSON lines and CSV, read one by one and named by where they stand.

A record is a key and a value. Without a key field, a record is ``{"key": …, "value": …}`` (what
`plait export` writes); with one, the whole record is the value and that field's text the key. A
JSON document is an array of records, or one object of keys and values. CSV has a header line;
its cells are text, or JSON where they are JSON if `json_cells`.

JSON lines and CSV are read as a stream; a JSON document is read whole (bounded by memory).
"""

import csv
from collections.abc import Iterable, Iterator
from typing import IO, Any, Literal, TypeAlias

import msgspec

from plait.base.codec import encode_key, encode_value
from plait.base.errors import BadKey, BadValue
from plait.cli.values import parse_value

Format: TypeAlias = Literal["json", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("json", "jsonl", "csv")
_SUFFIXES: dict[str, Format] = {
    ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv",
}  # fmt: skip


class Record(msgspec.Struct, frozen=True):
    """A good record."""

    place: str  # "line 7", or "record 3" of a JSON document
    key: str
    value: Any


class BadRecord(msgspec.Struct, frozen=True):
    """A record that cannot be stored, and why."""

    place: str
    why: str


def format_of(name: str) -> Format | None:
    """The format that a file's name promises, or None."""
    return next((kind for suffix, kind in _SUFFIXES.items() if name.lower().endswith(suffix)), None)


def read_records(
    stream: IO[str], kind: Format, key_field: str | None = None, json_cells: bool = False
) -> Iterator[Record | BadRecord]:
    """Every record of `stream`, good or bad, in order."""
    if kind == "json":
        found = _json_document(stream.read(), key_field)
    elif kind == "jsonl":
        found = _json_lines(stream)
    else:
        found = _csv_rows(stream, json_cells)
    for place, item in found:
        yield item if isinstance(item, (Record, BadRecord)) else _record(place, item, key_field)


_Found: TypeAlias = Iterator[tuple[str, Any]]  # a place, and what stands there


def _json_lines(lines: Iterable[str]) -> _Found:
    for number, line in enumerate(lines, 1):
        place = f"line {number}"
        if not line.strip():
            continue
        try:
            yield place, msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            yield place, BadRecord(place, f"no JSON: {error}")


def _json_document(text: str, key_field: str | None) -> _Found:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        yield "the document", BadRecord("the document", f"no JSON: {error}")
        return
    if isinstance(document, dict) and key_field is None:
        for number, (key, value) in enumerate(document.items(), 1):
            yield f"record {number}", _checked(f"record {number}", key, value)
    elif isinstance(document, list):
        for number, item in enumerate(document, 1):
            yield f"record {number}", item
    else:
        why = "neither an array of records nor an object of keys and values"
        yield "the document", BadRecord("the document", why)


def _csv_rows(stream: IO[str], json_cells: bool) -> _Found:
    reader = csv.reader(stream, strict=True)
    header: list[str] | None = None
    while True:
        begins = reader.line_num + 1  # a quoted cell may span lines: name the first
        place = f"line {begins}"
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield place, BadRecord(place, f"no CSV: {error}")
            continue
        if not row:
            continue
        if header is None:
            header = row
            continue
        if len(row) != len(header):
            yield place, BadRecord(place, f"{len(row)} cells, but the header has {len(header)}")
            continue
        cells = [parse_value(cell) for cell in row] if json_cells else row
        yield place, dict(zip(header, cells, strict=True))


def _record(place: str, item: Any, key_field: str | None) -> Record | BadRecord:
    if not isinstance(item, dict):
        return BadRecord(place, f"an object is expected, not {show_kind(item)}")
    if key_field is None:
        if "key" not in item or "value" not in item:
            return BadRecord(place, 'no "key" and "value"; --key FIELD names the field of the key')
        return _checked(place, item["key"], item["value"])
    if key_field not in item:
        return BadRecord(place, f"no field {key_field!r}")
    return _checked(place, item[key_field], item)


def _checked(place: str, key: Any, value: Any) -> Record | BadRecord:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        return BadRecord(place, f"a key is text or a whole number, not {show_kind(key)}")
    try:
        encode_key(str(key))
        encode_value(value)
    except (BadKey, BadValue) as error:
        return BadRecord(place, error.message)
    return Record(place, str(key), value)


def show_kind(value: Any) -> str:
    """What JSON calls the kind of `value`."""
    kinds = {dict: "an object", list: "an array", str: "text", bool: "a boolean", float: "a number"}
    return "null" if value is None else kinds.get(type(value), "a number")
