"""What those who run a cluster ask: members, what promotions cut away, metrics, this page."""

from starlette.responses import Response

from plait.doors.http.call import Call
from plait.doors.http.metrics import CONTENT_TYPE, exposition
from plait.doors.http.openapi import described
from plait.doors.http.operation import Answer, Operation
from plait.doors.http.problems import not_found
from plait.doors.http.schemas import OBJECT, STRING, array

NUMBER_MAX = 2**53


async def members(call: Call) -> Response:
    """Every node."""
    return call.answer(await call.store.members())


async def rescued(call: Call) -> Response:
    """What promotions cut away, at every node that can be reached."""
    return call.answer(await call.store.rescued())


def _number(call: Call) -> int:
    text = call.path["rescued"]
    if not (text.isascii() and text.isdigit()) or int(text[:17]) > NUMBER_MAX:
        raise not_found(f"there is no rescued suffix {text!r}: they have numbers")
    return int(text)


async def show(call: Call) -> Response:
    """One of them, with its records."""
    return call.answer(await call.store.show_rescued(call.path["node"], _number(call)))


async def replay(call: Call) -> Response:
    """Apply it, each command at most once."""
    return call.answer(await call.store.replay_rescued(call.path["node"], _number(call)))


async def drop(call: Call) -> Response:
    """Forget it."""
    await call.store.drop_rescued(call.path["node"], _number(call))
    return call.nothing()


async def metrics(call: Call) -> Response:
    """This node, for Prometheus: as it tells itself, or as whoever asks may see it."""
    door = call.door
    store = call.store if door.people.asked else door.store
    status = await store.status()
    here = door.store.here.node
    own = {name: node for name, node in status["nodes"].items() if name == here}
    may = any("lines" in node for node in status["nodes"].values())
    waiting = await door.inbox.counts() if may else {}
    data = exposition({"nodes": own or status["nodes"]}, door, waiting)
    return Response(data, headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE})


async def openapi(call: Call) -> Response:
    """What can be asked for."""
    return call.answer(described(call.door.operations))


_RESCUED = "/v1/rescued/{node}/{rescued}"

OPERATIONS = (
    Operation(
        "GET", "/v1/members", members, "Every node, its address and its role",
        {200: Answer("The members", array(OBJECT))}, "cluster",
    ),
    Operation(
        "GET", "/v1/rescued", rescued, "What promotions cut away, and is kept",
        {200: Answer("Suffixes", array(OBJECT))}, "rescued",
    ),
    Operation(
        "GET", _RESCUED, show, "One of them, with its records", {200: Answer("It", OBJECT)},
        "rescued", problems=(404, 409),
    ),
    Operation(
        "POST", f"{_RESCUED}/replay", replay, "Apply it, each command at most once",
        {200: Answer("How many were applied", OBJECT)}, "rescued", problems=(404, 409),
    ),
    Operation(
        "DELETE", _RESCUED, drop, "Forget it", {204: Answer("It is forgotten")}, "rescued",
        problems=(404, 409),
    ),
    Operation(
        "GET", "/metrics", metrics, "This node's metrics, for Prometheus",
        {200: Answer("Metrics", STRING, CONTENT_TYPE)}, "health",
    ),
    Operation(
        "GET", "/v1/openapi.json", openapi, "This page", {200: Answer("OpenAPI 3.1", OBJECT)},
        "health", free=True,
    ),
)  # fmt: skip
