"""Documents that meet on real servers: NATS JetStream, and PostgreSQL; and `plait sync` there."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')
pytest.importorskip("psycopg", reason="NOT TESTED: no psycopg; get it with: plait[postgres]")

from click.testing import CliRunner
from nats_servers import Cluster, nats_cluster
from postgres_servers import PostgresServer

import plait
from plait import Counter, Document, Text
from plait.cli.main import cli
from plait.host.loop import run

__all__ = ["nats_cluster"]


class Note(Document):
    likes = Counter()
    body = Text()


async def until(holds: Callable[[], bool], within_s: float = 20.0) -> float:
    started = time.monotonic()
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.002)
    return time.monotonic() - started


async def live(url: str, tmp_path: Path) -> None:
    """Two open stores, and one that comes when the others have gone."""
    async with plait.open(tmp_path / "a") as one, plait.open(tmp_path / "b") as two:
        ann = await one.documents("notes", Note)
        for each in (one, two):
            await each.sync_through(url, name="family", every_s=0.2)
        async with asyncio.timeout(20.0):
            while not await two.collections():
                await asyncio.sleep(0.01)
        bob = await two.documents("notes", Note)
        await until(lambda: str(bob["n1"].body) == str(ann["n1"].body))
        took = []
        for turn in range(10):
            ann["n1"].body += f"{turn} "
            bob["n1"].likes += 1
            took.append(
                await until(
                    lambda t=turn: len(str(bob["n1"].body).split()) == ann["n1"].likes == t + 1
                )
            )
        assert sorted(took)[5] < 0.5
        bob["n2"].body += "left behind " * 100_000  # in many pieces
    async with plait.open(tmp_path / "a") as one:
        await one.sync_through(url, name="family", every_s=0.2)
        ann = await one.documents("notes", Note)
        await until(lambda: len(str(ann["n2"].body)) == 1_200_000)


def test_stores_converge_through_nats(nats_cluster: Cluster, tmp_path: Path) -> None:
    asyncio.run(live(nats_cluster.url, tmp_path))


def test_stores_converge_through_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    asyncio.run(live(postgres.url(), tmp_path))


def test_plait_sync_carries_documents_over_a_server(nats_cluster: Cluster, tmp_path: Path) -> None:
    async def written() -> None:
        async with plait.open(tmp_path / "ann") as store:
            (await store.documents("notes", Note))["n1"].likes += 3

    async def found() -> int:
        async with plait.open(tmp_path / "bob") as store:
            return int((await store.documents("notes", Note))["n1"].likes)

    def sync(name: str) -> str:
        words = ["sync", "--data", tmp_path / name, "--engine", nats_cluster.url]
        done = CliRunner().invoke(cli, [str(w) for w in [*words, "--name", "console"]])
        assert done.exit_code == 0, done.output
        return done.output

    run(written())
    assert "nobody else" in sync("ann")
    assert "asks to be admitted" in sync("bob")
    assert "admitted" in sync("ann")
    assert "in, " in sync("bob")
    assert run(found()) == 3
    for words in ([], ["--engine", nats_cluster.url], ["--folder", ".", "--name", "x"]):
        done = CliRunner().invoke(cli, ["sync", "--data", str(tmp_path / "ann"), *words])
        assert done.exit_code == 2
