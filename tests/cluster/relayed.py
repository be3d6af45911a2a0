"""Documents for stores that meet through a relay, and how long they take."""

import asyncio
import time
from collections.abc import Callable

import plait
from plait import Ask, Counter, Document, Register, Text
from plait.base.errors import Unavailable

NATS = "nats://user:secret@one:4222"


class Note(Document):
    title = Register(str)
    owner = Register(str, resolve=Ask())
    likes = Counter()
    body = Text()


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> float:
    """Wait for something; how long it took."""
    started = time.monotonic()
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.002)
    return time.monotonic() - started


async def joined(store: plait.Store, name: str = "notes") -> plait.Documents:
    """The notes, once another store's have arrived."""
    async with asyncio.timeout(10.0):
        while not any(info.name == name for info in await store.collections()):
            await asyncio.sleep(0.01)
        while True:
            try:
                return await store.documents(name, Note)
            except Unavailable:
                continue
