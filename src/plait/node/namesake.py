"""A folder that was copied must not run beside its original: two nodes of one name would both vote.

The lock on a folder keeps a second process out of that folder, not out of a copy. So a node that is
to listen elsewhere than where the others find it asks there first, before it says anything to any
of them; if a node of its own name and cluster answers, this one is the copy. It greets as a member
does, so it needs no rights.

Absent: finding out when the original does not answer at the moment. A copy that runs alone is
harmless meanwhile: the others answer to the known address only, so nobody elects it.
"""

import asyncio
import contextlib

import msgspec

from plait.api.messages import Failure
from plait.base.errors import FolderInUse, PlaitError
from plait.base.ports import Connection, Network
from plait.node.peers import PeerHello, PeerWelcome

ASK_S = 1.0

_decoder = msgspec.msgpack.Decoder(PeerWelcome | Failure)


class _Asked:
    """Waits for the first word of whoever is there."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[PeerWelcome | Failure | None] = (
            asyncio.get_running_loop().create_future()
        )

    def frames(self, frames: list[bytes]) -> None:
        """The answer to our greeting."""
        try:
            said = _decoder.decode(frames[0])
        except (ValueError, RecursionError):
            said = None
        if not self.answer.done():
            self.answer.set_result(said)

    def closed(self, reason: str) -> None:
        """Nobody who would say who it is."""
        if not self.answer.done():
            self.answer.set_result(None)


async def refuse_namesake(network: Network, address: str, hello: PeerHello) -> None:
    """Raise `FolderInUse` if the node that `hello` is of runs at `address` already."""
    asked = _Asked()
    connection: Connection | None = None
    said = None
    with contextlib.suppress(PlaitError, TimeoutError):
        async with asyncio.timeout(ASK_S):
            connection = await network.connect(address, lambda _: asked, ASK_S)
            connection.send(msgspec.msgpack.encode(hello))
            said = await asked.answer
    if connection is not None:
        connection.close("it was only asked who is there")
    itself = isinstance(said, Failure) and said.code == FolderInUse.__name__
    if itself or (isinstance(said, PeerWelcome) and said.node == hello.node):
        raise FolderInUse(
            f"{hello.node} runs at {address} already, so this folder is a copy of its: stop that "
            "one, or let a new node join with an empty folder",
            node=hello.node,
        )
