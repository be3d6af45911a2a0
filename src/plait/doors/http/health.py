"""Whether this server lives, whether it can be used, and how the cluster is."""

import asyncio

from starlette.responses import Response

from plait.api.port import Here
from plait.base.errors import PlaitError, Unavailable
from plait.doors.http.call import Call
from plait.doors.http.operation import Answer, Operation
from plait.doors.http.schemas import OBJECT

READY_S = 2.0


async def live(call: Call) -> Response:
    """Whoever reads this is answered."""
    return call.answer({"status": "ok"})


async def ready(call: Call) -> Response:
    """Whether this node knows what there is, and is not about to stop."""
    if call.door.draining:
        raise Unavailable("this node is stopping")
    try:
        async with asyncio.timeout(READY_S):
            await call.door.store.tables()
    except TimeoutError:
        raise Unavailable(f"no answer within {READY_S:g} s") from None
    here = call.door.store.here
    return call.answer({"status": "ready", "node": here.node, "cluster": here.cluster})


async def status(call: Call) -> Response:
    """Every node's status, as ``plait status --json`` shows it."""
    found = await call.store.status()
    try:
        here = call.store.here
    except PlaitError:
        here = Here("", "")
    more = {"node": here.node, "who": here.who or None, "extra": list(call.door.extra)}
    return call.answer({**found, **more})


OPERATIONS = (
    Operation(
        "GET", "/healthz", live, "Whether this server lives", {200: Answer("It does", OBJECT)},
        "health", free=True,
    ),
    Operation(
        "GET", "/readyz", ready, "Whether this node can be used",
        {200: Answer("It can", OBJECT)}, "health", problems=(503, 504), free=True,
    ),
    Operation(
        "GET", "/v1/status", status, "Every node: roles, epochs, positions, lag",
        {200: Answer("nodes by name, which one answers, who asks, further routes", OBJECT)},
        "cluster",
    ),
)  # fmt: skip
