"""Refused edits at the engine: a node's replica, a guest's, and what either keeps."""

import asyncio

import pytest
from graph_replicas import TITLE, Wire, opened, put, same, title, until

from plait.base.errors import Busy, NotAllowed
from plait.engines.graph import Replica
from plait.host.memory_storage import MemoryDisk, MemoryStorage

LIKES = ("c:likes",)
BODY = ("x:body",)


class Ours:
    """May write what is ours."""

    name = "client/ann"
    everything = False

    def __init__(self) -> None:
        self.prefixes: tuple[str, ...] = ("ours/",)

    def refuses(self, key: str) -> str | None:
        return None if key.startswith(self.prefixes) else "ann lacks write on notes"


class Link(Wire):
    """A node and its guest."""

    def __init__(self, node: Replica, guest: Replica, warrant: Ours) -> None:
        self.ends = {"one": node, "other": guest}
        self.alive = True
        node.linked(f"w{id(self)}", self._say("other"), warrant)
        guest.linked(f"w{id(self)}", self._say("one"))


async def guest_of(node: Replica, warrant: Ours) -> tuple[Replica, Link]:
    guest = await opened(MemoryStorage(), "client", founds=False, guest=True)
    link = Link(node, guest, warrant)
    await guest.ready(10.0)
    return guest, link


async def test_a_guest_keeps_what_was_refused_and_can_do_it_again():
    node = await opened(MemoryStorage())
    put(node, "theirs/a", "there")
    warrant = Ours()
    guest, link = await guest_of(node, warrant)
    await until(lambda: title(guest, "theirs/a") == "there")
    put(guest, "theirs/a", "mine")
    guest.mutate("theirs/a", LIKES, ("add", 3))
    guest.mutate("theirs/a", BODY, ("insert", 0, "hello"))
    with pytest.raises(NotAllowed, match="1 edits of documents 'notes' were refused"):
        await guest.flush()
    await guest.flush()
    await until(lambda: title(guest, "theirs/a") == "there")
    (refusal,) = guest.refused()
    assert [op.path for op in refusal.ops] == [TITLE, LIKES, BODY]
    warrant.prefixes = ("",)
    guest.again(refusal.number)
    await guest.flush()
    assert title(node, "theirs/a") == "mine"
    assert node.object("theirs/a", BODY).text() == "hello"
    await same(node, guest)
    link.cut()
    await guest.close()
    await node.close()


async def test_a_document_is_not_written_while_it_is_rolled_back():
    node = await opened(MemoryStorage())
    put(node, "theirs/a", "there")
    guest, link = await guest_of(node, Ours())
    await until(lambda: title(guest, "theirs/a") == "there")
    guest.parts.scope.voids.unclean["theirs/a"] = None
    guest.writer.watch()
    with pytest.raises(Busy):
        put(guest, "theirs/a", "mine")
    put(guest, "ours/a", "fine")
    await until(lambda: not guest.parts.scope.voids.unclean)  # it is asked for
    put(guest, "theirs/a", "mine")
    link.cut()
    await guest.close()
    await node.close()


async def test_a_node_that_was_killed_refuses_what_it_had_refused():
    disk = MemoryDisk()
    storage = MemoryStorage(disk)
    node = await opened(storage)
    guest, link = await guest_of(node, Ours())
    put(guest, "theirs/a", "mine")
    put(guest, "ours/a", "fine")
    with pytest.raises(NotAllowed):
        await guest.flush()
    link.cut()
    storage.crash()
    again = await opened(MemoryStorage(disk))
    assert title(again, "theirs/a") is None
    assert title(again, "ours/a") == "fine"
    link = Link(again, guest, Ours())
    await same(again, guest)
    assert len(guest.refused()) == 1
    link.cut()
    await guest.close()
    await again.close()


async def test_the_past_never_shows_what_was_refused():
    node = await opened(MemoryStorage(), history="forever")
    put(node, "theirs/a", "there")
    guest, link = await guest_of(node, Ours())
    await until(lambda: title(guest, "theirs/a") == "there")
    put(guest, "theirs/a", "mine")
    with pytest.raises(NotAllowed):
        await guest.flush()
    await until(lambda: title(guest, "theirs/a") == "there")
    link.cut()
    node.say((node.parts.scope.retire(guest.replica),))
    node.parts.fold()
    assert not node.parts.scope.voids.known, "everybody who counts has seen it"
    assert title_of(node.past(node.vector, None), "theirs/a") == "there"
    assert all(op.body != ["mine"] for past in node.history("theirs/a") for op in past.ops)
    await guest.close()
    await node.close()


def title_of(view, key):
    state = view.object(key, TITLE)
    return max(cell for cells in state.slots.values() for cell in cells.values())[1]


async def test_a_guest_that_closes_with_refused_edits_says_goodbye_all_the_same():
    node = await opened(MemoryStorage())
    guest, link = await guest_of(node, Ours())
    put(guest, "theirs/a", "mine")
    await asyncio.wait_for(guest.leave(), 5)
    await until(lambda: not node.parts.scope.members.is_member(guest.replica))
    link.cut()
    await guest.close()
    await node.close()
