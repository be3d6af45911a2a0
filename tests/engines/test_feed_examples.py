"""The examples that keep a search index and a PostgreSQL table in step, killed on the way."""

import asyncio
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from postgres_servers import postgres_server

import plait
from plait import Leader

EXAMPLES = Path(__file__).parents[2] / "examples"
SOON = 60.0


class Crash(Exception):
    """Dies behind a write, before the group's position is kept."""


def crashing(sink_class):
    """Make the class's next write the last one of its process."""
    write, left = sink_class.write, [1]

    async def dies(self, batches):
        await write(self, batches)
        if left[0]:
            left[0] -= 1
            raise Crash

    sink_class.write = dies


def test_the_search_index_runs_as_it_says(tmp_path):
    command = [sys.executable, EXAMPLES / "search_index.py", "data", "index.db", "rope"]
    for _ in range(2):  # the second one goes on
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (0, "['f1']\n"), done.stderr


async def test_the_search_index_has_each_change_once(tmp_path):
    example = runpy.run_path(str(EXAMPLES / "search_index.py"))
    path = str(tmp_path / "index.db")
    async with plait.open(tmp_path / "data") as store:
        films = await store.table("films", Leader())
        await films.put("old", {"title": "from before"})
        crashing(example["SearchIndex"])
        following = asyncio.create_task(example["follow"](films, path, limit=1))
        await asyncio.sleep(0.5)
        await films.put("f1", {"title": "one"})
        with pytest.raises(Crash):
            await asyncio.wait_for(following, SOON)
        async with films.transaction() as t:
            t["f2"] = {"title": "two"}
            del t["old"]
        await asyncio.wait_for(example["follow"](films, path, limit=2), SOON)
        assert example["search"](path, "one OR two OR before") == ["f1", "f2"]
        await films.clear()
        await asyncio.wait_for(example["follow"](films, path, limit=1), SOON)
        assert example["search"](path, "one OR two OR before") == []


async def test_the_postgres_table_has_each_change_once(tmp_path):
    with postgres_server() as server:
        example = runpy.run_path(str(EXAMPLES / "postgres_copy.py"))
        async with plait.open(tmp_path / "data") as store:
            films = await store.table("films", Leader())
            await films.put("old", {"n": 0})
            crashing(example["PostgresCopy"])
            following = asyncio.create_task(example["follow"](films, server.url(), limit=1))
            async with asyncio.timeout(SOON):
                while await (await store.table("films.feeds", Leader())).get("postgres") is None:
                    await asyncio.sleep(0.05)
            await films.put("f1", {"n": 1})
            with pytest.raises(Crash):
                await asyncio.wait_for(following, SOON)
            async with films.transaction() as t:
                t["f2"] = {"n": [2]}
                del t["old"]
            await asyncio.wait_for(example["follow"](films, server.url(), limit=2), SOON)
            rows = server.rows("SELECT key, value FROM films ORDER BY key")
            assert rows == [("f1", {"n": 1}), ("f2", {"n": [2]})]
            await films.clear()
            await asyncio.wait_for(example["follow"](films, server.url(), limit=1), SOON)
            assert server.rows("SELECT count(*) FROM films") == [(0,)]
