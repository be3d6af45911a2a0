"""Nodes of a store that an engine orders: their documents meet there, with no link between."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from relayed import NATS, Note, joined, until
from twin_servers import servers

import plait
from plait.sim.twin import TwinServer

__all__ = ["servers"]


def opened(tmp_path: Path, name: str) -> AbstractAsyncContextManager[plait.Store]:
    """A node that nobody can reach."""
    return plait.open(tmp_path / name, engine=NATS, cluster="shop", name=name)


async def test_documents_and_texts_of_nodes_without_links_converge_within_a_second(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with (
        opened(tmp_path, "n1") as one,
        opened(tmp_path, "n2") as two,
        opened(tmp_path, "n3") as three,
    ):
        notes = [await each.documents("notes", Note) for each in (one, two, three)]
        for turn in range(5):
            for each in notes:
                each["n1"].likes += 1
                each["n1"].body.insert(0, f"{turn} ")
            took = await until(
                lambda t=turn: (
                    all(each["n1"].likes == 3 * (t + 1) for each in notes)
                    and len({str(each["n1"].body) for each in notes}) == 1
                )
            )
            assert took < 1.0
        assert len(str(notes[0]["n1"].body).split()) == 15
        relays = (await one.status())["nodes"]["n1"]["relays"]
        assert relays["shop"]["error"] is None
        assert relays["shop"]["rounds"] > 5
        merges = [await each.documents("films", Note) for each in (three, two, one)]
        merges[0]["f1"].likes += 1
        assert await until(lambda: all(each["f1"].likes == 1 for each in merges)) < 1.0


async def test_nodes_that_are_never_up_at_once_converge(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    for turn in range(6):
        async with opened(tmp_path, f"n{turn % 2 + 1}") as store:
            if turn == 0:
                await store.documents("notes", Note)
            if turn < 2:
                await asyncio.sleep(0.1)  # the one asks, the other is there later to admit it
                continue
            notes = await store.documents("notes", Note)
            await until(lambda n=notes, seen=turn - 2: n["n1"].likes == seen)
            notes["n1"].likes += 1
            notes["n1"].body += f"{turn} "
    for name in ("n1", "n2"):
        async with opened(tmp_path, name) as store:
            notes = await store.documents("notes", Note)
            await until(lambda n=notes: n["n1"].likes == 4)
            assert str(notes["n1"].body) == "2 3 4 5 "


async def test_a_dropped_collection_does_not_come_back(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with opened(tmp_path, "n1") as one, opened(tmp_path, "n2") as two:
        for each in (one, two):
            (await each.documents("notes", Note))["n1"].likes += 1
        await one.drop_documents("notes")
        (await one.documents("films", Note))["f1"].likes += 1
        films = await two.documents("films", Note)
        await until(lambda: films["f1"].likes == 1)
        await asyncio.sleep(1.5)
        for each in (one, two):
            assert [info.name for info in await each.collections()] == ["films"]


async def test_a_store_elsewhere_has_what_the_nodes_have_under_the_name_of_their_cluster(
    tmp_path: Path, servers: dict[str, TwinServer]
) -> None:
    async with opened(tmp_path, "n1") as node, plait.open(tmp_path / "laptop") as laptop:
        there = await node.documents("notes", Note)
        there["n1"].likes += 1
        await laptop.sync_through(NATS, name="shop", every_s=0.1)
        here = await joined(laptop)
        here["n1"].likes += 1
        await until(lambda: here["n1"].likes == there["n1"].likes == 2)
