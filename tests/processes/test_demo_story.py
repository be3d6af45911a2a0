"""The demo, as `make demo` runs it: its story ends well, and something is left to decide."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path

import httpx

STORY_S = 90.0
STAYS = re.compile(rb"Console\s+(http://\S+)")


async def test_the_demo_loses_nothing_and_stays_open_with_a_conflict_to_decide(
    tmp_path: Path,
) -> None:
    summary = tmp_path / "summary.json"
    folder = str(tmp_path / "nodes")
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "plait", "demo", "--json", str(summary), "--keep", folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    told = bytearray()
    assert demo.stdout is not None
    try:
        async with asyncio.timeout(STORY_S):
            while not (summary.exists() and STAYS.search(told)):
                part = await demo.stdout.read(4096)
                assert part, told.decode(errors="replace")[-3000:]
                told += part
        figures = json.loads(summary.read_bytes())
        assert all(figures[one] for one in ("ok", "linearizable", "documents_equal")), figures
        assert figures["lost"] == figures["unexpected"] == 0
        address = STAYS.search(told)
        assert address is not None
        await _waits_for_a_person(address[1].decode())
    finally:
        if demo.returncode is None:
            demo.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await demo.communicate()


async def _waits_for_a_person(address: str) -> None:
    async with httpx.AsyncClient(base_url=address.rstrip("/")) as client, asyncio.timeout(30):
        while True:
            answer = await client.get("/v1/documents/meetings/conflicts")
            if answer.status_code == 200 and "Thursday 14:00" in answer.text:
                return
            await asyncio.sleep(0.1)
