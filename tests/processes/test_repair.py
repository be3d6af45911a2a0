"""Folders that were lost or damaged, mended as an operator does it: with `plait repair`."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from nodes import Nodes, caught_up, free_port

import plait
from plait import Consensus, Leader
from plait.base.errors import PlaitError

COUNT = 300
STEP_S = 90.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def operator(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """What a `plait` command did."""
    command = [sys.executable, "-m", "plait", *map(str, words)]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=STEP_S, check=False
    )


async def written(nodes: Nodes) -> None:
    async with asyncio.timeout(STEP_S), plait.connect(nodes.url) as store:
        for name, settings in (("strong", Consensus()), ("films", Leader(acks="any:1"))):
            table = await store.table(name, settings)
            await table.put_many({f"k{number:03}": number for number in range(COUNT)}, acks="all")
        await store.flush()


async def holds_all(nodes: Nodes, name: str) -> None:
    """The node itself has every row."""
    await caught_up(nodes, STEP_S)
    async with plait.connect(f"plait://{nodes.addresses[name]}", only=True) as store:
        for table in ("strong", "films"):
            async with asyncio.timeout(STEP_S):
                while True:
                    try:
                        opened = await store.table(table, read="nearest")
                        rows = await opened.stale(60).count()
                        break
                    except PlaitError:
                        await asyncio.sleep(0.1)
            assert rows == COUNT


class Told(Nodes):
    """Nodes that are started with what `plait repair` printed, and nothing else."""

    printed: str = ""

    def command(self, name: str) -> list[str]:
        if not self.printed:
            return super().command(name)
        return [sys.executable, "-m", *self.printed.split()]


async def refetched(nodes: Nodes, *more: str) -> None:
    """The cure for n3's folder, and n3 started as that says."""
    others = f"plait://{nodes.addresses['n1']},{nodes.addresses['n2']}"
    done = await operator(
        "repair", "refetch", "--data", nodes.folder / "n3", "--url", others, *more
    )
    assert done.returncode == 0, done.stderr
    again = Told(nodes.folder, addresses=nodes.addresses)
    again.printed = done.stdout.strip()
    again.start("n3")
    try:
        await holds_all(nodes, "n3")
    finally:
        again.close()


async def test_a_node_whose_folder_is_gone_comes_back_under_its_name(nodes: Nodes) -> None:
    await written(nodes)
    nodes.kill("n3")
    shutil.rmtree(nodes.folder / "n3")
    await refetched(nodes, "--name", "n3")


async def test_a_node_whose_log_cannot_be_opened_fetches_everything_again(nodes: Nodes) -> None:
    await written(nodes)
    nodes.kill("n3")
    folder = nodes.folder / "n3"
    for segment in (folder / "log").glob("*.seg"):
        segment.write_bytes(b"\xff" * segment.stat().st_size)
    looked = await operator("repair", "--data", folder)
    assert looked.returncode == 1
    assert "plait repair refetch" in looked.stdout
    await refetched(nodes, "--name", "n3")
    assert len(list(nodes.folder.glob("n3.damaged-*"))) == 1


async def test_a_node_with_a_damaged_state_fetches_everything_again(nodes: Nodes) -> None:
    await written(nodes)
    assert nodes.stop("n3") == 0
    state = nodes.folder / "n3" / "state" / "consensus.db"
    data = bytearray(state.read_bytes())
    at = data.rindex(b"k123")
    data[at] ^= 0x20  # in a key: its value's checksum no longer fits
    state.write_bytes(data)
    looked = await operator("repair", "--data", nodes.folder / "n3", "--json")
    assert looked.returncode == 1
    found = msgspec.json.decode(looked.stdout)
    assert [each["where"] for each in found["findings"]] == ["consensus"]
    await refetched(nodes)
    # what it fetched is whole
    assert "nothing is wrong" in (await operator("repair", "--data", nodes.folder / "n3")).stdout


async def test_a_node_is_not_made_to_fetch_what_may_be_needed(nodes: Nodes) -> None:
    await written(nodes)
    folder, url = nodes.folder / "n3", f"plait://{nodes.addresses['n1']}"
    running = await operator("repair", "refetch", "--data", folder, "--url", url, "--name", "n3")
    assert running.returncode == 1
    assert "n3 is running" in running.stderr
    stranger = await operator("repair", "refetch", "--data", folder, "--url", url, "--name", "n9")
    assert (stranger.returncode, "plait join" in stranger.stderr) == (2, True)
    nodes.kill("n3")
    nodes.kill("n2")
    async with asyncio.timeout(STEP_S):
        while True:
            needed = await operator("repair", "refetch", "--data", folder, "--url", url)
            if "nobody leads" in needed.stderr:
                break
    assert needed.returncode == 1
    nodes.start("n2", "n3")
    await holds_all(nodes, "n3")


async def test_the_last_of_three_goes_on_alone_and_is_joined_again(nodes: Nodes) -> None:
    await written(nodes)
    for name in ("n1", "n2", "n3"):
        nodes.kill(name)
    folder = nodes.folder / "n3"
    assert "nothing is wrong" in (await operator("repair", "--data", folder)).stdout
    looked = await operator("repair", "alone", "--data", folder)
    assert looked.returncode == 1
    assert "shuts out n1, n2 for ever" in looked.stderr
    acted = await operator("repair", "alone", "--data", folder, "--accept-loss")
    assert acted.returncode == 0, acted.stderr
    again = Told(nodes.folder, addresses={"n3": nodes.addresses["n3"]})
    again.printed = f"plait serve --data {folder}"
    again.start("n3")
    joining = Told(nodes.folder, addresses={"n4": f"127.0.0.1:{free_port()}"})
    joining.printed = (
        f"plait join {again.url} --data {nodes.folder / 'n4'} --name n4 "
        f"--listen {joining.addresses['n4']}"
    )
    try:
        async with asyncio.timeout(STEP_S), plait.connect(again.url) as store:
            assert await (await store.table("strong")).count() == COUNT
            joining.start("n4")
            while [row["role"] for row in await store.members()] != ["member", "member"]:
                await asyncio.sleep(0.1)
    finally:
        joining.close()
        again.close()


async def test_what_no_line_owns_is_shown_and_dropped_when_told(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    async with plait.open(folder) as store:
        await (await store.table("strong", Consensus())).put("a", 1)
        await store.documents("notes")
        await store.flush()
    shutil.copy(folder / "state" / "consensus.db", folder / "state" / "machine%2Fgone.db")
    assert "nothing is wrong" not in (await operator("repair", "--data", folder)).stdout
    listed = await operator("repair", "orphans", "--data", folder)
    assert listed.stdout.startswith("machine%2Fgone: 0 entries")
    dropped = await operator("repair", "orphans", "--data", folder, "--drop")
    assert dropped.stdout.startswith("dropped: machine%2Fgone")
    assert "nothing is wrong" in (await operator("repair", "--data", folder)).stdout
    async with plait.open(folder) as store:
        assert await (await store.table("strong")).get("a") == 1


async def test_a_copy_of_a_folder_is_not_started_beside_its_original(nodes: Nodes) -> None:
    await written(nodes)
    assert nodes.stop("n3") == 0
    copy = nodes.folder / "copy"
    shutil.copytree(nodes.folder / "n3", copy)
    nodes.start("n3")
    await caught_up(nodes, STEP_S)
    second = await operator("serve", "--data", nodes.folder / "n3", "--listen", "127.0.0.1:0")
    assert (second.returncode, "is in use by process" in second.stderr) == (1, True)
    for listen in (("--listen", f"127.0.0.1:{free_port()}"), ()):
        copied = await operator("serve", "--data", copy, *listen)
        assert copied.returncode == 1, copied.stderr
        assert f"n3 runs at {nodes.addresses['n3']} already" in copied.stderr
    await holds_all(nodes, "n3")
