"""A process that builds or opens a store of many documents, and says what that took.

``python -m plait.bench.graph_store build FOLDER DOCUMENTS`` or ``... touch FOLDER DOCUMENTS``; it
prints its figures as JSON. A process of its own, because memory is measured.
"""

import asyncio
import os
import sys
import time
from typing import Any

import msgspec

import plait
from plait.bench.graph_peers import key_of

OPERATIONS_A_TICK = 1_000
TOUCHED = 1_000
MEBIBYTE = 1 << 20


class Kept(plait.Document):
    """What the store holds many of."""

    title = plait.Register(str)
    likes = plait.Counter()


async def build(folder: str, count: int) -> dict[str, Any]:
    """Make `count` documents; seconds each, to disk."""
    begin = time.perf_counter()
    async with plait.open(folder) as store:
        documents = await store.documents("kept", Kept)
        for number in range(count):
            documents[key_of(number)].title = f"the title of {number}"
            if number % OPERATIONS_A_TICK == OPERATIONS_A_TICK - 1:
                await asyncio.sleep(0)
        await documents.flush()
    return {"seconds": time.perf_counter() - begin}


async def touch(folder: str, count: int) -> dict[str, Any]:
    """Open the store, then change some of its `count` documents."""
    before = resident_mib()
    begin = time.perf_counter()
    async with plait.open(folder) as store:
        documents = await store.documents("kept", Kept)
        first = documents[key_of(count // 2)].title
        figures: dict[str, Any] = {"open_s": time.perf_counter() - begin}
        assert first == f"the title of {count // 2}"
        assert len(documents) == count
        opened = resident_mib()
        for number in range(0, count, max(count // TOUCHED, 1)):
            documents[key_of(number)].likes += 1
        await documents.flush()
        touched = resident_mib()
    return {**figures, "start_mib": before, "open_mib": opened, "touched_mib": touched}


def resident_mib() -> float:
    """The memory that this process has now."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE


def main(arguments: list[str]) -> None:
    """Do it and print."""
    what, folder, count = arguments
    work = {"build": build, "touch": touch}[what]
    print(msgspec.json.encode(asyncio.run(work(folder, int(count)))).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
