"""Links to the other members: each node dials every other and speaks only on what it dialled.

Where a link crosses zones, long messages are packed, if the peer said in its welcome that it can
unpack them; so nodes of older programs are spoken to as ever.

A lost connection is dialled again with growing pauses. Messages to a peer without a connection,
or with too much unread, are dropped: the replication core repeats what matters.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import msgspec

from plait.api.messages import PROTOCOL, Failure
from plait.base.codec import FRAME_BYTES_MAX
from plait.base.errors import (
    BadCertificate,
    BadFrame,
    PlaitError,
    VersionMismatch,
    WrongCluster,
)
from plait.base.ports import Clock, Connection, Network, Random
from plait.host.tls import NODE
from plait.line.primary import messages as primary
from plait.line.raft import messages as raft
from plait.line.replication.messages import Checkpointed
from plait.node.audit import AuditReport, CopyWanted
from plait.node.config import NodeConfig
from plait.node.failover import Report
from plait.node.packing import PACK_BYTES_MIN, PACKINGS, ZLIB, Packed, pack, unpack
from plait.node.said import ChainWanted, GraphSaid, TailTold, TailWanted

logger = logging.getLogger("plait.node")

PAUSE_S_MIN = 0.05
PAUSE_S_MAX = 1.0
CONNECT_S = 2.0

_encoder = msgspec.msgpack.Encoder()


class PeerHello(msgspec.Struct, frozen=True, array_like=True, tag=50):
    """First message of a member that dialled another; everything after it is line messages."""

    protocols: tuple[int, ...]
    cluster: str
    node: str
    address: str = ""  # where the dialler is found, for a node that knows nobody yet
    reads: int = 1  # the newest version of records that it can read
    zone: str = ""  # where it was told to be


def greeting(cluster: str, config: NodeConfig, node: str, address: str, reads: int) -> PeerHello:
    """What a node says of itself."""
    return PeerHello(PROTOCOL, cluster, node, address, reads, config.zone)


class PeerWelcome(msgspec.Struct, frozen=True, array_like=True, tag=51):
    """The only message on the way back, unless it is a `Failure`."""

    protocol: int
    node: str
    reads: int = 1  # the newest version of records that it can read
    unpacks: tuple[str, ...] = ()  # packings that it understands


Message: TypeAlias = (
    primary.Message
    | raft.Message
    | Checkpointed
    | Report
    | AuditReport
    | CopyWanted
    | GraphSaid
    | ChainWanted
    | TailWanted
    | TailTold
    | Packed
)

_message_decoder = msgspec.msgpack.Decoder(Message)
_answer_decoder = msgspec.msgpack.Decoder(PeerWelcome | Failure)

Hear = Callable[[str, Message], None]


class IncomingPeer:
    """A connection that a member dialled: what it says about lines."""

    def __init__(self, peer: str, hear: Hear, down: Callable[[str], None]) -> None:
        self._peer = peer
        self._hear = hear
        self._down = down

    def frames(self, frames: list[bytes]) -> None:
        """Messages came."""
        for frame in frames:
            try:
                message = _message_decoder.decode(frame)
                if isinstance(message, Packed):
                    message = _message_decoder.decode(unpack(message.data))
            except (ValueError, RecursionError) as error:
                raise BadFrame(f"member {self._peer} sent no message: {error}") from None
            if isinstance(message, Packed):
                raise BadFrame(f"member {self._peer} packed a message twice")
            self._hear(self._peer, message)

    def closed(self, reason: str) -> None:
        """The member went away; it dials again when it can."""
        self._down(self._peer)


def check_certificate(certified: str | None, peer: str) -> None:
    """Raise `BadCertificate` unless who speaks TLS showed that it is the node `peer`."""
    if certified is not None and certified != NODE + peer:
        shown = certified or "no certificate"
        raise BadCertificate(f"who says to be the node {peer!r} shows {shown}")


def check_peer(hello: PeerHello, cluster: str, retired: tuple[str, ...], written: int) -> None:
    """Raise unless `hello` comes from a node of this cluster that we can talk to.

    Who is a member each line knows for itself: a node that joins is told so by its peers.
    `written` is the version of records that it has to read.
    """
    if hello.cluster != cluster:
        raise WrongCluster(f"this is cluster {cluster!r}, not {hello.cluster!r}")
    if hello.node in retired:
        raise WrongCluster(
            f"{hello.node!r} left cluster {cluster!r}; its name is not used again", left=hello.node
        )
    if not set(hello.protocols) & set(PROTOCOL):
        raise VersionMismatch(f"this node speaks {PROTOCOL}, {hello.node} {hello.protocols}")
    if hello.reads < written:
        raise VersionMismatch(
            f"{hello.node} reads records up to version {hello.reads}, and cluster {cluster!r} "
            f"writes version {written}: upgrade {hello.node}"
        )


class Link:
    """The connection that we dial to one peer, kept up for ever."""

    def __init__(
        self,
        peer: str,
        address: str,
        hello: PeerHello,
        network: Network,
        clock: Clock,
        random: Random,
        up: Callable[[str], None],
        down: Callable[[str], None],
        unsent_bytes_max: int,
        crosses: Callable[[], bool] = lambda: False,
    ) -> None:
        self.peer, self.address = peer, address
        self.refused: str | None = None  # why the peer does not want us
        self.left = False  # the peer says that we are a member no more
        self.reads = 1  # the version of records that the peer said it can read
        self.dropped = 0  # messages that found no way
        self.said_bytes = 0  # messages as they are
        self.sent_bytes = 0  # and as they went, some packed
        self._hello = hello
        self._network, self._clock, self._random = network, clock, random
        self._up = up
        self._down = down
        self._unsent_bytes_max = unsent_bytes_max
        self._crosses = crosses  # whether the peer is in another zone
        self._unpacks: tuple[str, ...] = ()
        self._connection: Connection | None = None
        self._welcomed = False
        self._lost = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep_up())

    @property
    def up(self) -> bool:
        """Whether messages can go now."""
        return self._welcomed

    def send(self, message: Message) -> None:
        """Send, or drop if there is no way."""
        connection = self._connection
        if not self._welcomed or connection is None or connection.unsent > self._unsent_bytes_max:
            self.dropped += 1
            return
        frame = _encoder.encode(message)
        self.said_bytes += len(frame)
        if len(frame) >= PACK_BYTES_MIN and ZLIB in self._unpacks and self._crosses():
            data = pack(frame)
            frame = frame if data is None else _encoder.encode(Packed(data))
        self.sent_bytes += len(frame)
        connection.send(frame)

    async def _keep_up(self) -> None:
        pause = PAUSE_S_MIN
        while True:
            self._lost.clear()
            try:
                connection = await self._dial()
            except BadCertificate as error:
                self._distrusted(error)
            except PlaitError:
                pass
            else:
                self._connection = connection
                connection.send(_encoder.encode(self._hello))
                began = self._clock.monotonic()
                await self._lost.wait()
                self._connection, self._welcomed = None, False
                self._down(self.peer)
                if self._clock.monotonic() - began > PAUSE_S_MAX:
                    pause = PAUSE_S_MIN
            await asyncio.sleep(pause * self._random.uniform(0.75, 1.25))
            pause = min(pause * 1.6, PAUSE_S_MAX)

    async def _dial(self) -> Connection:
        connection = await self._network.connect(self.address, self._accept, CONNECT_S)
        try:
            check_certificate(connection.certified, self.peer)
        except BadCertificate as error:
            connection.close(error.message)
            raise
        return connection

    def _distrusted(self, error: BadCertificate) -> None:
        """No TLS with it: said once, and shown for as long as it is so."""
        if self.refused != error.message:
            logger.error("no connection to %s: %s", self.peer, error.message)
        self.refused = error.message

    def _accept(self, connection: Connection) -> "_Outgoing":
        return _Outgoing(connection, self._answered, partial(self._closed, connection))

    def _answered(self, connection: Connection, answer: PeerWelcome | Failure) -> None:
        if connection is not self._connection:  # nobody has seen yet whose certificate it is
            raise BadFrame(f"{self.peer} answers before it was greeted")
        if isinstance(answer, Failure):
            self.refused = answer.message
            self.left = "left" in answer.details
            connection.close(answer.message)
            return
        self.refused, self.left = None, False
        self.reads, self._unpacks = answer.reads, answer.unpacks
        self._welcomed = True
        self._up(self.peer)

    def _closed(self, connection: Connection, reason: str) -> None:
        if isinstance(connection.refusal, BadCertificate):
            self._distrusted(connection.refusal)
        self._lost.set()

    async def close(self) -> None:
        """Hang up and stop dialling."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            self._connection.close("this node is closing")


class _Outgoing:
    """Our end of a link: hears the welcome and nothing else."""

    def __init__(
        self,
        connection: Connection,
        answered: Callable[[Connection, PeerWelcome | Failure], None],
        closed: Callable[[str], None],
    ) -> None:
        self._connection = connection
        self._answered = answered
        self._on_closed = closed

    def frames(self, frames: list[bytes]) -> None:
        """The welcome came."""
        for frame in frames:
            try:
                answer = _answer_decoder.decode(frame)
            except (ValueError, RecursionError) as error:
                raise BadFrame(f"not a welcome: {error}") from None
            self._answered(self._connection, answer)

    def closed(self, reason: str) -> None:
        """The link is down."""
        self._on_closed(reason)


def accept_peer(
    connection: Connection,
    hello: PeerHello,
    me: str,
    reads: int,
    hear: Hear,
    down: Callable[[str], None],
) -> IncomingPeer:
    """Welcome a member that was checked."""
    connection.frame_bytes_max = FRAME_BYTES_MAX
    protocol = max(set(hello.protocols) & set(PROTOCOL))
    connection.send(_encoder.encode(PeerWelcome(protocol, me, reads, PACKINGS)))
    return IncomingPeer(hello.node, hear, down)
