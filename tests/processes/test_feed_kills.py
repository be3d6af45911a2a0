"""`plait feed` into a file, killed with kill -9 over and over: no change is missing or doubled."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from nodes import Nodes

import plait
from plait import Leader

KILLS = int(os.environ.get("PLAIT_FEED_KILLS", "6"))


def start(url: str, path: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "plait", "feed", "films", "--url", url, "--to", f"jsonl:{path}",
        "--group", "archive", "--from", "0.0", "--takeover", "1", *more,
    ]  # fmt: skip
    return subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_file_has_every_change_once_whatever_is_killed(tmp_path: Path) -> None:
    nodes = Nodes(tmp_path, 1)
    path = tmp_path / "films.jsonl"
    chance = random.Random(7)
    try:
        nodes.start()
        async with plait.connect(nodes.url) as store:
            films = await store.table("films", Leader())
            done = asyncio.Event()

            async def write() -> int:
                count = 0
                while not done.is_set():
                    async with films.transaction() as t:
                        for part in range(3):
                            t[f"k{part}"] = count
                    count += 1
                return count

            writing = asyncio.create_task(write())
            for _ in range(KILLS):
                process = start(nodes.url, path)
                size = path.stat().st_size if path.exists() else 0
                async with asyncio.timeout(30):
                    while not path.exists() or path.stat().st_size == size:
                        assert process.poll() is None, process.stderr
                        await asyncio.sleep(0.01)
                await asyncio.sleep(chance.uniform(0, 0.3))
                process.kill()
                process.wait()
                assert process.stderr is not None
                process.stderr.close()
            done.set()
            count = await writing
            process = start(nodes.url, path)
            async with asyncio.timeout(60):
                while f'"value":{count - 1},"last":true' not in tail(path):
                    assert process.poll() is None, process.stderr
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.to_thread(process.communicate, timeout=20)
            assert (process.returncode, said) == (0, b"ended\n")
            place = (await (await store.table("films.feeds")).get("archive"))["held"]
            assert place is False  # it let go, so the next one need not wait
    finally:
        nodes.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["key"], row["value"]) for row in rows] == [
        (f"k{part}", number) for number in range(count) for part in range(3)
    ]
    assert [row.get("last", False) for row in rows] == [False, False, True] * count
    assert len({row["cursor"] for row in rows}) == count


def tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 4096, 0))
        return file.read().decode(errors="replace")
