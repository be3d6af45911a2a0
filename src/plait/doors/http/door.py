"""The door itself: one ASGI app over people's stores.

::

    request ── guarding ── table of operations ── who asks ── parameters ── do ── answer or problem
                       └── sockets, mounted sites, extra routes, files of pages

Invariant: every answer of a path below ``/v1`` is either one that its operation declares, or a
problem (`problems`); nothing that a request says ends the server or is told as a server's error.

Absent: CORS. Pages of other sites neither read nor write here; see `guarding`.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Router
from starlette.websockets import WebSocket

from plait.api.store import Store
from plait.base.errors import Busy, Indefinite, NotSignedIn, PlaitError, Unavailable
from plait.doors.http.call import Call
from plait.doors.http.guarding import Guarding
from plait.doors.http.inbox import Inbox
from plait.doors.http.limits import HttpLimits
from plait.doors.http.live_socket import LiveSocket
from plait.doors.http.operation import Found, Operation, Table, parse_query
from plait.doors.http.operations import OPERATIONS
from plait.doors.http.paths import Scope, local_path, raw_path
from plait.doors.http.problems import HttpProblem, not_found, response_of
from plait.doors.http.replica_socket import ReplicaSocket
from plait.doors.http.sites import Mounted, Site
from plait.doors.http.static import Files
from plait.doors.people import Everybody, People

logger = logging.getLogger("plait.doors.http")

Receive = Callable[[], Any]
Send = Callable[[MutableMapping[str, Any]], Any]

WEB = Path(__file__).resolve().parent.parent / "web"
PAGES = {
    "/": WEB / "console" / "index.html",
    "/console/": WEB / "console",
    "/client.js": WEB / "client.js",
    "/client/": WEB / "client",
    "/kit/": WEB / "kit",
}
JOINED = ("/client.js", "/console/main.js")
TABLE = Table(OPERATIONS)
SOCKETS: dict[str, type[ReplicaSocket] | type[LiveSocket]] = {
    "/v1/replica": ReplicaSocket,
    "/v1/live": LiveSocket,
}
TOKEN_COOKIE = "plait_token"


def asgi(
    store: Store,
    *,
    people: People | None = None,
    mounts: Mapping[str, Path | Site] | None = None,
    extra: Sequence[BaseRoute] = (),
    hosts: Collection[str] = (),
    origins: Callable[[], Collection[str]] | Collection[str] = (),
    limits: HttpLimits | None = None,
) -> "Door":
    """An ASGI app that serves a store over HTTP and WebSocket, to be mounted anywhere.

    Whoever reaches it acts for `store`, unless `people` says otherwise: what is in front of it
    decides who that is.

    mounts: more pages by their path: ``{"/apps/mine": folder}``, or an ASGI app for a store.
    extra: routes of Starlette that are tried before everything else below ``/v1``.
    hosts: names that this is called by, beside addresses and localhost; ``*`` for any.
    origins: of other pages that may write here: ``http://host:port``.
    """
    return Door(store, people or Everybody(store), mounts or {}, extra, hosts, origins, limits)


class Door:
    """An ASGI app; see `asgi`."""

    def __init__(
        self,
        store: Store,
        people: People,
        mounts: Mapping[str, Path | Site],
        extra: Sequence[BaseRoute],
        hosts: Collection[str],
        origins: Callable[[], Collection[str]] | Collection[str],
        limits: HttpLimits | None,
    ) -> None:
        self.store = store  # what is asked about this server itself
        self.people = people
        self.limits = limits or HttpLimits()
        self.operations = OPERATIONS  # all that can be asked for
        self.inbox = Inbox(store)
        self.draining = False
        self.watches = 0  # under way
        self._drained: asyncio.Future[None] | None = None
        self.sockets: dict[ReplicaSocket | LiveSocket, None] = {}
        allowed = origins if callable(origins) else lambda: origins
        self._guarding = Guarding(hosts, allowed)
        self._extra = Router(list(extra)) if extra else None
        self.extra = [path for route in extra if (path := getattr(route, "path", ""))]
        self._mounted = Mounted(
            {at: site for at, site in mounts.items() if not isinstance(site, Path)}, people
        )
        folders = {f"{at.rstrip('/')}/": p for at, p in mounts.items() if isinstance(p, Path)}
        self._files = Files({**folders, **PAGES}, JOINED)
        self.under_way = 0
        self.answered: dict[str, int] = {}  # how many, by "2xx" and so on
        self.answered_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, one socket, or the server's beginning and end."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case "lifespan":
                await _lifespan(receive, send)

    @property
    def drained(self) -> "asyncio.Future[None]":
        """Done once the door is closing; for streams, which end then."""
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
        return self._drained

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """A watch is under way; `Busy` if there are too many."""
        if self.watches >= self.limits.watches_max:
            raise Busy(f"{self.watches} watches are under way: as many as there may be")
        self.watches += 1
        try:
            yield
        finally:
            self.watches -= 1

    def drain(self) -> None:
        """Stop: sockets and streams end, and say that they can be taken up elsewhere."""
        self.draining = True
        self.inbox.close()
        if not self.drained.done():
            self.drained.set_result(None)
        for socket in list(self.sockets):
            socket.end(Unavailable("this node is stopping"))

    # ------------------------------------------------------------------ requests

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        began = time.monotonic()
        try:
            self._check(request, request.method)
            response = await self._answer(request, scope, receive, send)
        except HttpProblem as problem:
            response = response_of(problem)
        except PlaitError as error:
            response = response_of(error)
        except Exception as error:
            logger.exception("%s %s failed", request.method, scope["path"])
            response = response_of(Indefinite(f"{type(error).__name__}: {error}"), 500)
        if response is not None:
            kind = f"{response.status_code // 100}xx"
            self.answered[kind] = self.answered.get(kind, 0) + 1
            self.answered_s += time.monotonic() - began
            await response(scope, receive, send)

    def _check(self, asked: HTTPConnection, method: str) -> None:
        """Refuse wrong names and foreign pages, unless what counts is a token that the page must
        have been given: no browser sends that by itself, as it does cookies."""
        shown = self.people.asked and TOKEN_COOKIE not in asked.cookies
        origin = None if shown else asked.headers.get("origin")
        hosts: list[str | None] = [*asked.headers.getlist("host")]
        for host in hosts or [None]:
            self._guarding.check(method, asked.scope["scheme"], host, origin)

    async def _answer(
        self, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> Response | None:
        raw = raw_path(scope)
        found = TABLE.find(raw)
        if found is not None:
            return await self._operate(request, found)
        if self._extra is not None and _matches(self._extra, scope):
            await self._extra(scope, receive, send)
            return None
        if await self._mounted.serve(local_path(scope), token_of(request), scope, receive, send):
            return None
        if request.method not in ("GET", "HEAD"):
            raise not_found(f"there is nothing at {raw}")
        path = local_path(scope)
        file = await self._files.serve(request.method, path, request.headers)
        if file is None:
            raise not_found(f"there is nothing at {raw}")
        return file

    async def _operate(self, request: Request, found: Found) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = found.operations.get(method)
        if operation is None:
            allowed = ", ".join(sorted(found.operations))
            raise HttpProblem(
                405, "MethodNotAllowed", f"here one can {allowed}", {"Allow": allowed}
            )
        query = parse_query(operation, request.scope["query_string"].decode("latin-1"))
        if operation.free:
            return await operation.do(Call(self, request, found.path, query, None))
        if operation.body is not None:
            _check_content_type(operation, request)
        if operation.long:
            return await self._long(operation, request, found, query)
        with self._under_way():
            try:
                async with (
                    asyncio.timeout(self.limits.request_s),
                    self.people.acting(token_of(request)) as acting,
                ):
                    return await operation.do(Call(self, request, found.path, query, acting))
            except TimeoutError:
                raise Unavailable(f"no answer within {self.limits.request_s:g} s") from None

    async def _long(
        self, operation: Operation, request: Request, found: Found, query: Mapping[str, Any]
    ) -> Response:
        """What streams keeps its store until the stream has ended."""
        stack = contextlib.AsyncExitStack()
        try:
            stack.enter_context(self.watching())
            acting = await stack.enter_async_context(self.people.acting(token_of(request)))
            response = await operation.do(Call(self, request, found.path, query, acting))
        except BaseException:
            await stack.aclose()
            raise
        return Holding(response, stack)

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        if self.under_way >= self.limits.requests_max:
            raise Busy(f"{self.under_way} requests are under way")
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    # ------------------------------------------------------------------ sockets

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        problem: HttpProblem | None = None
        try:
            self._check(socket, "WEBSOCKET")
        except HttpProblem as error:
            problem = error
        path = local_path(scope)
        kind = SOCKETS.get(path)
        if problem is None and kind is None:
            problem = not_found(f"there is no WebSocket at {path}")
        if problem is None and (self.draining or len(self.sockets) >= self.limits.sockets_max):
            problem = HttpProblem(503, "Busy", "no more sockets here now")
        if problem is not None or kind is None:
            await _deny(socket, problem or not_found(path))
            return
        one = kind(socket, self.people, self.limits)
        self.sockets[one] = None
        try:
            await one.run(socket.cookies.get(TOKEN_COOKIE, ""))
        except Exception:
            logger.exception("a socket failed")
        finally:
            del self.sockets[one]


class Holding(Response):
    """A response, and what is to be closed once it has been sent."""

    def __init__(self, inner: Response, stack: contextlib.AsyncExitStack) -> None:
        self._inner = inner
        self._stack = stack
        self.status_code = inner.status_code
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await self._inner(scope, receive, send)
        finally:
            await self._stack.aclose()


def token_of(request: Request) -> str:
    """Who asks: a bearer token; or, where a browser sets no headers, a cookie or ``?token=``."""
    stated = request.headers.get("authorization")
    if stated is not None:
        kind, _, token = stated.partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise NotSignedIn("show a token: Authorization: Bearer TOKEN")
        return token.strip()
    if b"token=" in request.scope["query_string"]:
        return request.query_params.get("token", "")
    return request.cookies.get(TOKEN_COOKIE, "")


def _matches(router: Router, scope: Scope) -> bool:
    return any(route.matches(scope)[0].value for route in router.routes)


def _check_content_type(operation: Operation, request: Request) -> None:
    stated = request.headers.get("content-type")
    if stated is None:
        return
    kind = stated.partition(";")[0].strip().lower()
    if kind not in operation.body_types:
        wanted = ", ".join(operation.body_types)
        raise HttpProblem(415, "UnknownContentType", f"a body here is {wanted}, not {kind!r}")


async def _deny(socket: WebSocket, problem: HttpProblem) -> None:
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(response_of(problem))
    else:
        await socket.close(1008, problem.detail[:120])


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
