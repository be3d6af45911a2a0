"""Lending: what a restore needs of this node's store, file by file, to somebody who makes a copy.

It is the node's history, or a backup of what its logs and states have, for as long as somebody
reads. Bounded in number with the pasts; what nobody reads any more is taken back.
"""

import asyncio
import contextlib

from plait.base.errors import Busy, Closed
from plait.base.ids import hex_id
from plait.host.backup_folder import BackupFolder
from plait.node.backup.choosing import parse_target
from plait.node.backup.folders import scratch_aside
from plait.node.pasts import Owner, source

IDLE_S = 60.0
_AT_ONCE_MAX = 8 << 20  # bytes, in one answer


class _Lent:
    """One vault, until it is taken back."""

    def __init__(self, vault: BackupFolder, held: contextlib.AsyncExitStack) -> None:
        self.vault = vault
        self.held = held
        self.read_at = 0.0


class Lending:
    """What one node has lent."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._lent: dict[str, _Lent] = {}
        self._making = 0

    async def lend(self, moment: str) -> str:
        """Have it ready; the name to ask for it by. `NoHistory`, `Busy`."""
        target, most = parse_target(moment), self._node.config.limits.pasts_max
        if len(self._lent) + self._making >= most:
            raise Busy(f"{most} copies are being made of {self._node.name}")
        self._making += 1
        try:
            async with contextlib.AsyncExitStack() as stack:
                scratch = await stack.enter_async_context(scratch_aside("copy"))
                finding = source(self._node, target, scratch / "backup")
                vault = await stack.enter_async_context(finding)
                lent = _Lent(vault, stack.pop_all())
        finally:
            self._making -= 1
        name = hex_id(self._node.random)
        lent.read_at = self._node.clock.monotonic()
        self._lent[name] = lent
        self._node.spawn(self._watch(name, lent))
        return name

    async def names(self, copies: str, folder: str) -> list[str]:
        """The names below a folder, in order."""
        return await self._find(copies).vault.names(_inside(folder))

    async def size(self, copies: str, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        return await self._find(copies).vault.size(_inside(name))

    async def read(
        self, copies: str, name: str, offset: int, bytes_max: int
    ) -> tuple[int, bytes] | None:
        """How long a file is, and some of it; None if it is not there."""
        vault = self._find(copies).vault
        size = await vault.size(_inside(name))
        if size is None:
            return None
        few = max(0, min(bytes_max, _AT_ONCE_MAX))
        data = await vault.read(name, size) if few else b""
        return size, data[offset : offset + few]

    async def whole(self, copies: str, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        return await self._find(copies).vault.read(_inside(name), bytes_max)

    async def take_back(self, copies: str) -> None:
        """It is needed no more. Idempotent."""
        lent = self._lent.pop(copies, None)
        if lent is not None:
            await lent.held.aclose()

    async def close(self) -> None:
        """Take everything back."""
        for copies in list(self._lent):
            await self.take_back(copies)

    def _find(self, copies: str) -> _Lent:
        lent = self._lent.get(copies)
        if lent is None:
            raise Closed("these copies are not lent any more: ask again")
        lent.read_at = self._node.clock.monotonic()
        return lent

    async def _watch(self, copies: str, lent: _Lent) -> None:
        clock = self._node.clock
        while copies in self._lent and clock.monotonic() - lent.read_at < IDLE_S:
            await asyncio.sleep(IDLE_S / 4)
        await self.take_back(copies)


def _inside(name: str) -> str:
    """A name that leads out of no folder."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise Closed(f"{name!r} is no name of a file that was lent")
    return name


class LentCopies:
    """Implements `plait.api.port.Copies` in this process."""

    def __init__(self, lending: Lending, copies: str) -> None:
        self._lending = lending
        self._copies = copies

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order."""
        return await self._lending.names(self._copies, folder)

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        return await self._lending.size(self._copies, name)

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt`."""
        return await self._lending.whole(self._copies, name, bytes_max)

    async def close(self) -> None:
        """They are needed no more."""
        await self._lending.take_back(self._copies)
