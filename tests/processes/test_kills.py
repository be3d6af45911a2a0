"""Nothing acknowledged is lost, whatever is killed: real processes, real kill -9."""

import asyncio
import os
import random
import signal

from nodes import Nodes, caught_up, status_of

import plait
from plait import Leader
from plait.base.errors import PlaitError

LINE = "leader/any:1"
ROUNDS = int(os.environ.get("PLAIT_KILL_ROUNDS", "5"))


class Writers:
    """Writes distinct keys for ever and remembers which were acknowledged."""

    def __init__(self, url: str, count: int) -> None:
        self.acknowledged: dict[str, int] = {}
        self.attempted = 0
        self._url = url
        self._count = count
        self._stop = False

    async def run(self) -> None:
        async with plait.connect(self._url) as store:
            table = await store.table("kept", Leader(acks="any:1"))
            await asyncio.gather(*(self._write(table, n) for n in range(self._count)))

    async def _write(self, table: plait.Table, number: int) -> None:
        turn = 0
        while not self._stop:
            key, turn = f"{number}-{turn}", turn + 1
            self.attempted += 1
            try:
                await table.put(key, turn)
            except PlaitError:
                await asyncio.sleep(0.05)
            else:
                self.acknowledged[key] = turn

    def stop(self) -> None:
        self._stop = True


async def verify(nodes: Nodes, acknowledged: dict[str, int]) -> None:
    """Every acknowledged row is on every node, record by record."""
    await caught_up(nodes)
    for name, address in nodes.addresses.items():
        async with plait.connect(f"plait://{address}", only=True) as store:
            table = await store.table("kept", read="nearest")
            found = {key: value async for key, value in table.scan()}
        missing = {k: v for k, v in acknowledged.items() if found.get(k) != v}
        assert not missing, f"{name} lacks {len(missing)} acknowledged rows: {list(missing)[:5]}"


async def test_acknowledged_writes_survive_kills_of_leaders_and_followers(nodes: Nodes) -> None:
    chance = random.Random(7)
    writers = Writers(nodes.url, 16)
    writing = asyncio.create_task(writers.run())
    await _some_writes(writers, 200)
    for round_ in range(ROUNDS):
        leader = await _leader(nodes)
        followers = [name for name in nodes.addresses if name != leader]
        if round_ % 2 == 0:
            nodes.kill(leader)
            await _some_writes(writers, 20)  # somebody else leads by itself
            nodes.start(leader)
        else:
            victim = chance.choice(followers)
            nodes.kill(victim)
            await asyncio.sleep(chance.uniform(0, 0.2))
            nodes.start(victim)
        await caught_up_members(nodes)
        await _some_writes(writers, 200)
    writers.stop()
    await asyncio.wait_for(writing, 60)
    assert len(writers.acknowledged) > 200 * ROUNDS
    await verify(nodes, writers.acknowledged)


async def _some_writes(writers: Writers, count: int) -> None:
    target = len(writers.acknowledged) + count
    async with asyncio.timeout(40):
        while len(writers.acknowledged) < target:
            await asyncio.sleep(0.02)


async def _leader(nodes: Nodes) -> str:
    """Who leads the line that is written."""
    async with asyncio.timeout(20):
        while True:
            for name in nodes.addresses:
                lines = (await status_of(nodes, name))["lines"]
                assert isinstance(lines, dict)
                found = lines.get(LINE, {}).get("leader")
                if isinstance(found, str):
                    return found
            await asyncio.sleep(0.1)


async def caught_up_members(nodes: Nodes) -> None:
    """Wait until every node answers and follows: only then may another one fail."""
    async with asyncio.timeout(40):
        while True:
            try:
                async with plait.connect(nodes.url) as store:
                    status = (await store.status())["nodes"]
                lags = [
                    follower["state"] == "replicate"
                    for node in status.values()
                    for line in node["lines"].values()
                    for follower in line.get("followers", {}).values()
                ]
                if len(lags) == 4 and all(lags):
                    return
            except (PlaitError, KeyError):
                pass
            await asyncio.sleep(0.1)


async def test_a_killed_cluster_comes_back_without_an_operator(nodes: Nodes) -> None:
    async with plait.connect(nodes.url) as store:
        table = await store.table("kept", Leader())
        for number in range(50):
            await table.put(f"k{number}", number)
    for name in nodes.addresses:
        nodes.kill(name)
    nodes.start()
    async with plait.connect(nodes.url) as store:
        table = await store.table("kept")
        assert {k: v async for k, v in table.scan()} == {f"k{n}": n for n in range(50)}
        await table.put("after", True)


async def test_a_graceful_stop_loses_nothing_and_exits_cleanly(nodes: Nodes) -> None:
    async with plait.connect(nodes.url) as store:
        table = await store.table("kept", Leader(acks="all"))
        await table.put("a", 1)
    assert nodes.stop("n3") == 0
    nodes.start("n3")
    async with plait.connect(nodes.url) as store:
        table = await store.table("kept")
        await table.put("b", 2)
    await verify(nodes, {"a": 1, "b": 2})


async def test_a_stuck_follower_slows_nobody_and_catches_up(nodes: Nodes) -> None:
    async with plait.connect(nodes.url) as store:
        table = await store.table("kept", Leader(acks="any:1"))
        await table.put("warm", 0)
        nodes.signal("n3", signal.SIGSTOP)
        written = {f"k{number}": number for number in range(2000)}
        async with asyncio.timeout(20):
            await table.put_many(written)
        nodes.signal("n3", signal.SIGCONT)
    await verify(nodes, written)
