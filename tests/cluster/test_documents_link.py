"""A replica elsewhere is linked through a store, as a browser's is: `Store.link_documents`."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members

import plait
from plait import Counter, Document, Register
from plait.api.documents import Documents
from plait.api.port import DocumentsLink
from plait.api.store import Store
from plait.base.errors import NoSuchCollection, PlaitError
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.clock import SystemClock
from plait.host.memory_storage import MemoryStorage


class Note(Document):
    title = Register(str)
    likes = Counter()


class Browser:
    """A guest's replica, and its link through a store."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.link: DocumentsLink
        self.begun = 0
        self.ended: asyncio.Future[PlaitError] = asyncio.get_running_loop().create_future()

    @staticmethod
    async def open(store: Store, name: str) -> "Browser":
        info = next(info for info in await store.collections() if info.name == name)
        options = GraphOptions(
            name=info.name, lineage=info.lineage, founder=info.founder, founds=False,
            node="browser", guest=True, founder_node=info.node,
        )  # fmt: skip
        replica = await open_replica(options, MemoryStorage(), SystemClock(), random.Random())
        browser = Browser(replica)
        browser.link = await store.link_documents(name, browser.hear, browser.ended.set_result)
        assert browser.link.info == info
        assert not browser.begun, "nothing is told before the link is in hand"
        await replica.ready(10.0)
        return browser

    def hear(self, data: bytes) -> None:
        if data:
            self.replica.received("node", data)
        else:
            self.begun += 1
            self.replica.linked("node", self.link.say)

    def notes(self) -> Documents[Note]:
        return Documents(self.replica, Note, None)

    async def close(self) -> None:
        self.link.close()
        await self.replica.close()


async def both_ways(store: Store, browser: Browser) -> None:
    notes = await store.documents("notes", Note)
    notes["n1"].title = "from the store"
    browser.notes()["n2"].title = "from the browser"
    async with asyncio.timeout(10):
        while "n2" not in notes or "n1" not in browser.notes():
            await asyncio.sleep(0.01)
    assert notes["n2"].title == "from the browser"
    assert browser.notes()["n1"].title == "from the store"


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Store]:
    async with plait.open(tmp_path / "d") as store:
        yield store


async def test_a_guest_of_a_store_in_this_process_reads_and_writes(embedded: Store) -> None:
    await embedded.documents("notes", Note)
    browser = await Browser.open(embedded, "notes")
    await both_ways(embedded, browser)
    assert browser.begun == 1
    await browser.close()
    browser.link.say(b"nonsense")  # nobody hears it


async def test_a_guest_of_a_store_over_the_network_reads_and_writes(members: Members) -> None:
    async with plait.connect(members.url) as store:
        await store.documents("notes", Note)
        browser = await Browser.open(store, "notes")
        await both_ways(store, browser)
        assert store.here.node in members.addresses
        await browser.close()


async def test_a_guest_that_talks_nonsense_hears_why_its_link_ended(embedded: Store) -> None:
    await embedded.documents("notes", Note)
    browser = await Browser.open(embedded, "notes")
    browser.link.say(b"\x00nonsense")
    error = await asyncio.wait_for(browser.ended, 5)
    assert error.code == "BadFrame"
    browser.link.say(b"\x00nonsense")  # the link has ended: nobody hears it
    await browser.close()


async def test_a_collection_that_is_not_there_cannot_be_linked(embedded: Store) -> None:
    with pytest.raises(NoSuchCollection):
        await embedded.link_documents("absent", lambda data: None, lambda error: None)
