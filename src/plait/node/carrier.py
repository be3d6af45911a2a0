"""What syncing through left files asks of whatever carries them, and the carrier that is a folder.

Files appear whole or not at all, in any order, twice or never; each has one writer, and nobody else
removes it. What was written or removed counts once `commit` has returned.

Absent: what files mean (`folder_sync`), and the carrier that is a log (`relay_carrier`).
"""

import asyncio
from typing import Protocol

from plait.host.shared_folder import Found, Label, Scan, SharedFolder


class Carrier(Protocol):
    """Where files are left."""

    @property
    def heads_kept(self) -> int:
        """How many heads of one writer make sure that one has arrived."""
        ...

    @property
    def heads_apart(self) -> bool:
        """Whether every collection has a head of its own, left when that one changed."""
        ...

    @property
    def additions_max(self) -> int:
        """How many additions there may be to what is left before all is left anew as one set."""
        ...

    async def scan(self) -> Scan:
        """Everything that is there."""
        ...

    async def read(self, found: Found) -> bytes:
        """The body of a file. `BadFrame` if it is gone or not what it was."""
        ...

    async def write(self, label: Label, body: bytes) -> Found:
        """Add a file."""
        ...

    async def remove(self, found: Found) -> None:
        """Remove a file of one's own; it may be gone already."""
        ...

    async def tidy(self, writer: str) -> None:
        """Remove what a crash left of one's own."""
        ...

    async def commit(self, urgent: bool) -> None:
        """Everything that was written and removed takes effect. urgent: others wait for it."""
        ...


class FolderCarrier:
    """A shared folder: every file takes effect by itself."""

    heads_kept = 2  # the newest may still be under way while the one before has arrived
    heads_apart = False  # two files a writer, however many collections there are
    additions_max = 32

    def __init__(self, shared: SharedFolder) -> None:
        self._shared = shared

    async def scan(self) -> Scan:
        """See `Carrier`."""
        return await asyncio.to_thread(self._shared.scan)

    async def read(self, found: Found) -> bytes:
        """See `Carrier`."""
        return await asyncio.to_thread(self._shared.read, found)

    async def write(self, label: Label, body: bytes) -> Found:
        """See `Carrier`."""
        return await asyncio.to_thread(self._shared.write, label, body)

    async def remove(self, found: Found) -> None:
        """See `Carrier`."""
        await asyncio.to_thread(self._shared.remove, found)

    async def tidy(self, writer: str) -> None:
        """See `Carrier`."""
        await asyncio.to_thread(self._shared.tidy, writer)

    async def commit(self, urgent: bool) -> None:
        """Nothing: it was all done."""
