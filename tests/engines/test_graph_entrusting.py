"""A guest's flush returns when a peer has on disk what was written, and never before."""

import asyncio
from typing import Any

from graph_replicas import Wire, opened, put, same, title, until

from plait.engines.graph import Replica
from plait.host.memory_storage import MemoryStorage


async def linked() -> tuple[Replica, Replica, Wire]:
    """A node, and a guest of it that may write."""
    node = await opened(MemoryStorage(), "node")
    guest = await opened(MemoryStorage(), "client", founds=False, guest=True)
    wire = Wire(node, guest)
    await guest.ready(10.0)
    return node, guest, wire


async def flush_begun(guest: Replica) -> asyncio.Future[None]:
    """A flush that has had time to end, were there nothing to wait for."""
    flush = asyncio.ensure_future(guest.flush())
    await asyncio.sleep(0.05)
    return flush


async def ends_linked(flush: asyncio.Future[None], node: Replica, guest: Replica) -> None:
    """A flush ends once there is a connection, and the node has what was written alone."""
    Wire(node, guest)
    async with asyncio.timeout(10.0):
        await flush
    assert title(node, "k") == "alone"
    await closed(node, guest)


async def closed(*replicas: Replica) -> None:
    for replica in replicas:
        await replica.close()


async def test_what_a_guest_wrote_is_at_the_node_when_flush_returns():
    node, guest, wire = await linked()
    put(guest, "k", "written")
    async with asyncio.timeout(10.0):
        await guest.flush()
    assert title(node, "k") == "written"
    wire.cut()
    put(guest, "k", "alone")
    flush = await flush_begun(guest)
    assert not flush.done()
    await ends_linked(flush, node, guest)


async def test_a_guest_that_goes_on_under_a_fresh_id_has_not_handed_over_what_the_old_one_wrote():
    node, guest, wire = await linked()
    await same(node, guest)
    wire.cut()
    put(guest, "k", "alone")
    flush = await flush_begun(guest)
    deaf = _Deaf(guest)
    guest.restart("as if somebody used its id", trusted=True)
    guest._conditions.look()
    await asyncio.sleep(0.05)
    assert not flush.done()
    deaf.unlink()
    await ends_linked(flush, node, guest)


async def test_a_guest_that_was_retired_meanwhile_flushes_what_is_written_anew():
    node, guest, wire = await linked()
    put(guest, "k", "early")
    await guest.flush()
    await same(node, guest)
    wire.cut()
    old = guest.replica
    node.say((node.parts.scope.retire(old),))
    put(guest, "k", "alone")
    put(guest, "other", "alone too")
    flush = await flush_begun(guest)
    Wire(node, guest)
    async with asyncio.timeout(20.0):
        await flush
    assert guest.replica != old
    assert (title(node, "k"), title(node, "other")) == ("alone", "alone too")
    await until(lambda: guest.parts.scope.writable)
    await closed(node, guest)


class _Deaf:
    """A node that takes the connection and says nothing."""

    def __init__(self, guest: Replica) -> None:
        self._guest = guest
        self.said: list[Any] = []
        guest.linked("deaf", self.said.append)

    def unlink(self) -> None:
        self._guest.unlinked("deaf")
