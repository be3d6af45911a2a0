"""Rows: get, put, delete, compare-and-set, scans in pages, watching.

A row's version is its ETag: ``If-Match: "17"`` writes only if the row has that version,
``If-None-Match: *`` only if there is none, else 412.
"""

import base64
import binascii
from typing import Any

import msgspec
from starlette.responses import Response

from plait.api.port import Receipt
from plait.api.table import Table, TableRow
from plait.api.values import after_prefix
from plait.base.errors import Conflict, PlaitError
from plait.doors.http.call import MSGPACK, Call
from plait.doors.http.events import EventStream
from plait.doors.http.feeds import table_feed
from plait.doors.http.operation import Answer, Operation, Parameter
from plait.doors.http.problems import bad_request, not_found, response_of
from plait.doors.http.schemas import ANY, STRING, array, record
from plait.doors.http.tables import using

PAGE_DEFAULT = 100
KEY_CHARACTERS_MAX = 4096

READ = (
    Parameter(
        "read", "which replica may answer",
        {"type": "string", "enum": ["leader", "follower", "nearest"]},
    ),
    Parameter("max_lag", "how many seconds it may be behind",
              {"type": "number", "minimum": 0, "maximum": 1e9}),
)  # fmt: skip
ACKS = Parameter("acks", "wait for more than the table's rule: any:K, majority, all", STRING)
SESSION = Parameter(
    "Plait-Session", "what was seen so far, from an earlier answer", STRING, "header"
)
IF_MATCH = Parameter("If-Match", 'only if the row has this version: "17"', STRING, "header")
IF_NONE_MATCH = Parameter("If-None-Match", "*: only if there is no such row", STRING, "header")
RANGE = (
    Parameter("start", "the first key", STRING),
    Parameter("stop", "the key to stop before", STRING),
    Parameter("prefix", "instead: keys that begin with it", STRING),
)
FROM = (
    Parameter("from", "a cursor: go on behind it; 0.0 is the beginning of the log", STRING),
    Parameter("Last-Event-ID", "the same, as browsers say it", STRING, "header"),
)

RECEIPT = record(
    ("line", "epoch", "position", "offset", "version", "acks"),
    line=STRING, epoch=array(ANY), position={"type": "integer"}, offset={"type": "integer"},
    version={"type": "integer"}, acks=STRING,
)  # fmt: skip
ROW = record(("key", "value", "version"), key=STRING, value=ANY, version={"type": "integer"})
PAGE = record(
    ("rows", "cursor"), rows=array(ROW), cursor={"type": ["string", "null"]}
)  # fmt: skip


def reading(call: Call) -> dict[str, Any]:
    """The options of a read."""
    return {"read": call.query.get("read"), "max_lag": call.query.get("max_lag")}


def etag(version: int) -> str:
    """A version as HTTP says it."""
    return f'"{version}"'


def receipt_of(receipt: Receipt) -> dict[str, Any]:
    """Where a write landed."""
    return {
        "line": receipt.line, "epoch": list(receipt.epoch), "position": receipt.position,
        "offset": receipt.offset, "version": receipt.version, "acks": receipt.acks,
    }  # fmt: skip


def if_version(call: Call) -> int | None:
    """The version that the request insists on."""
    match, none_match = (call.request.headers.get(name) for name in ("if-match", "if-none-match"))
    if match is not None and none_match is not None:
        raise bad_request("give If-Match or If-None-Match, not both")
    if none_match is not None:
        if none_match.strip() != "*":
            raise bad_request("If-None-Match: * is what a write understands")
        return 0
    return None if match is None else parse_etag(match)


def parse_etag(text: str) -> int:
    """The version that an ETag names."""
    stripped = text.strip()
    digits = stripped[1:-1] if len(stripped) > 2 and stripped[0] == stripped[-1] == '"' else ""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise bad_request(f'{text!r} is no version of a row; one looks like "17"')
    return int(digits)


# ---------------------------------------------------------------------- one row


async def get(call: Call) -> Response:
    """One row's value."""
    key = call.path["key"]

    async def read(table: Table) -> TableRow | None:
        return await table.get_row(key, **reading(call))

    row = await using(call, read)
    if row is None:
        raise not_found(f"there is no row {key!r}")
    tag = etag(row.version)
    if call.request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=call.headers({"ETag": tag}))
    return call.answer(row.value, headers={"ETag": tag})


async def put(call: Call) -> Response:
    """Set one row."""
    data = await call.body()
    value = call.decode(data, Any)
    wanted, acks = if_version(call), call.query.get("acks")

    async def write(table: Table) -> Receipt:
        return await table.put(call.path["key"], value, if_version=wanted, acks=acks)

    try:
        receipt = await using(call, write)
    except Conflict as error:
        return await _different(call, error, value)
    return call.answer(receipt_of(receipt), headers={"ETag": etag(receipt.version)})


async def delete(call: Call) -> Response:
    """Remove one row; removing one that is not there is no error."""
    wanted, acks = if_version(call), call.query.get("acks")

    async def write(table: Table) -> Receipt:
        return await table.delete(call.path["key"], if_version=wanted, acks=acks)

    try:
        await using(call, write)
    except Conflict as error:
        return await _different(call, error, None)
    return call.nothing()


async def _different(call: Call, lost: Conflict, wanted: Any) -> Response:
    """412, with what is there: whoever repeats a request of which it was not known whether it had
    happened may have lost to themselves. wanted: None for no row."""

    async def read(table: Table) -> TableRow | None:
        return await table.get_row(call.path["key"])

    try:
        row = await using(call, read)
    except PlaitError:
        return response_of(lost, 412)
    same = row is None if wanted is None else row is not None and _same(row.value, wanted)
    version = 0 if row is None else row.version
    told = Conflict(lost.message, **lost.details, version=version, as_wanted=same)
    response = response_of(told, 412)
    if row is not None:
        response.headers["ETag"] = etag(version)
    return response


def _same(one: Any, other: Any) -> bool:
    """Equal as they are stored: True is not 1."""
    one, other = (msgspec.msgpack.encode(value, order="sorted") for value in (one, other))
    return bool(one == other)


# ---------------------------------------------------------------------- many rows


async def scan(call: Call) -> Response:
    """A page of rows, all of one state."""
    query = call.query
    reverse, limit = query.get("reverse", False), query.get("limit", PAGE_DEFAULT)
    limit = min(limit, call.door.limits.page_rows_max)
    bounds: dict[str, Any] = {name: query.get(name) for name in ("start", "stop", "prefix")}
    if "cursor" in query:
        _go_on(bounds, _decode(query["cursor"]), reverse)

    async def read(table: Table) -> tuple[list[TableRow], bool]:
        return await table.page(**bounds, reverse=reverse, limit=limit, **reading(call))

    rows, more = await using(call, read)
    found = [{"key": row.key, "value": row.value, "version": row.version} for row in rows]
    cursor = _encode(rows[-1].key, bounds) if more and rows else None
    return call.answer({"rows": found, "cursor": cursor})


_cursor_decoder = msgspec.msgpack.Decoder(tuple[str, str | None, str | None, str | None])


def _encode(key: str, bounds: dict[str, Any]) -> str:
    packed = msgspec.msgpack.encode([key, bounds["start"], bounds["stop"], bounds["prefix"]])
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(cursor: str) -> tuple[str, str | None, str | None, str | None]:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return _cursor_decoder.decode(data)
    except (ValueError, binascii.Error) as error:
        raise bad_request(f"that is no cursor of a page: {error}") from None


def _go_on(
    bounds: dict[str, Any], cursor: tuple[str, str | None, str | None, str | None], reverse: bool
) -> None:
    """Behind the last row of the page before, within what was asked for then."""
    if any(bounds.values()):
        raise bad_request("a cursor knows where it began: give no start, stop or prefix with it")
    key, start, stop, prefix = cursor
    if prefix is not None:
        start, stop = prefix, after_prefix(prefix)
    if reverse:
        bounds.update(start=start, stop=key)
    else:
        bounds.update(start=key + "\0", stop=stop)


async def count(call: Call) -> Response:
    """How many rows there are."""

    async def read(table: Table) -> int:
        return await table.count(**reading(call))

    return call.answer({"count": await using(call, read)})


async def watch(call: Call) -> Response:
    """Committed changes as they happen."""
    start = call.query.get("from") or call.request.headers.get("last-event-id")
    keys: dict[str, Any] = {
        "first": call.query.get("start"), "last": call.query.get("stop"),
        "prefix": call.query.get("prefix"),
    }  # fmt: skip

    async def follow(table: Table) -> EventStream:
        table.watch(start, **keys)  # refuses at once what makes no sense
        return EventStream(call, table_feed(table, start, *keys.values()))

    return await using(call, follow)


_BODY_TYPES = ("application/json", MSGPACK)
_ETAG = ("ETag", "Plait-Session")
_ROWS = "/v1/tables/{table}/rows"

OPERATIONS = (
    Operation(
        "GET", f"{_ROWS}/{{key}}", get, "One row's value; its version is the ETag",
        {200: Answer("The value", ANY, headers=_ETAG), 304: Answer("It has this version still")},
        "rows", (*READ, SESSION, Parameter("If-None-Match", "a version", STRING, "header")),
        problems=(404, 410),
    ),
    Operation(
        "PUT", f"{_ROWS}/{{key}}", put, "Set one row",
        {200: Answer("Where the write landed", RECEIPT, headers=_ETAG)},
        "rows", (ACKS, SESSION, IF_MATCH, IF_NONE_MATCH), ANY, _BODY_TYPES,
        problems=(404, 412, 422),
    ),
    Operation(
        "DELETE", f"{_ROWS}/{{key}}", delete, "Remove one row",
        {204: Answer("It is gone, or was not there")},
        "rows", (ACKS, SESSION, IF_MATCH, IF_NONE_MATCH), problems=(404, 412, 422),
    ),
    Operation(
        "GET", _ROWS, scan, "Rows in the order of their keys, a page at a time",
        {200: Answer("Rows, and the cursor of the next page", PAGE)},
        "rows",
        (*RANGE, Parameter("limit", "how many at most",
                           {"type": "integer", "minimum": 1, "maximum": 1000}),
         Parameter("cursor", "of the page before; instead of start, stop and prefix", STRING),
         Parameter("reverse", "the last key first", {"type": "boolean"}), *READ, SESSION),
        problems=(404, 410, 422),
    ),
    Operation(
        "GET", "/v1/tables/{table}/count", count, "How many rows there are",
        {200: Answer("The number", record(("count",), count={"type": "integer"}))},
        "rows", (*READ, SESSION), problems=(404, 410),
    ),
    Operation(
        "GET", "/v1/tables/{table}/watch", watch,
        "Committed changes as Server-Sent Events, resumable",
        {200: Answer("ready, changes, problem", STRING, "text/event-stream")},
        "rows", (*RANGE, *FROM, SESSION), problems=(404, 410, 422), long=True,
    ),
)  # fmt: skip
