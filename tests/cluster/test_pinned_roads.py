"""A road that is pinned by the collection's settings is taken at every node, and ends equal."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
from members import Members

import plait
from plait.node.local import Local


class Note(plait.Document):
    title = plait.Register(str)
    tags = plait.AddWinsSet(str)
    likes = plait.Counter()


@pytest.mark.parametrize("road", ["ops", "delta", "state"])
async def test_three_nodes_agree_by_the_road_that_is_pinned(
    tmp_path: Path, road: Literal["ops", "delta", "state"]
):
    members = Members(tmp_path)
    await members.start()
    try:
        async with plait.connect(members.url) as maker:
            await maker.documents("notes", Note, plait.Eventual(sync=road))
        nodes = members.nodes.values()
        async with asyncio.timeout(20):
            while not all(node.graphs.replicas() for node in nodes):
                await asyncio.sleep(0.01)
        stores = [plait.Store(Local(node)) for node in nodes]
        docs = [await store.documents("notes", Note, plait.Eventual(sync=road)) for store in stores]
        for turn in range(5):
            for number, one in enumerate(docs):
                one["n"].likes += 1
                one["n"].tags.add(f"{number}/{turn}")
                one["n"].title = f"{number}/{turn}"
            await asyncio.sleep(0)
        async with asyncio.timeout(20):
            while not all(one["n"].likes == 15 and one["n"] == docs[0]["n"] for one in docs):
                await asyncio.sleep(0.01)
        assert len(docs[1]["n"].tags) == 15
        replicas = [replica for n in members.nodes.values() for replica in n.graphs.replicas()]
        assert [replica.parts.options.sync for replica in replicas] == [road] * 3
        async with asyncio.timeout(20):  # and what goes through all three is the same bytes
            while len({tuple(replica.vector.pairs()) for replica in replicas}) > 1:
                await asyncio.sleep(0.01)
        cut = replicas[0].vector.copy()
        assert len({replica.parts.shelf.canonical(cut) for replica in replicas}) == 1
    finally:
        await members.close()
