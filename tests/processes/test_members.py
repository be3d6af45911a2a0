"""A cluster that grows, shrinks and is stopped in turn: real processes, really killed."""

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import Nodes, free_port, status_of

import plait
from plait import Consensus, Leader
from plait.base.errors import PlaitError
from plait.host.storage import open_storage
from plait.node.recovery import recover, survey

STEP_S = 30.0
WRITERS = 4


class Growing:
    """Nodes that begin as one; every folder is started again with nothing but its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.addresses: dict[str, str] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return "plait://" + ",".join(self.addresses.values())

    def found(self, name: str) -> None:
        self.addresses[name] = f"127.0.0.1:{free_port()}"
        self._run(name, "serve", "--name", name, "--listen", self.addresses[name])

    def join(self, name: str) -> None:
        seeds, address = self.url, f"127.0.0.1:{free_port()}"
        self.addresses[name] = address
        self._run(name, "join", seeds, "--name", name, "--listen", address)

    def start(self, name: str) -> None:
        self._run(name, "serve")

    def _run(self, name: str, command: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [
                    sys.executable, "-m", "plait", command, *options,
                    "--data", str(self.folder / name), "--log-level", "warning",
                ],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def gone(self, name: str) -> None:
        """The node has left: its process is told to end, and nobody looks for it again."""
        process = self._running.pop(name)
        process.terminate()
        assert process.wait(20) == 0
        del self.addresses[name]

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)


class Writer:
    """Writes every key to two tables, for ever; remembers what was acknowledged where."""

    def __init__(self, url: str) -> None:
        self.acknowledged: dict[str, set[str]] = {"strong": set(), "films": set()}
        self._url = url
        self._stop = False

    async def run(self) -> None:
        async with plait.connect(self._url) as store:
            tables = {
                "strong": await store.table("strong", Consensus()),
                "films": await store.table("films", Leader()),
            }
            await asyncio.gather(
                *(self._write(name, table, w) for name, table in tables.items()
                  for w in range(WRITERS))
            )  # fmt: skip

    async def _write(self, name: str, table: plait.Table, writer: int) -> None:
        turn = 0
        while not self._stop:
            key, turn = f"{writer}-{turn}", turn + 1
            try:
                await table.put(key, turn)
            except PlaitError:
                await asyncio.sleep(0.05)
            else:
                self.acknowledged[name].add(key)
            await asyncio.sleep(0.005)  # two cores are shared with five nodes

    def stop(self) -> None:
        self._stop = True

    async def more(self, count: int = 30) -> None:
        """Return once so many more writes to each table were acknowledged."""
        wanted = {name: len(keys) + count for name, keys in self.acknowledged.items()}
        async with asyncio.timeout(STEP_S):
            while any(len(self.acknowledged[name]) < wanted[name] for name in wanted):
                await asyncio.sleep(0.02)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Growing]:
    cluster = Growing(tmp_path)
    yield cluster
    cluster.close()


async def settled(nodes: Growing) -> None:
    """Return once every node runs, and votes on every line, and no other node does."""
    wanted = sorted(nodes.addresses)
    async with asyncio.timeout(STEP_S):
        while True:
            try:
                async with plait.connect(nodes.url, only=True) as store:
                    status = (await store.status())["nodes"]
                lines = [node["lines"] for node in status.values()]
                states = [state for found in lines for state in found.values()]
                if (
                    sorted(status) == wanted
                    and all(len(found) == 3 for found in lines)
                    and all(
                        state["members"] == wanted and not state.get("outgoing") for state in states
                    )
                ):
                    return
            except (PlaitError, KeyError):
                pass
            await asyncio.sleep(0.1)


async def some_node_is_killed(nodes: Growing, writer: Writer, chance: random.Random) -> None:
    victim = chance.choice(sorted(nodes.addresses))
    nodes.kill(victim)
    if len(nodes.addresses) > 1:
        await writer.more()  # the others go on
    nodes.start(victim)
    await settled(nodes)
    await writer.more()


async def led_by(nodes: Nodes, name: str) -> set[str]:
    """The lines that the node itself says it leads."""
    lines = (await status_of(nodes, name))["lines"]
    assert isinstance(lines, dict)
    return {line for line, state in lines.items() if state["role"] == "leader"}


async def found_in(url: str, name: str, only: bool = False) -> set[str]:
    async with plait.connect(url, only=only) as store:
        table = await store.table(name, read="nearest" if only else "leader")
        return {key async for key, _ in table.scan()}


async def test_one_node_becomes_three_then_five_then_three_and_nothing_acknowledged_is_lost(
    nodes: Growing,
) -> None:
    chance = random.Random(11)
    nodes.found("n1")
    writer = Writer(nodes.url)
    writing = asyncio.create_task(writer.run())
    await writer.more()
    await some_node_is_killed(nodes, writer, chance)
    for newcomers in (("n2", "n3"), ("n4", "n5")):
        for name in newcomers:
            nodes.join(name)
        await settled(nodes)
        await some_node_is_killed(nodes, writer, chance)
    for name in chance.sample(sorted(nodes.addresses), 2):
        async with plait.connect(nodes.url) as store:
            await store.leave(name)
        nodes.gone(name)
        await writer.more()
    await settled(nodes)
    await some_node_is_killed(nodes, writer, chance)
    writer.stop()
    await asyncio.wait_for(writing, STEP_S)
    assert len(nodes.addresses) == 3
    for name, acknowledged in writer.acknowledged.items():
        assert acknowledged <= await found_in(nodes.url, name)


async def test_a_node_that_is_told_to_stop_lets_others_lead_first(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path)
    nodes.start()
    try:
        async with plait.connect(nodes.url) as store:
            await (await store.table("strong", Consensus())).put("a", 1)
            await (await store.table("films", Leader())).put("a", 1)
            async with asyncio.timeout(STEP_S):
                while await led_by(nodes, "n1") != {"control", "consensus", "leader/majority"}:
                    for line in ("control", "consensus", "leader/majority"):
                        with contextlib.suppress(PlaitError):
                            await store.switch_over("n1", line)
        assert nodes.stop("n1") == 0
        lines = (await status_of(nodes, "n2"))["lines"]
        assert isinstance(lines, dict)
        assert {state["leader"] for state in lines.values()} <= {"n2", "n3"}
        for line in ("control", "consensus", "leader/majority"):
            assert f"line {line} is handed over to" in nodes.log("n1")
    finally:
        nodes.close()


async def test_a_killed_survivor_is_recovered_with_all_that_every_member_had(
    tmp_path: Path,
) -> None:
    nodes = Nodes(tmp_path)
    nodes.start()
    try:
        async with plait.connect(nodes.url) as store:
            table = await store.table("kept", Leader(acks="all"))
            await table.put_many({f"k{number}": number for number in range(200)})
        nodes.signal("n3", signal.SIGSTOP)  # its last writes are in the log only
    finally:
        nodes.close()
    storage = await open_storage(tmp_path / "n3")
    try:
        found = survey(storage)
        assert {line.line: line.may_lose for line in found.lines}["leader/all"] == ""
        await recover(storage, found, random.Random(3), 1000)
    finally:
        await storage.close()
    async with plait.open(tmp_path / "n3") as store:
        assert await (await store.table("kept")).count() == 200
