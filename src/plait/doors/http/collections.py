"""Collections of documents: which there are, making one, dropping one, and their keys."""

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from plait.api.infos import GraphInfo
from plait.api.settings import Eventual
from plait.base.errors import NoSuchCollection
from plait.doors.http.call import Call
from plait.doors.http.operation import Answer, Operation
from plait.doors.http.schemas import STRING, array, record

SETTINGS = record(
    sync={"type": "string", "enum": ["auto", "ops", "delta", "state"]},
    history={"type": "string", "enum": ["stable", "forever"]},
)
INFO = record(
    ("name", "lineage", "sync", "history"),
    name=STRING, lineage=STRING, founder={"type": "integer"}, node=STRING,
    **SETTINGS["properties"],
)  # fmt: skip


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """How the copies of a collection agree."""

    sync: Literal["auto", "ops", "delta", "state"] = "auto"
    history: Literal["stable", "forever"] = "stable"


def shown(info: GraphInfo) -> dict[str, Any]:
    """A collection as it is told of."""
    return {
        "name": info.name, "lineage": info.lineage, "founder": info.founder, "node": info.node,
        "sync": info.settings.sync, "history": info.settings.history,
    }  # fmt: skip


async def find(call: Call) -> GraphInfo:
    """The collection that the path names; `NoSuchCollection`."""
    name = call.path["collection"]
    for info in await call.store.collections():
        if info.name == name:
            return info
    raise NoSuchCollection(f"there are no documents {name!r}", documents=name)


async def listed(call: Call) -> Response:
    """Every collection of documents."""
    return call.answer([shown(info) for info in await call.store.collections()])


async def get(call: Call) -> Response:
    """One collection."""
    return call.answer(shown(await find(call)))


async def create(call: Call) -> Response:
    """Make sure that a collection is there: making it twice is making it once."""
    data = await call.body()
    wanted = call.decode(data, Wanted) if data else None
    settings = Eventual() if wanted is None else Eventual(wanted.sync, wanted.history)
    name = call.path["collection"]
    there = {info.name: info for info in await call.store.collections()}
    if name in there and wanted is None:
        return call.answer(shown(there[name]))
    await call.store.documents(name, None, settings)
    return call.answer(shown(await find(call)), 200 if name in there else 201)


async def drop(call: Call) -> Response:
    """Remove a collection for good, on every node."""
    await call.store.drop_documents(call.path["collection"])
    return call.nothing()


OPERATIONS = (
    Operation(
        "GET", "/v1/documents", listed, "Every collection of documents",
        {200: Answer("The collections", array(INFO))}, "documents",
    ),
    Operation(
        "GET", "/v1/documents/{collection}", get, "One collection of documents",
        {200: Answer("The collection", INFO)}, "documents", problems=(404,),
    ),
    Operation(
        "PUT", "/v1/documents/{collection}", create, "Make sure that a collection is there",
        {200: Answer("It was there", INFO), 201: Answer("It was made", INFO)}, "documents",
        body=SETTINGS, body_required=False, problems=(422,),
    ),
    Operation(
        "DELETE", "/v1/documents/{collection}", drop, "Remove a collection for good",
        {204: Answer("It is gone")}, "documents", problems=(404,),
    ),
)  # fmt: skip
