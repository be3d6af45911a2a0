"""A reader in a process of its own: ``python -m plait.bench.reader ADDRESS FROM SECONDS KEY...``.

Reads rows from one node for so many seconds, sixteen at a time, and prints a sample as JSON. A
Python client uses a whole core, so several nodes can only be kept busy by several processes.
"""

import itertools
import sys
from typing import cast

import msgspec
import uvloop

import plait
from plait.api.settings import ReadFrom
from plait.bench.load import Operation, closed_loop
from plait.bench.measure import Sample
from plait.bench.plait_client import TABLE

IN_FLIGHT = 16


async def read(address: str, source: ReadFrom, seconds: float, keys: list[str]) -> Sample:
    """The sample of reads that the node at `address` alone answered."""
    async with plait.connect(f"plait://{address}", only=True) as store:
        table = await store.table(TABLE, read=source)
        endless = itertools.cycle(keys)
        operation: Operation = lambda: table.get(next(endless))  # noqa: E731
        return await closed_loop([operation] * IN_FLIGHT, seconds)


def main(arguments: list[str]) -> None:
    """Read and print."""
    address, source, seconds, *keys = arguments
    found = uvloop.run(read(address, cast(ReadFrom, source), float(seconds), keys))
    print(msgspec.json.encode(found).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
