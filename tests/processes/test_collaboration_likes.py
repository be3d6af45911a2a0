"""A like counter under three writers, while nodes and writers are killed: what was said to be kept
is counted, and nothing is counted twice.

Each like is one batch of two counters: the post's, and the one of who likes it. So the total can be
told apart by writers, and half a batch would show.
"""

import asyncio
import contextlib
from pathlib import Path

import pytest
from collaboration_device import Device, Gone
from collaboration_nodes import Office, until


class Writer:
    """A client process that likes and likes, and what it was told is on a node's disk."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.flushed = 0
        self.tried = 0
        self._device = Device(name, "posts", url)
        self._task: asyncio.Task[None] | None = None
        self._stop = False

    async def begin(self) -> "Writer":
        await self._device.start()
        self._task = asyncio.create_task(self._like())
        return self

    async def _like(self) -> None:
        while not self._stop:
            self.tried += 1
            await self._device.do(
                "with docs['post'].change():\n"
                "    docs['post'].likes += 1\n"
                f"    docs['post'].liked_by[{self.name!r}] += 1"
            )
            self.flushed += 1

    async def some(self, count: int = 10) -> None:
        """Return when so many more likes were flushed."""
        target = self.flushed + count
        await until(lambda: self.flushed >= target)

    async def restart(self) -> None:
        """kill -9, most likely in the middle of a like, and start again."""
        assert self._task is not None
        await self._device.kill()
        with contextlib.suppress(Gone):
            await self._task
        await self.begin()

    async def end(self) -> None:
        """End between two likes."""
        assert self._task is not None
        self._stop = True
        await self._task
        await self._device.leave()


@pytest.fixture
async def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr("plait.client.guest.LEAVE_S", 0.1)  # there is no node left to say it to
    nodes = await Office(tmp_path).begin()
    yield nodes
    await nodes.end()


async def test_every_flushed_like_is_counted_once_whoever_is_killed(office: Office) -> None:
    info = await office.create("posts")
    reader = await office.person("Zoe", "n2", "posts")
    ann, bob, eve = [await Writer(name, office.url).begin() for name in ("ann", "bob", "eve")]
    for victim in ("n1", "n2", "n3"):
        await asyncio.gather(*(writer.some() for writer in (ann, bob, eve)))
        await asyncio.gather(office.restart(victim), eve.restart())
    office.isolate("n2")
    await asyncio.gather(*(writer.some() for writer in (ann, bob, eve)))
    office.heal()
    await asyncio.gather(*(writer.end() for writer in (ann, bob, eve)))
    await office.settled("posts")
    post = reader.docs["post"].to_dict()
    assert post["liked_by"]["ann"] == ann.flushed
    assert post["liked_by"]["bob"] == bob.flushed
    assert eve.flushed <= post["liked_by"]["eve"] <= eve.tried
    assert post["likes"] == sum(post["liked_by"].values())
    await office.same_bytes(info)
