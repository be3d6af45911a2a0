"""The hand on the demo's world, for the console: ``/v1/demo/...``; only the demo mounts it.

``GET state`` has everything that changes: the world, what each node says, the beats. Each ``POST``
does one thing and answers with the world as it is then. While the story is told the hand is not
anybody's: `Busy`. Requests from pages of other origins are refused, for this ends processes.
"""

import logging
import time
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from plait.base.errors import BadSettings, Busy, NotAllowed, PlaitError, Refused, UsageError
from plait.cli.demo.beats import Beats
from plait.cli.demo.load import Load
from plait.cli.demo.lookouts import Lookouts
from plait.cli.demo.world import World

BODY_BYTES_MAX = 4096
TOLD_MAX = 400  # lines of the story
LOCAL = {"127.0.0.1", "localhost", "::1"}

logger = logging.getLogger("plait.demo")


class Command(msgspec.Struct, forbid_unknown_fields=True):
    """What a hand does; which of them matter depends on what it is."""

    node: str | None = None
    link: tuple[str, str] | None = None
    delay_ms: int = 300
    records_per_s: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The link's ends, or the node, or nobody."""
        if self.link is not None:
            return self.link
        return () if self.node is None else (self.node,)

    def one(self) -> str:
        """The node."""
        if self.node is None:
            raise BadSettings('which node? say {"node": its name}')
        return self.node


class Hand:
    """What the console of a demo can ask for, beside what every console can."""

    def __init__(self, world: World, lookouts: Lookouts, beats: Beats, load: Load) -> None:
        self._world, self._lookouts = world, lookouts
        self._beats, self._load = beats, load
        self.free = False  # nobody tells a story
        self.told: list[dict[str, Any]] = []
        self.views: dict[str, str] = {}  # where each node's own view and pages are, by name
        self.pages: dict[str, dict[str, str]] = {}

    def tell(self, text: str, scene: bool, elapsed_s: float) -> None:
        """A line of the story."""
        if len(self.told) < TOLD_MAX:
            line = {
                "text": text, "scene": scene, "elapsed_s": round(elapsed_s, 1),
                "at_ms": round(time.time() * 1000),
            }  # fmt: skip
            self.told.append(line)

    def routes(self) -> list[BaseRoute]:
        """To be mounted at the root."""
        return [
            Route("/v1/demo/state", self._state, methods=["GET"]),
            Route("/v1/demo/{what}", self._act, methods=["POST"]),
        ]

    # ----------------------------------------------------------------------------- requests

    async def _state(self, request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
            told = int(request.query_params.get("told", "0"))
            if after < 0 or told < 0:
                raise ValueError("negative")
        except ValueError as error:
            return _problem(BadSettings(f"after and told are numbers: {error}"))
        return _json(
            {
                "free": self.free,
                "told": self.told[told:],
                "told_count": len(self.told),
                "world": self._world.state(),
                "status": self._lookouts.status(),
                "beats": self._beats.state(after),
                "load": self._load.records_per_s,
                "views": self.views,
                "pages": self.pages,
            }
        )

    async def _act(self, request: Request) -> Response:
        try:
            _check_origin(request)
            command = await _command(request)
            if not self.free:
                raise Busy("the story is being told; the hand is yours when it has ended")
            await self._do(request.path_params["what"], command)
        except PlaitError as error:
            return _problem(error)
        return _json({"world": self._world.state(), "load": self._load.records_per_s})

    async def _do(self, what: str, command: Command) -> None:
        world = self._world
        match what:
            case "cut":
                if not command.names:
                    raise BadSettings('cut what? say {"link": [a, b]} or {"node": name}')
                await world.cut(*command.names)
            case "slow":
                await world.slow(command.delay_ms / 1000, *command.names)
            case "heal":
                await world.heal(*command.names)
            case "pause":
                await world.pause(command.one())
            case "resume":
                await world.resume(command.one())
            case "kill":
                await world.kill(command.one())
            case "restart":
                await world.restart(command.one())
            case "load":
                await self._load.set(command.records_per_s)
            case _:
                raise BadSettings(f"the hand cannot {what!r}")


def _check_origin(request: Request) -> None:
    """Raise unless it is a page of this server that asks, or no page."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if request.url.hostname not in LOCAL:
        raise NotAllowed(f"the demo is asked for on loopback, not at {host}")
    if origin is not None and origin.rpartition("://")[2] != host:
        raise NotAllowed(f"a page of {origin} has no hand on this")


async def _command(request: Request) -> Command:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise BadSettings(f"more than {BODY_BYTES_MAX:,} bytes")
    try:
        return msgspec.json.decode(bytes(body) or b"{}", type=Command)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadSettings(f"not what a hand does: {error}") from None


def _json(value: Any, status: int = 200, media: str = "application/json") -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(value), status, headers, media)


def _problem(error: PlaitError) -> Response:
    code = 400 if isinstance(error, UsageError) else 409 if isinstance(error, Refused) else 503
    if isinstance(error, NotAllowed):
        code = 403
    problem = {"title": error.code, "status": code, "detail": error.message}
    return _json(problem, code, "application/problem+json")
