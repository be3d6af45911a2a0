"""A program that opens a store and reads one row: ``python -m plait.bench.opener FOLDER KEY``.

The bench starts it as a process of its own and times it from the start of the interpreter until
this line is printed, because that is what a user waits for.
"""

import asyncio
import sys

import plait


async def main(folder: str, key: str) -> None:
    """Print the row's presence, at once."""
    async with plait.open(folder) as store:
        table = await store.table("bulk")
        print("found" if await table.get(key) is not None else "absent", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
