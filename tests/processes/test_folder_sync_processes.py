"""Real processes that sync through one folder, killed at any moment, lose nothing."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import plait
from plait import Eventual
from plait.api.store import Store
from plait.base.errors import BadSettings
from plait.node.config import NodeConfig
from plait.node.folder_handle import sync_folder
from plait.node.local import Local
from plait.node.serve import running

pytestmark = pytest.mark.slow

STEP_S = 60.0


def command(data: Path, folder: Path, *more: str) -> list[str]:
    place = ["--data", str(data), "--folder", str(folder)]
    return [sys.executable, "-m", "plait", "sync", *place, *more]


def sync(data: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, folder, *more), capture_output=True, text=True, timeout=STEP_S, check=False
    )


def watching(data: Path, folder: Path) -> subprocess.Popen[bytes]:
    words = command(data, folder, "--watch", "--every", "0.05")
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)


async def add(data: Path, amount: int) -> None:
    async with plait.open(data) as store:
        notes = await store.documents("notes")
        notes["n1"][f"from {data.name} {amount}"] = amount
        await store.flush()


async def read(data: Path) -> dict[str, object]:
    async with plait.open(data) as store:
        notes = await store.documents("notes")
        return dict(notes["n1"])


@pytest.fixture
async def ann(tmp_path):
    async with plait.open(tmp_path / "ann") as store:
        await store.documents("notes", settings=Eventual())
    await add(tmp_path / "ann", 0)
    return tmp_path / "ann"


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "shared"
    path.mkdir()
    return path


async def test_an_absent_data_folder_joins_from_the_command_line(ann, folder, tmp_path):
    bob = tmp_path / "bob"
    said = []
    for data in (ann, bob, ann, bob):
        done = sync(data, folder)
        assert (done.returncode, done.stderr) == (0, "")
        said.append(done.stdout.strip())
    assert "nobody else" in said[0]
    assert "asks to be admitted" in said[1]
    assert "admitted" in said[2]
    assert await read(bob) == {"from ann 0": 0}
    report = json.loads(sync(bob, folder, "--json").stdout)
    assert report["collections"][0]["name"] == "notes"


async def test_what_is_wrong_is_said_and_ends_with_one(ann, folder):
    strange = folder / f"plait-{'0' * 16}"
    strange.mkdir()
    (strange / "x.plait").write_bytes(b"half a file")
    done = sync(ann, folder)
    assert done.returncode == 1
    assert "x.plait: cut short" in done.stderr
    (folder / "file").write_text("x")
    for place in ("absent", "file"):
        assert sync(ann, folder / place).returncode == 2
    async with plait.open(ann):
        done = sync(ann, folder)
    assert done.returncode == 1
    assert "sync_folder" in done.stderr


@pytest.mark.parametrize("seed", [1])
async def test_two_processes_killed_in_a_loop_lose_nothing(ann, folder, tmp_path, seed):
    chance = random.Random(seed)
    bob = tmp_path / "bob"
    for data in (ann, bob, ann, bob):
        assert sync(data, folder).returncode == 0
    expected = {"from ann 0": 0}
    for turn in range(1, 7):
        for data in (ann, bob):
            await add(data, turn)
            expected[f"from {data.name} {turn}"] = turn
        started = [watching(data, folder) for data in (ann, bob)]
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        for process in started:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    for _ in range(3):
        for data in (ann, bob):
            done = sync(data, folder)
            assert (done.returncode, done.stderr) == (0, "")
    assert await read(ann) == await read(bob) == expected
    assert not list(folder.rglob("*.new"))


async def test_an_open_store_syncs_continuously_with_one_that_is_opened_now_and_then(
    ann, folder, tmp_path
):
    bob = tmp_path / "bob"
    async with running(NodeConfig(ann)) as node, Store(Local(node)) as store:
        handle = await sync_folder(node, folder, every_s=0.1)
        with pytest.raises(BadSettings):
            await sync_folder(node, folder)
        for _ in range(20):
            assert sync(bob, folder).returncode == 0
            await asyncio.sleep(0.2)
            with contextlib.suppress(plait.PlaitError):
                if await read(bob):
                    break
        await add(bob, 5)
        assert sync(bob, folder).returncode == 0
        notes = await store.documents("notes")
        async with asyncio.timeout(STEP_S):
            while "from bob 5" not in dict(notes["n1"]):
                await asyncio.sleep(0.1)
        await handle.close()
