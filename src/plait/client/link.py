"""A link: one connection to one node, after its handshake; requests out, answers in.

Invariant: every request gets exactly one end: its answer, its `Failure` as an error, or
`Unavailable` when the link is lost or silent. Feeds get many answers, and one such end.

A node that says nothing for `silence_s` although it was asked counts as lost: a stopped process
or a dead network path keeps a TCP connection open for many minutes. While anything is
outstanding, a quiet node is pinged, so that slow answers are told from no node.

Absent: retries and choosing nodes; see `cluster`.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from plait.api.messages import (
    PROTOCOL,
    Answer,
    Applied,
    Failure,
    Feed,
    GraphOpened,
    Graphs,
    GraphSaid,
    Hello,
    ListGraphs,
    ListTables,
    Located,
    MachineOpened,
    OpenDropped,
    OpenGraph,
    OpenMachine,
    OpenTable,
    Propose,
    Read,
    ReadReply,
    Result,
    TableOpened,
    Tables,
    Welcome,
    Where,
)
from plait.base.codec import FRAME_BYTES_MAX, encode
from plait.base.error_codes import from_code
from plait.base.errors import (
    BadFrame,
    PlaitError,
    Unavailable,
    VersionMismatch,
    WrongCluster,
)
from plait.base.ports import Connection, Network
from plait.client.limits import ClientLimits

_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_RTT_WEIGHT = 0.25  # of the newest measurement in the smoothed one

# What answers each request that is asked for one answer; all others get a `Result`.
ANSWERED_BY: dict[Any, type[Answer]] = {
    OpenMachine: MachineOpened,
    OpenTable: TableOpened,
    OpenDropped: TableOpened,
    OpenGraph: GraphOpened,
    ListGraphs: Graphs,
    ListTables: Tables,
    Propose: Applied,
    Read: ReadReply,
    Where: Located,
}

Outcome = Callable[[Answer | PlaitError], None]


class Link:
    """A connection to one node. `ask` for one answer, `request` for a callback."""

    def __init__(self, address: str, limits: ClientLimits, lost: Callable[["Link"], None]) -> None:
        self.address = address
        self.welcome: Welcome | None = None
        self.rtt_s: float | None = None  # smoothed; None until measured
        self.on_welcome: Callable[[Welcome], None] = lambda welcome: None  # a later one: news
        self._limits = limits
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._welcomed: asyncio.Future[Welcome] = self._loop.create_future()
        self._outstanding: dict[int, Outcome] = {}
        self._last_id = 0
        self._heard_at = self._loop.time()
        self._pinged_at = 0.0
        self._watch_timer: asyncio.TimerHandle | None = None
        self._closed: str | None = None

    @staticmethod
    async def open(
        network: Network,
        address: str,
        cluster: str,
        name: str,
        limits: ClientLimits,
        lost: Callable[["Link"], None],
        token: str = "",
        past: str = "",
    ) -> "Link":
        """Connect and shake hands, or raise why not."""
        link = Link(address, limits, lost)
        try:
            async with asyncio.timeout(limits.connect_s):
                connection = await network.connect(address, link._accept, limits.connect_s)
                sent_at = link._loop.time()
                connection.send(encode(Hello(PROTOCOL, cluster, name, token, past)))
                welcome = await link._welcomed
                link.rtt_s = link._loop.time() - sent_at
        except TimeoutError:
            link.close("no handshake in time")
            raise Unavailable(f"{address} said no welcome within {limits.connect_s:g} s") from None
        except BaseException:
            link.close("the handshake failed")
            raise
        if cluster and welcome.cluster != cluster:
            link.close("another cluster")
            raise WrongCluster(f"{address} belongs to {welcome.cluster!r}, not to {cluster!r}")
        if welcome.protocol not in PROTOCOL:
            link.close("no common protocol")
            raise VersionMismatch(f"{address} wants protocol {welcome.protocol}")
        if past and welcome.past != past:
            link.close("another moment")
            raise VersionMismatch(f"{address} does not know how to serve the past")
        link.welcome = welcome
        connection.frame_bytes_max = FRAME_BYTES_MAX
        link._ping()
        return link

    @property
    def node(self) -> str:
        """The node's name; its address until it has said it."""
        return self.welcome.node if self.welcome else self.address

    @property
    def tells_past(self) -> bool:
        """Whether the node knows requests for the store as it was, and for copies of it."""
        return self.welcome is not None and self.welcome.past is not None

    @property
    def live(self) -> bool:
        """True while requests can be sent."""
        return self._closed is None and self.welcome is not None

    def request(self, outcome: Outcome, kind: Callable[..., Any], *fields: Any) -> int:
        """Send ``kind(id, *fields)``; `outcome` is called with each answer, or one error.

        Returns the id. On a lost link nothing is sent and `outcome` is called at once.
        """
        self._last_id = request_id = self._last_id + 1
        if self._closed is not None or self._connection is None:
            outcome(Unavailable(f"the connection to {self.node} is lost: {self._closed}"))
            return request_id
        if self._watch_timer is None:
            self._heard_at = self._loop.time()
            self._watch_timer = self._loop.call_later(self._limits.silence_s / 4, self._watch)
        self._outstanding[request_id] = outcome
        self._connection.send(encode(kind(request_id, *fields)))
        return request_id

    async def ask(
        self, kind: Callable[..., Any], *fields: Any, timeout_s: float | None = None
    ) -> Any:
        """Send ``kind(id, *fields)`` and return its answer, or raise its failure."""
        future: asyncio.Future[Answer] = self._loop.create_future()

        def outcome(answer: Answer | PlaitError) -> None:
            if future.done():
                return
            if isinstance(answer, PlaitError):
                future.set_exception(answer)
            else:
                future.set_result(answer)

        request_id = self.request(outcome, kind, *fields)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await future
        except TimeoutError:
            raise Unavailable(f"{self.node} did not answer within {timeout_s:g} s") from None
        finally:
            self.forget(request_id)
        if not isinstance(answer, ANSWERED_BY.get(kind, Result)):
            raise BadFrame(f"{self.node} answered {kind} with {type(answer).__name__}")
        return answer

    def measure(self) -> None:
        """Measure the round trip again, unless that was done a moment ago."""
        if self._loop.time() - self._pinged_at > self._limits.silence_s:
            self._ping()

    def tell(self, message: msgspec.Struct) -> None:
        """Send something that is not answered."""
        if self._connection is not None and self._closed is None:
            self._connection.send(encode(message))

    def forget(self, request_id: int) -> None:
        """Ignore whatever comes for this request from now on."""
        self._outstanding.pop(request_id, None)

    def close(self, reason: str = "closed by the client") -> None:
        """Close; everything outstanding fails."""
        if self._connection is not None:
            self._connection.close(reason)
        self._end(reason)

    # --------------------------------------------------------------- the connection's side

    def _accept(self, connection: Connection) -> "Link":
        self._connection = connection
        return self

    def frames(self, frames: list[bytes]) -> None:
        """Receiver: answers came."""
        self._heard_at = self._loop.time()
        outstanding = self._outstanding
        for frame in frames:
            try:
                answer = _decoder.decode(frame)
            except (ValueError, RecursionError) as error:
                raise BadFrame(f"{self.node} sent no legal answer: {error}") from None
            if isinstance(answer, Welcome):
                if self._welcomed.done():
                    self.on_welcome(answer)
                else:
                    self._welcomed.set_result(answer)
            elif isinstance(answer, Feed | GraphSaid):
                outcome = outstanding.get(answer.id)
                if outcome is not None:
                    outcome(answer)
            elif isinstance(answer, Failure):
                self._failed(answer)
            else:
                outcome = outstanding.pop(answer.id, None)
                if outcome is not None:
                    outcome(answer)

    def closed(self, reason: str) -> None:
        """Receiver: the connection ended."""
        self._end(reason)

    def _failed(self, failure: Failure) -> None:
        error = from_code(failure.code, failure.message, failure.details)
        if failure.id == 0:  # an answer to Hello
            if not self._welcomed.done():
                self._welcomed.set_exception(error)
            return
        outcome = self._outstanding.pop(failure.id, None)
        if outcome is not None:
            outcome(error)

    def _end(self, reason: str) -> None:
        if self._closed is not None:
            return
        self._closed = reason
        if self._watch_timer is not None:
            self._watch_timer.cancel()
        if not self._welcomed.done():
            broken = None if self._connection is None else self._connection.refusal
            hung_up = Unavailable(f"{self.address} hung up: {reason}")
            self._welcomed.set_exception(broken or hung_up)
            self._welcomed.exception()  # whoever opens may have left
        self._lost(self)
        outstanding, self._outstanding = self._outstanding, {}
        for outcome in outstanding.values():
            outcome(Unavailable(f"the connection to {self.node} was lost: {reason}"))

    # ------------------------------------------------------------------------- liveness

    def _ping(self) -> None:
        self._pinged_at = sent_at = self._loop.time()

        def measured(answer: Answer | PlaitError) -> None:
            if self._closed is None:  # a refusal took as long as an answer
                took_s = self._loop.time() - sent_at
                known = self.rtt_s
                self.rtt_s = took_s if known is None else known + _RTT_WEIGHT * (took_s - known)

        self.request(measured, Where, "")

    def _watch(self) -> None:
        self._watch_timer = None
        if not self._outstanding or self._closed is not None:
            return
        quiet_s = self._loop.time() - self._heard_at
        if quiet_s > self._limits.silence_s:
            self.close(f"{self.node} said nothing for {quiet_s:.1f} s")
            return
        self._watch_timer = self._loop.call_later(self._limits.silence_s / 4, self._watch)
        if quiet_s > self._limits.silence_s / 3:
            self._ping()
