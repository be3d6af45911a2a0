"""Stores that meet in the log of a shared engine, live and never at once, on a twin of it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from members import Members
from relayed import NATS, Note, joined, until
from twin_servers import servers

import plait
import plait.blocking
from plait.base.errors import BadSettings, Unavailable
from plait.sim.twin import TwinServer

NAME = "family"

__all__ = ["servers"]


@asynccontextmanager
async def syncing(path: Path, url: str = NATS) -> AsyncIterator[plait.Store]:
    """A store that is synced through the relay while it is open."""
    async with plait.open(path) as store:
        await store.sync_through(url, name=NAME, every_s=0.1)
        yield store


async def test_an_edit_reaches_another_store_at_once(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with syncing(tmp_path / "a") as one, syncing(tmp_path / "b") as two:
        ann = await one.documents("notes", Note)
        ann["n1"].likes += 1
        bob = await joined(two)
        await until(lambda: bob["n1"].likes == 1)
        took = []
        for turn in range(10):
            ann["n1"].likes += 1
            took.append(await until(lambda t=turn: bob["n1"].likes == 2 + 2 * t))
            bob["n1"].likes += 1
            took.append(await until(lambda t=turn: ann["n1"].likes == 3 + 2 * t))
        assert sorted(took)[10] < 0.25  # a hundredth of a second, on a machine that is idle


async def test_three_stores_on_three_addresses_of_one_engine_type_into_one_text(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    urls = [NATS, "nats://two:4222", "nats+tls://one,two,three"]
    servers["nats+tls"] = servers["nats"]
    async with (
        syncing(tmp_path / "a", urls[0]) as one,
        syncing(tmp_path / "b", urls[1]) as two,
        syncing(tmp_path / "c", urls[2]) as three,
    ):
        ann = await one.documents("notes", Note)
        ann["n1"].body += "Milk. "
        everybody = [ann, await joined(two), await joined(three)]
        await until(lambda: all(str(each["n1"].body) == "Milk. " for each in everybody))
        for word in ("Bread", "Eggs", "Tea"):
            for number, each in enumerate(everybody):
                each["n1"].body.insert(0, f"{word}{number} ")
            await asyncio.sleep(0.02)
        await until(lambda: len({str(each["n1"].body) for each in everybody}) == 1)
        assert len(str(ann["n1"].body).split()) == 10


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["founder first", "founder last"])
async def test_stores_that_are_never_open_at_once_converge(
    tmp_path: Path, servers: dict[str, TwinServer], order: tuple[int, int]
) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    async with plait.open(paths[0]) as store:
        notes = await store.documents("notes", Note)
        notes["n1"].likes += 1
        notes["n1"].body += "From ann. "
    for _ in range(3):
        for number in order:
            async with syncing(paths[number]):
                pass
    for turn, number in enumerate([*order, *order]):
        async with syncing(paths[number]) as store:
            notes = await joined(store)
            notes["n1"].likes += 1
            notes["n1"].body += f"{turn} "
    found = []
    for number in [*order, *order]:
        async with syncing(paths[number]) as store:
            notes = await joined(store)
            found.append((int(notes["n1"].likes), str(notes["n1"].body)))
    assert found[1:] == [(5, "From ann. 0 1 2 3 ")] * 3


async def test_what_is_written_while_the_engine_is_down_arrives_once_when_it_is_back(
    tmp_path: Path, servers: dict[str, TwinServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plait.sim.twin.ANSWER_S", 0.05)
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        ann = await one.documents("notes", Note)
        servers["nats"].down = True
        link = await one.sync_through(NATS, name=NAME, every_s=0.1)  # it begins in spite of that
        assert isinstance(link.error, Unavailable)
        servers["nats"].down = False
        other = await two.sync_through(NATS, name=NAME, every_s=0.1)
        bob = await joined(two)
        for turn in (1, 2):
            servers["nats"].down = True
            for _ in range(20):
                ann["n1"].likes += 1
                bob["n1"].likes += 1
                await asyncio.sleep(0.01)
            await until(lambda: isinstance(link.error, Unavailable))
            await until(lambda: isinstance(other.error, Unavailable))
            assert "secret" not in str(link.error)
            servers["nats"].down = False
            await until(lambda t=turn: ann["n1"].likes == bob["n1"].likes == 40 * t)
        await until(lambda: link.error is None and other.error is None)


async def test_the_conflicts_inbox_converges(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with syncing(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        ann = await one.documents("notes", Note)
        ann["n1"].owner = "nobody"
        link = await two.sync_through(NATS, name=NAME, every_s=0.1)
        bob = await joined(two)
        await until(lambda: bob["n1"].owner == "nobody")
        await link.close()
        ann["n1"].owner = "ann"
        bob["n1"].owner = "bob"
        await two.sync_through(NATS, name=NAME, every_s=0.1)
        await until(lambda: bool(ann.conflicts() and bob.conflicts()))
        (mine,), (theirs,) = ann.conflicts(), bob.conflicts()
        assert mine.siblings == theirs.siblings
        mine.resolve("ann and bob")
        await until(lambda: not ann.conflicts() and not bob.conflicts())
        assert ann["n1"].owner == bob["n1"].owner == "ann and bob"


async def test_collections_that_began_separately_are_refused_loudly_and_others_go_on(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        await one.documents("notes", Note)
        await two.documents("notes", Note)
        films = await two.documents("films", Note)
        films["f1"].likes += 1
        link = await one.sync_through(NATS, name=NAME, every_s=0.1)
        await two.sync_through(NATS, name=NAME, every_s=0.1)
        here = await joined(one, "films")
        await until(lambda: here["f1"].likes == 1)
        assert any("WrongLineage" in what for what in link.last.wrong)


async def test_what_cannot_be_synced_through_is_refused(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with plait.open(tmp_path / "a") as store:
        with pytest.raises(BadSettings, match="begins with one of"):
            await store.sync_through("redis://there", name=NAME)
        with pytest.raises(BadSettings, match="node name"):
            await store.sync_through(NATS, name="../up")
        link = await store.sync_through(NATS, name=NAME)
        with pytest.raises(BadSettings, match="already"):
            await store.sync_through(NATS, name=NAME)
        await link.close()
        await (await store.sync_through(NATS, name=NAME)).close()
    cluster = Members(tmp_path, 1)
    await cluster.start()
    try:
        async with cluster.only("n1") as store:
            with pytest.raises(BadSettings, match="its node does"):
                await store.sync_through(NATS, name=NAME)
    finally:
        await cluster.close()


def test_a_blocking_store_syncs_through_an_engine(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    with plait.blocking.open(tmp_path / "a") as one, plait.blocking.open(tmp_path / "b") as two:
        ann = one.documents("notes", Note)
        ann["n1"].likes += 1
        with (
            one.sync_through(NATS, name=NAME, every_s=0.1) as link,
            two.sync_through(NATS, name=NAME, every_s=0.1),
        ):
            until_s = time.monotonic() + 10.0
            while not two.collections():
                assert time.monotonic() < until_s
            while two.documents("notes", Note)["n1"].likes != 1:
                assert time.monotonic() < until_s
            assert link.error is None
