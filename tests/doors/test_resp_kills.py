"""The leader of three real processes is killed under load of a Redis client: nothing that was
acknowledged is lost."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import RedisError

sys.path.append(str(Path(__file__).resolve().parent.parent / "processes"))

from nodes import Nodes, free_port


class DoorNodes(Nodes):
    """Nodes with a Redis door."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = {name: free_port() for name in self.addresses}

    def command(self, name: str) -> list[str]:
        return [*super().command(name), "--resp", f"127.0.0.1:{self.ports[name]}"]


@pytest.mark.slow
async def test_a_killed_leader_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    nodes = DoorNodes(tmp_path)
    nodes.start()
    acknowledged: dict[str, int] = {}
    counted = 0
    stop = asyncio.Event()

    async def write(name: str, number: int) -> None:
        """Write at one node, and at the next one whenever that one is gone."""
        nonlocal counted
        value = 0
        names = list(nodes.ports)
        while not stop.is_set():
            port = nodes.ports[names[number % 3]]
            with contextlib.suppress(RedisError, OSError):
                async with redis.Redis(port=port, retry=None, socket_timeout=5) as client:
                    while not stop.is_set():
                        value += 1
                        await client.set(f"{name}:{value % 50}", value)
                        acknowledged[f"{name}:{value % 50}"] = value
                        await client.incr("total")
                        counted += 1
            number += 1
            await asyncio.sleep(0.05)

    try:
        async with asyncio.timeout(120):
            await _answers(nodes.ports["n1"])
            writers = [asyncio.create_task(write(f"w{i}", i)) for i in range(6)]
            await asyncio.sleep(2)
            nodes.kill("n1")
            before = counted
            while counted < before + 50:  # somebody else leads, and goes on
                await asyncio.sleep(0.1)
            stop.set()
            await asyncio.gather(*writers)
            async with redis.Redis(port=nodes.ports["n2"]) as client:
                for key, value in acknowledged.items():
                    found = await client.get(key)
                    assert found is not None, key
                    assert int(found) >= value, key
                assert int(await client.get("total")) >= counted
    finally:
        stop.set()
        nodes.close()


async def _answers(port: int) -> None:
    while True:
        with contextlib.suppress(RedisError, OSError):
            async with redis.Redis(port=port, socket_timeout=5) as client:
                await client.set("ready", 1)
                return
        await asyncio.sleep(0.1)
