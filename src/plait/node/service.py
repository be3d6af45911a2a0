"""The door for native clients and for other members: one listener, one protocol.

The first frame says who is there. A client's requests are answered in any order; what takes no
waiting is answered in the same turn. Invariant: each request gets exactly one answer (a feed:
until it is cancelled), and a connection holds bounded memory: requests under way are counted,
answers that are not read close the connection.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from plait.api import messages as m
from plait.base.errors import (
    BadCertificate,
    BadFrame,
    Busy,
    Indefinite,
    NotAllowed,
    NotSignedIn,
    PlaitError,
)
from plait.base.ids import random_id
from plait.base.ports import Connection, Listener, Network, Receiver
from plait.line.outcome import Outcome
from plait.node.answering import Answering
from plait.node.feeds import Feeds
from plait.node.greeter import Accepted, Greeter
from plait.node.guard import Guard
from plait.node.guests import Guests
from plait.node.line_host import LineHost
from plait.node.local import Local
from plait.node.past_guard import PastGuard
from plait.node.trail import Trail

REQUESTS_MAX = 4096  # of one client, under way
DRAIN_LOOK_S = 0.01

_encoder = msgspec.msgpack.Encoder()

# What somebody hears who does not speak TLS, where nothing else is spoken.
SPEAK_TLS = _encoder.encode(
    m.Failure(
        0, BadCertificate.__name__,
        "only TLS is spoken here: connect to plait+tls://, or serve with --tls-cert", {},
    )
)  # fmt: skip
_request_decoder = msgspec.msgpack.Decoder(m.Request)


class Service:
    """Listens for a node."""

    def __init__(self, local: Local, network: Network, trail: Trail | None = None) -> None:
        self._trail = trail or Trail(local.node.name, local.node.clock)
        self._local = local
        self._network = network
        self._clients: dict[_Client, None] = {}  # in order of coming
        self._listener: Listener | None = None
        self._draining = False

    async def start(self, address: str) -> str:
        """Listen; the address that was bound."""
        self._listener = await self._network.listen(address, self._accept)
        self._local.node.rights.on_look(self._look)
        self._local.node.on_members = self._tell_members
        return self._listener.address

    def _accept(self, connection: Connection) -> Receiver:
        if self._draining:
            connection.close("this node is stopping")  # others answer
        return Greeter(self._local.node, connection, self._welcome, self._trail)

    def _welcome(self, connection: Connection, hello: Accepted) -> Receiver:
        local, principal = self._local, hello.principal
        guard, left = Guard(local.node, principal), _nothing
        if hello.past:
            pasts = local.node.pasts
            past = pasts.visit(hello.past)
            local, left = Local(past.node, past), partial(pasts.left, past)
            guard = PastGuard(past.node, principal, self._local.node)
        client = _Client(local, connection, self._clients, hello, guard, self._trail, left)
        self._trail.connected(connection.peer, principal)
        client.welcome()
        return client

    def _tell_members(self) -> None:
        """Members came or went: a client must know them before it loses the node that it knows."""
        for client in list(self._clients):
            client.members_changed()

    def _look(self) -> None:
        for client in list(self._clients):
            client.look()

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._clients)

    def begin_draining(self) -> None:
        """Let nobody in any more; who is here is still answered."""
        self._draining = True

    async def answered(self, timeout_s: float) -> bool:
        """Return once no request of a client is under way; whether that was in time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while any(client.under_way for client in self._clients):
            if loop.time() > until:
                return False
            await asyncio.sleep(DRAIN_LOOK_S)
        return True

    async def close(self) -> None:
        """Take no more connections and hang up."""
        if self._listener is not None:
            await self._listener.close()
        for client in list(self._clients):
            client.hang_up("this node is closing")


class _Client:
    """One welcomed client."""

    def __init__(
        self,
        local: Local,
        connection: Connection,
        clients: "dict[_Client, None]",
        hello: Accepted,
        guard: Guard,
        trail: Trail,
        left: Callable[[], None],
    ) -> None:
        self._trail = trail
        self._guard = guard
        self._left = left  # told once it is gone
        self._local = local
        self._answers = Answering(local, guard)
        self._node = local.node
        self._connection = connection
        self._clients = clients
        self._hello = hello
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._under_way = 0
        self._feeds = Feeds(local, self._send, self._guard.feeds)
        name = f"guest-{random_id(local.node.random):x}"
        self._guests = Guests(local.node, name, self._send, self._guard)
        clients[self] = None

    @property
    def under_way(self) -> int:
        """How many of its requests have no answer yet."""
        return self._under_way

    def welcome(self) -> None:
        """Tell who we are and who the members are; again whenever that changes."""
        node, hello = self._node, self._hello
        zones = node.membership.zones
        self._send(
            m.Welcome(
                hello.protocol, node.cluster, node.name, node.addresses(), zones, hello.past,
                self._guard.principal.user,
            )
        )  # fmt: skip

    def members_changed(self) -> None:
        """Tell who the members are now; a node that goes lets the client's replicas go."""
        self.welcome()
        self._guests.look()

    def frames(self, frames: list[bytes]) -> None:
        """Requests came."""
        for frame in frames:
            try:
                request = _request_decoder.decode(frame)
            except (ValueError, RecursionError, PlaitError) as error:
                raise BadFrame(f"not a request: {error}") from None
            if isinstance(request, m.Hello):
                raise BadFrame("a second greeting")
            try:
                self._guard.check(request)
            except PlaitError as error:
                self._refuse(request, error)
            else:
                self._handle(request)

    def _handle(self, request: Any) -> None:
        match request:
            case m.Propose(acks=None):
                self._propose(request)
            case m.Follow() | m.FeedCredit():
                self._feeds.handle(request)
            case m.LinkGraph() | m.GraphSay():
                self._guests.handle(request)
            case m.Cancel():
                self._feeds.handle(request)
                self._guests.cancel(request.id)
            case m.Where(id_, line):
                self._where(id_, line)
            case m.Propose():
                self._start(request.id, self._propose_stricter(request))
            case _:
                noted = self._trail.notes(request)
                work = self._noted(request) if noted else self._answers.answer(request)
                self._start(request.id, work)

    # ------------------------------------------------------------------ the fast path

    def _propose(self, request: m.Propose) -> None:
        """Order a group without a task of its own."""
        if self._under_way >= REQUESTS_MAX:
            self._fail(request.id, Busy(f"{REQUESTS_MAX} requests of this client are under way"))
            return
        try:
            host = self._node.host(request.line)
            self._node.space.check(host, request.group)
            future = host.propose(request.group)
        except PlaitError as error:
            self._fail(request.id, self._node.located(request.line, error))
            return
        self._trail.wrote(self._connection.peer, self._guard.principal, request)
        self._under_way += 1
        began = host.commits.begin()
        future.add_done_callback(partial(self._proposed, request.id, request.line, host, began))

    def _proposed(
        self, id_: int, line: str, host: LineHost, began: float, future: "asyncio.Future[Outcome]"
    ) -> None:
        self._under_way -= 1
        host.commits.end(began, future)
        if future.cancelled():
            self._fail(id_, Indefinite("the node is closing"))
            return
        error = future.exception()
        if isinstance(error, PlaitError):
            self._fail(id_, self._node.located(line, error))
        elif error is not None:
            self._fail(id_, Indefinite(f"{type(error).__name__}: {error}"))
        else:
            self._send(m.Applied.of(id_, future.result(), host.rule()))

    async def _propose_stricter(self, request: m.Propose) -> m.Applied:
        id_, *asked = msgspec.structs.astuple(request)
        taken = True
        try:
            return m.Applied.of(id_, *await self._local.propose_stricter(*asked))
        except PlaitError as error:
            taken = not error.definite
            raise
        finally:
            if taken:
                self._trail.wrote(self._connection.peer, self._guard.principal, request)

    def _where(self, id_: int, line: str) -> None:
        """Say who leads; clients ask it often, to see whether we are still there."""
        try:
            self._send(self._local.where(id_, line))
        except PlaitError as error:
            self._fail(id_, error)

    # ------------------------------------------------------------------ everything else

    def _start(self, id_: int, work: Coroutine[Any, Any, m.Answer]) -> None:
        if self._under_way >= REQUESTS_MAX:
            work.close()
            self._fail(id_, Busy(f"{REQUESTS_MAX} requests of this client are under way"))
            return
        self._under_way += 1
        task = asyncio.get_running_loop().create_task(self._run(id_, work))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _run(self, id_: int, work: Coroutine[Any, Any, m.Answer]) -> None:
        try:
            self._send(await work)
        except PlaitError as error:
            self._fail(id_, error)
        except Exception as error:
            self._node.report(f"a request failed: {type(error).__name__}: {error}", error)
            self._fail(id_, Indefinite(f"{type(error).__name__}: {error}"))
        finally:
            self._under_way -= 1

    async def _noted(self, request: Any) -> m.Answer:
        who = self._connection.peer, self._guard.principal, request
        try:
            answer = await self._answers.answer(request)
        except Exception as error:
            self._trail.ended(*who, error)
            raise
        self._trail.ended(*who, None)
        return answer

    # ------------------------------------------------------------------ answering

    def _send(self, answer: m.Answer) -> None:
        connection = self._connection
        if connection.unsent > self._node.config.limits.client_unsent_bytes_max:
            self.hang_up("the client does not read its answers")
            return
        connection.send(_encoder.encode(answer))

    def _refuse(self, request: Any, error: PlaitError) -> None:
        """A request that may not be made: a transient reason, or a line in the audit log."""
        if isinstance(error, NotAllowed | NotSignedIn):
            self._trail.refused(self._connection.peer, self._guard.principal, request, error)
        self._fail(request.id, error)

    def _fail(self, id_: int, error: PlaitError) -> None:
        self._send(m.Failure(id_, error.code, error.message, error.details))

    def look(self) -> None:
        """Whoever is nobody any more goes, with all that they follow."""
        error = self._guard.void()
        if error is None:
            self._guard.look()
        else:
            self._fail(0, error)
            self.hang_up(error.message)

    def hang_up(self, reason: str) -> None:
        """Close the connection."""
        self._connection.close(reason)

    def closed(self, reason: str) -> None:
        """The client is gone: stop working for it."""
        self._clients.pop(self, None)
        self._feeds.close()
        self._guests.close()
        for task in list(self._tasks):
            task.cancel()
        self._left()


def _nothing() -> None:
    """Nobody has to be told."""
