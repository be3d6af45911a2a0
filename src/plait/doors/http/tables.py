"""Tables: which there are, making one, dropping one; and finding one, quickly.

What a name means is remembered for each store, so that a request asks for its row and for nothing
else; a table that was dropped meanwhile is looked up again, once.
"""

import weakref
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

import msgspec
from starlette.responses import Response

from plait.api.infos import TableInfo
from plait.api.settings import Consensus, Leader, Settings
from plait.api.store import Store
from plait.api.table import Table
from plait.base.errors import BadSettings, NoSuchCollection
from plait.doors.http.call import Call
from plait.doors.http.operation import Answer, Operation
from plait.doors.http.schemas import STRING, array, record

T = TypeVar("T")

KNOWN_MAX = 4096

_known: "weakref.WeakKeyDictionary[Store, dict[str, Table]]" = weakref.WeakKeyDictionary()

SETTINGS = record(
    ("mode",),
    mode={"type": "string", "enum": ["leader", "consensus"]},
    acks={"type": "string", "description": "leader, any:K, majority, all, any:K@other-zone"},
    degrade={"type": "boolean"},
    line={"type": "string", "enum": ["own"]},
    engine={"type": "string", "description": "of a consensus table: nats://… or postgresql://…"},
)
INFO = record(
    ("name", "line", "mode"), name=STRING, line=STRING,
    mode={"type": "string", "enum": ["leader", "consensus"]}, acks=STRING,
    degrade={"type": "boolean"},
)  # fmt: skip


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """How the copies of a table are to agree."""

    mode: Literal["leader", "consensus"]
    acks: str | None = None
    degrade: bool = False
    line: Literal["own"] | None = None
    engine: str | None = None

    def settings(self) -> Settings:
        """The same as a program would state it; `BadSettings`."""
        if self.mode == "leader":
            if self.engine is not None:
                raise BadSettings("engine: only of a consensus table")
            return Leader(self.acks or "majority", self.degrade, self.line)
        if self.acks is not None or self.degrade:
            raise BadSettings("acks, degrade: a majority orders a consensus table, always")
        return Consensus(self.line, self.engine)


class Named(Wanted, kw_only=True, forbid_unknown_fields=True):
    """The same, and the name of the table."""

    name: str


async def using(call: Call, work: Callable[[Table], Awaitable[T]], name: str | None = None) -> T:
    """Do something with the table that the path names, in the call's session."""
    name = call.path["table"] if name is None else name
    known = _known.setdefault(call.store, {})
    table = known.get(name)
    if table is not None:
        try:
            return await work(call.session.bound(table))
        except NoSuchCollection:
            known.pop(name, None)
    table = await call.session.table(name)
    if len(known) < KNOWN_MAX:
        known[name] = table
    return await work(table)


def shown(info: TableInfo) -> dict[str, Any]:
    """A table as it is told of."""
    settings = info.settings
    told: dict[str, Any] = {"name": info.name, "line": info.line, "acks": settings.acks}
    if isinstance(settings, Leader):
        return {**told, "mode": "leader", "degrade": settings.degrade}
    return {**told, "mode": "consensus"}


async def listed(call: Call) -> Response:
    """Every table."""
    return call.answer([shown(info) for info in await call.store.tables()])


async def get(call: Call) -> Response:
    """One table."""
    table = await call.session.table(call.path["table"])
    return call.answer(shown(table.info))


async def put(call: Call) -> Response:
    """Make sure that a table is there with these settings."""
    data = await call.body()
    wanted = call.decode(data, Wanted) if data else Wanted("leader")
    return await _make(call, call.path["table"], wanted)


async def post(call: Call) -> Response:
    """The same, with the name in the body."""
    wanted = await call.decoded(Named)
    return await _make(call, wanted.name, wanted)


async def _make(call: Call, name: str, wanted: Wanted) -> Response:
    there = any(info.name == name for info in await call.store.tables())
    table = await call.session.table(name, wanted.settings())
    return call.answer(shown(table.info), 200 if there else 201)


async def drop(call: Call) -> Response:
    """Remove a table and its rows for good."""
    _known.get(call.store, {}).pop(call.path["table"], None)
    await call.store.drop_table(call.path["table"])
    return call.nothing()


_MADE = {200: Answer("It was there", INFO), 201: Answer("It was made", INFO)}
_NAMED = record(("name", "mode"), name=STRING, **SETTINGS["properties"])

OPERATIONS = (
    Operation(
        "GET", "/v1/tables", listed, "Every table", {200: Answer("The tables", array(INFO))},
        "tables",
    ),
    Operation(
        "POST", "/v1/tables", post, "Make sure that a table is there", _MADE, "tables",
        body=_NAMED, problems=(404, 422),
    ),
    Operation(
        "GET", "/v1/tables/{table}", get, "One table", {200: Answer("The table", INFO)},
        "tables", problems=(404,),
    ),
    Operation(
        "PUT", "/v1/tables/{table}", put,
        "Make sure that a table is there; leader–follower, with a majority, if nothing is said",
        _MADE, "tables", body=SETTINGS, body_required=False, problems=(404, 422),
    ),
    Operation(
        "DELETE", "/v1/tables/{table}", drop, "Remove a table and its rows for good",
        {204: Answer("It is gone")}, "tables", problems=(404,),
    ),
)  # fmt: skip
