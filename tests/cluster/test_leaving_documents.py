"""Documents and nodes that leave: nobody is told that something is safe which goes with a node."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from members import Members

import plait
from plait.api.documents import Documents
from plait.base.errors import Unavailable
from plait.client import guest
from plait.node.leaving import check_stays


class Page(plait.Document):
    """What is written here."""

    hits = plait.Counter()


async def test_a_client_of_a_node_that_leaves_goes_on_at_another(tmp_path: Path) -> None:
    cluster = Members(tmp_path)
    await cluster.start()
    try:
        async with cluster.only("n3") as tied, plait.connect(cluster.url) as store:
            await store.documents("pages", Page)
            docs = await tied.documents("pages", Page)
            docs["p"].hits += 1
            await docs.flush()
            leaver = cluster.nodes["n3"]
            answer = await store.leave("n3", timeout_s=15.0)
            assert "unheard_documents" not in answer
            (replica,) = cluster.nodes["n1"].graphs.replicas()
            assert Documents(replica, Page)["p"].hits == 1
            async with asyncio.timeout(10.0):
                while not _gone(leaver):
                    await asyncio.sleep(0.02)
            docs["p"].hits += 1
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await docs.flush()
            assert (await store.documents("pages", Page))["p"].hits == 1
    finally:
        await cluster.close()


async def test_an_operator_hears_which_documents_a_dead_node_may_have_had_more_of(
    tmp_path: Path,
) -> None:
    cluster = Members(tmp_path)
    await cluster.start()
    try:
        async with plait.connect(cluster.url) as store:
            await store.documents("pages", Page)
            await cluster.stop("n3")
            answer = await store.leave("n3", timeout_s=15.0)
            assert answer["unheard_documents"] == ["pages"]
            assert [row["name"] for row in answer["members"]] == ["n1", "n2"]
            assert await store.leave("n3", timeout_s=15.0) == answer  # said again
    finally:
        await cluster.close()


async def test_a_client_keeps_what_a_node_acknowledged_and_took_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Members(tmp_path)
    await cluster.start()
    try:
        async with plait.connect(cluster.url) as client, plait.connect(cluster.url) as operator:
            docs = await client.documents("pages", Page)
            await docs.flush()
            async with asyncio.timeout(20):
                while not all(_writes(node) for node in cluster.nodes.values()):
                    await asyncio.sleep(0.01)
            name = next(name for name, node in cluster.nodes.items() if _has_guest(node))
            # it tells its client, and never another node
            monkeypatch.setattr(cluster.nodes[name].graphs, "_say", lambda *ignored: None)
            (replica,) = cluster.nodes[name].graphs.replicas()
            for peer in [peer for peer in cluster.nodes if peer != name]:
                replica.unlinked(peer)
            docs["p"].hits += 1
            await docs.flush()
            await cluster.stop(name)
            answer = await operator.leave(name, timeout_s=20.0)
            assert answer["unheard_documents"] == ["pages"]
            async with asyncio.timeout(20):
                while not all(_hits(node) == 1 for node in cluster.nodes.values()):
                    await asyncio.sleep(0.02)
    finally:
        await cluster.close()


async def test_a_client_that_its_node_does_not_take_in_tries_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "TAKEN_S", 1.0)
    cluster = Members(tmp_path)
    await cluster.start()
    try:
        async with plait.connect(cluster.url) as store:
            await store.documents("pages", Page)
        async with asyncio.timeout(20):
            while not all(_writes(node) for node in cluster.nodes.values()):
                await asyncio.sleep(0.01)
        for name in ("n1", "n2"):
            (replica,) = cluster.nodes[name].graphs.replicas()
            replica.parts.scope.clock_wrong = "set the clock"
            monkeypatch.setattr(
                replica.syncing.exchange.identity, "_compare_clocks", lambda *ignored: None
            )
        async with plait.connect(cluster.url) as store:
            docs = await store.documents("pages", Page)
            docs["p"].hits += 1
            await docs.flush()
    finally:
        await cluster.close()


def _writes(node: Any) -> bool:
    replicas = node.graphs.replicas()
    return bool(replicas) and replicas[0].parts.scope.writable


def _has_guest(node: Any) -> bool:
    (replica,) = node.graphs.replicas()
    return any(peer.startswith("guest-") for peer in replica.syncing.exchange.peers)


def _hits(node: Any) -> int:
    (replica,) = node.graphs.replicas()
    return Documents(replica, Page)["p"].hits


def _gone(node: Any) -> bool:
    with contextlib.suppress(Unavailable):
        check_stays(node)
        return False
    return True
