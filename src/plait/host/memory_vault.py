"""A vault for backups with no disk: for tests and simulation, with the same semantics.

Every call takes a turn of the loop, so that others get in between, as they do with a folder.
Absent: faults; the simulator adds those around it.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from plait.base.errors import Corrupt

T = TypeVar("T")


class MemoryVault:
    """Files by name. It outlives whoever uses it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order; none if it is not there."""
        await asyncio.sleep(0)
        front = f"{folder}/" if folder else ""
        below = [name.removeprefix(front) for name in self.files if name.startswith(front)]
        return sorted({name.partition("/")[0] for name in below})

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        await asyncio.sleep(0)
        data = self.files.get(name)
        return None if data is None else len(data)

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        await asyncio.sleep(0)
        data = self.files.get(name)
        if data is None:
            raise Corrupt(f"{name} is missing from the vault")
        if len(data) > bytes_max:
            raise Corrupt(f"{name} is longer than the {bytes_max} bytes that it should have")
        return data

    async def write(self, name: str, data: bytes) -> None:
        """Put a file there, in place of what bears its name."""
        await asyncio.sleep(0)
        self.files[name] = bytes(data)

    async def settle(self) -> None:
        """There is no power to be cut."""

    async def remove(self, *names: str) -> None:
        """Take files away; they may be gone already."""
        for name in names:
            await asyncio.sleep(0)
            self.files.pop(name, None)

    async def remove_drafts(self) -> None:
        """There are none."""

    async def move(self, name: str, to: str) -> None:
        """Give a file another name, in one step; it may be gone already."""
        await asyncio.sleep(0)
        data = self.files.pop(name, None)
        if data is not None:
            self.files[to] = data

    async def aside(self, work: Callable[[], T]) -> T:
        """Do it here and now: a false world has one thread."""
        return work()
