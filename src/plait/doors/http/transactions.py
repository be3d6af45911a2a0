"""Transactions: what was read, by version, and what is to be written, all or nothing.

A client reads rows with their versions, decides, and sends both; every version still holds and
everything is written, or nothing is and the answer is 409. All tables are on one line.
"""

from typing import Any

import msgspec
from starlette.responses import Response

from plait.base.errors import NoSuchCollection
from plait.doors.http.call import MSGPACK, Call
from plait.doors.http.operation import Answer, Operation
from plait.doors.http.problems import bad_request
from plait.doors.http.rows import RECEIPT, SESSION, receipt_of
from plait.doors.http.schemas import ANY, STRING, array, record

OPERATIONS_MAX = 10_000
_VERSION: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}


class ReadRow(msgspec.Struct, forbid_unknown_fields=True):
    """A row that was read, and the version that it had; 0: there was none."""

    table: str
    key: str
    version: int


class WrittenRow(msgspec.Struct, forbid_unknown_fields=True):
    """A row to be set, or removed."""

    table: str
    key: str
    value: Any = msgspec.UNSET
    delete: bool = False


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """A transaction."""

    writes: list[WrittenRow] = []
    reads: list[ReadRow] = []


async def run(call: Call) -> Response:
    """Commit it, or not."""
    wanted = await call.decoded(Wanted)
    named = [read.table for read in wanted.reads] + [write.table for write in wanted.writes]
    names = list(dict.fromkeys(named))
    if not names:
        raise bad_request("a transaction reads or writes something")
    if len(wanted.writes) + len(wanted.reads) > OPERATIONS_MAX:
        raise bad_request(f"a transaction has at most {OPERATIONS_MAX} reads and writes here")
    if len(names) > 64:
        raise bad_request("a transaction is over at most 64 tables here")
    for one in wanted.writes:
        if one.delete == (one.value is not msgspec.UNSET):
            raise bad_request(f"{one.key!r}: give a value, or delete")
    tables = {name: await call.session.table(name) for name in names}
    async with call.session.transaction(*tables.values()) as transaction:
        for read in wanted.reads:
            transaction.on(tables[read.table]).expect(read.key, read.version)
        for write in wanted.writes:
            on = transaction.on(tables[write.table])
            if write.delete:
                on.delete(write.key)
            else:
                on.put(write.key, write.value)
    if transaction.receipt is None:
        raise NoSuchCollection("nothing was to be done")
    return call.answer(receipt_of(transaction.receipt))


BODY = record(
    reads=array(record(("table", "key", "version"), table=STRING, key=STRING, version=_VERSION)),
    writes=array(
        record(("table", "key"), table=STRING, key=STRING, value=ANY, delete={"type": "boolean"})
    ),
)
BODY["anyOf"] = [
    {"required": ["reads"], "properties": {"reads": {"minItems": 1}}},
    {"required": ["writes"], "properties": {"writes": {"minItems": 1}}},
]

OPERATIONS = (
    Operation(
        "POST", "/v1/transactions", run, "Write all of it if everything that was read still holds",
        {200: Answer("Where it landed", RECEIPT)}, "transactions", (SESSION,), BODY,
        ("application/json", MSGPACK), problems=(404, 409, 410, 422),
    ),
)  # fmt: skip
