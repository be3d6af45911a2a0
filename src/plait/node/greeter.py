"""The first frame of a connection, which says who is there: a member, or a client and who that is.

Invariant: nobody who is refused hears more than why. A client whose token has to be compared is
answered when that is done; it has nothing to say before the welcome.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from plait.api import messages as m
from plait.base.codec import FRAME_BYTES_MAX, encode
from plait.base.errors import (
    BadCertificate,
    BadFrame,
    FolderInUse,
    PlaitError,
    Unavailable,
    VersionMismatch,
    WrongCluster,
)
from plait.base.ports import Connection, Receiver
from plait.node.node import Node
from plait.node.peers import PeerHello, accept_peer, check_certificate, check_peer
from plait.node.rights import Principal
from plait.node.trail import Trail

_greeting_decoder = msgspec.msgpack.Decoder(m.Hello | PeerHello)


class Accepted(NamedTuple):
    """A client that is let in."""

    protocol: int
    principal: Principal
    past: str  # the store as it was that it wants to read; "": the present


Welcome = Callable[[Connection, Accepted], Receiver]


class Greeter:
    """A connection until its first frame has told what it is."""

    def __init__(self, node: Node, connection: Connection, welcome: Welcome, trail: Trail) -> None:
        self._trail = trail
        self._node = node
        self._welcome_client = welcome
        self._connection = connection
        self._successor: Receiver | None = None
        self._signing_in: asyncio.Task[None] | None = None

    def frames(self, frames: list[bytes]) -> None:
        """The greeting, and perhaps more behind it; nobody sends more before the answer."""
        if self._signing_in is not None and self._successor is None:
            raise BadFrame("a request before the welcome")
        if self._successor is None:
            self._successor = self._greet(frames[0])
            frames = frames[1:]
        if frames and self._successor is not None:
            self._successor.frames(frames)

    def _greet(self, frame: bytes) -> Receiver | None:
        try:
            greeting = _greeting_decoder.decode(frame)
        except (ValueError, RecursionError) as error:
            raise BadFrame(f"not a greeting: {error}") from None
        node = self._node
        try:
            if isinstance(greeting, PeerHello):
                versions = node.versions
                check_certificate(self._connection.certified, greeting.node)
                check_peer(greeting, node.cluster, node.membership.retired, versions.enabled)
                if greeting.node == node.name:
                    raise FolderInUse(f"{node.name} runs here: who greets is a copy of it")
                versions.note(greeting.node, greeting.reads)
                node.zones.note(greeting.node, greeting.zone)
                node.meet(greeting.node, greeting.address)
                return accept_peer(
                    self._connection, greeting, node.name, versions.reads, node.hear,
                    node.peer_down,
                )  # fmt: skip
            protocol = self._check(greeting)
            if greeting.token and node.rights.on:
                work = self._sign_in(greeting, protocol)
                self._signing_in = asyncio.get_running_loop().create_task(work)
                return None
            principal = node.rights.without_token(
                self._connection.certified, has_token=bool(greeting.token)
            )
            return self._welcome(Accepted(protocol, principal, greeting.past))
        except PlaitError as error:
            self._refuse(greeting, error)
            return None

    async def _sign_in(self, hello: m.Hello, protocol: int) -> None:
        try:
            principal = await self._node.rights.by_token(hello.token)
            self._successor = self._welcome(Accepted(protocol, principal, hello.past))
        except PlaitError as error:
            self._refuse(hello, error)
        except Exception as error:  # it would wait for ever
            self._node.report(f"a sign-in failed: {type(error).__name__}: {error}", error)
            self._refuse(hello, Unavailable("this sign-in failed here"))

    def _refuse(self, greeting: m.Hello | PeerHello, error: PlaitError) -> None:
        name = greeting.node if isinstance(greeting, PeerHello) else greeting.name
        self._trail.turned_away(self._connection.peer, name, error)
        failure = m.Failure(0, error.code, error.message, error.details)
        self._connection.send(encode(failure))
        self._connection.close(error.message)

    def _check(self, hello: m.Hello) -> int:
        """The protocol to speak; raises why there is none."""
        node = self._node
        if hello.cluster and hello.cluster != node.cluster:
            raise WrongCluster(f"this is cluster {node.cluster!r}, not {hello.cluster!r}")
        common = set(hello.protocols) & set(m.PROTOCOL)
        if not common:
            raise VersionMismatch(f"this node speaks {m.PROTOCOL}, the client {hello.protocols}")
        if self._connection.certified == "" and not (hello.token and node.rights.on):
            raise BadCertificate("this node wants a certificate: give one and its key (--tls-cert)")
        return max(common)

    def _welcome(self, accepted: Accepted) -> Receiver:
        successor = self._welcome_client(self._connection, accepted)
        self._connection.frame_bytes_max = FRAME_BYTES_MAX
        return successor

    def closed(self, reason: str) -> None:
        """Pass on."""
        if self._signing_in is not None:
            self._signing_in.cancel()
        if self._successor is not None:
            self._successor.closed(reason)
