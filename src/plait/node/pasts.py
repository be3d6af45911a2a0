"""Pasts: stores as they were, opened at a node to be read.

::

    the archive (`history`), or a backup of what the logs still have
        ─► restored to the moment, in a folder for temporary files     in a thread
        ─► folded there, so that opening it takes no time              in a thread
        ─► a node of its own in this process, which nobody can reach

Bounded in number and in bytes: who asks for more is told to come back (`Busy`). A past that was
handed out to a client goes when nobody has been connected to it for a while.

Invariant: what is opened is as of the moment that was asked for, in all collections that it has;
a moment before what is kept is refused (`NoHistory`), and so is opening documents that are kept
since later only.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from plait.base.errors import Busy, Closed, DiskNearlyFull, NoHistory, NoSuchCollection, PlaitError
from plait.base.ids import hex_id
from plait.engines.graph import Replica
from plait.host.backup_folder import BackupFolder
from plait.host.disk import room
from plait.host.loop import on_own_loop
from plait.node.backup import taking
from plait.node.backup.choosing import Choice, Target, parse_target
from plait.node.backup.folders import restore_folder, scratch_aside
from plait.node.backup.layout import Manifest
from plait.node.backup.restoring import Restored
from plait.node.backup.taking import Keeping, take_backup
from plait.node.backup.vault import Pieces, read_manifests
from plait.node.config import NodeConfig
from plait.node.history import History, begins_ms
from plait.types.machines import Machines

NAME = "past"
IDLE_S = 60.0
_NEVER = 1 << 62


class Opened(Protocol):
    """A running node, as far as reading it needs it."""

    name: str


class Owner(taking.Owner, Protocol):
    """The node, as far as its pasts need it."""

    config: NodeConfig
    machines: Machines
    history: History

    def spawn(self, work: Any) -> None: ...


Opener = Callable[[NodeConfig], contextlib.AbstractAsyncContextManager[Any]]


class Past:
    """A store as it was, for as long as it is not closed."""

    def __init__(
        self, node: Any, restored: Restored, size: int, closing: Callable[[], Any]
    ) -> None:
        self.node = node  # a `Node`
        self.restored = restored
        self.size = size
        self.users = 0
        self.visited = False  # somebody came for it
        self.idle_since = 0.0
        self._closing = closing

    def check_documents(self, name: str) -> None:
        """Raise `NoHistory` for a collection of which later moments only are kept."""
        since_ms = self.restored.late.get(name)
        if since_ms is not None:
            raise NoHistory(
                f"documents {name!r} are kept since {shown(since_ms)} only", since_ms=since_ms
            )

    async def close(self) -> None:
        """Stop its node and remove its folder. Idempotent."""
        await self._closing()


class Pasts:
    """Those of one node."""

    def __init__(self, node: Owner) -> None:
        self.opener: Opener | None = None  # runs a node on a folder; None: in no real folder
        self._node = node
        self._open: dict[Past, None] = {}
        self._making = 0
        self._offered: dict[str, Past] = {}
        self._turn = asyncio.Lock()  # one is made at a time

    # ------------------------------------------------------------------ in this process

    async def open(self, at: str) -> Past:
        """The store as of a moment, as `plait restore --at` understands it."""
        target, limits = parse_target(at), self._node.config.limits
        if len(self._open) + self._making >= limits.pasts_max:
            await self._close_idle()
        if len(self._open) + self._making >= limits.pasts_max:
            raise Busy(f"{limits.pasts_max} stores as they were are open at {self._node.name}")
        self._making += 1
        try:
            async with self._turn:
                making = asyncio.ensure_future(self._make(target))
                try:
                    return await asyncio.shield(making)
                except asyncio.CancelledError:
                    making.add_done_callback(self._unwanted)  # threads cannot be interrupted
                    raise
        finally:
            self._making -= 1

    async def _close_idle(self) -> None:
        """Close the one that its clients left longest ago, if there is one."""
        left = [(past.idle_since, token) for token, past in self._offered.items()
                if past.visited and not past.users]  # fmt: skip
        if left:
            await self._offered.pop(min(left)[1]).close()

    def _unwanted(self, making: "asyncio.Future[Past]") -> None:
        if not making.cancelled() and making.exception() is None:
            self._node.spawn(making.result().close())

    async def _make(self, target: Target) -> Past:
        node, opener = self._node, self.opener
        if opener is None:
            raise NoHistory("this store is in no folder, and keeps no history")
        async with contextlib.AsyncExitStack() as stack:
            scratch = await stack.enter_async_context(scratch_aside("past"))
            async with source(node, target, scratch / "backup") as vault:
                size = await self._size(vault, target, scratch)
                folder = scratch / NAME
                restored = await on_own_loop(
                    lambda: restore_folder(vault.path, folder, target, NAME)
                )
            config = NodeConfig(folder, NAME, machines=node.machines.kinds)
            await on_own_loop(lambda: _fold(opener, config))
            opened = await stack.enter_async_context(opener(config))
            kept = stack.pop_all()
        past = Past(opened, restored, size, lambda: self._close(past, kept))
        self._open[past] = None
        return past

    async def _size(self, vault: BackupFolder, target: Target, scratch: Path) -> int:
        """About how many bytes it takes; raises if that is too much."""
        manifests = [manifest async for manifest in read_manifests(vault)]
        choice = Choice(manifests, target, Pieces(vault))
        await choice.begin()
        size = await choice.size()
        held, most = sum(past.size for past in self._open), self._node.config.limits.past_bytes_max
        if held + size > most:
            raise Busy(f"it takes {size} bytes; {held} are in use, and {most} allowed")
        free = room(scratch)
        if free is not None and free[0] < 2 * size:
            raise DiskNearlyFull(
                f"it takes {2 * size} bytes in {scratch.parent}, and {free[0]} are free there",
                free_bytes=free[0], reserve_bytes=2 * size,
            )  # fmt: skip
        return size

    async def _close(self, past: Past, kept: contextlib.AsyncExitStack) -> None:
        if self._open.pop(past, self) is self:
            return
        await kept.aclose()

    # ------------------------------------------------------------------ for clients

    async def offer(self, at: str) -> dict[str, Any]:
        """Open one for clients to connect to: its ``past``, and nothing of what is in it."""
        past = await self.open(at)
        token = hex_id(self._node.random)
        past.idle_since = self._node.clock.monotonic()
        self._offered[token] = past
        self._node.spawn(self._watch(token, past))
        return {"past": token}

    def offered(self, token: str) -> Past:
        """One that was offered; `Closed` if it is gone."""
        past = self._offered.get(token)
        if past is None:
            raise Closed("that past is not open here any more: ask for it again")
        return past

    async def _watch(self, token: str, past: Past) -> None:
        clock = self._node.clock
        while past.users or clock.monotonic() - past.idle_since < IDLE_S:
            await asyncio.sleep(IDLE_S / 4)
        self._offered.pop(token, None)
        await past.close()

    def visit(self, token: str) -> Past:
        """A client came for one that was offered; `Closed` if it is gone."""
        past = self.offered(token)
        past.users += 1
        past.visited = True
        return past

    def left(self, past: Past) -> None:
        """A client that used it went away."""
        past.users -= 1
        past.idle_since = self._node.clock.monotonic()

    async def close(self) -> None:
        """Close all of them."""
        for past in list(self._open):
            with contextlib.suppress(PlaitError):
                await past.close()


# ------------------------------------------------------------------------------- where it is


@contextlib.asynccontextmanager
async def source(node: Owner, target: Target, scratch: Path) -> AsyncIterator[BackupFolder]:
    """A folder of backups that has the moment, for as long as it is read: the node's history, or
    what its logs still have. `NoHistory` says how far back it goes."""
    async with node.history.read() as (kept, behind):
        if kept is not None:
            assert isinstance(kept, BackupFolder), "a node in a folder keeps its history in one"
            vault = kept
        else:
            _check(target, max(map(_log_begins_ms, node.hosts())))
            vault = BackupFolder(scratch)
            await take_backup(node, vault, copy_after=_NEVER, keeping=Keeping(0, {}))
        manifests = [manifest async for manifest in read_manifests(vault)]
        if behind is not None and not any(_reaches(manifest, target) for manifest in manifests):
            raise behind
        _check_all(target, manifests)
        yield vault


def _reaches(manifest: Manifest, target: Target) -> bool:
    """Whether a backup was taken after a moment."""
    if target.time_ms is not None:
        return manifest.time_ms > target.time_ms
    return any(line.line == target.line and line.position >= target.position > -1
               for line in manifest.lines)  # fmt: skip


def _log_begins_ms(host: Any) -> int:
    replica = host.replica
    return int(replica.time_ms) if host.loglet.head else 0


def _check(target: Target, since_ms: int) -> None:
    if target.time_ms is not None and target.time_ms < since_ms:
        raise NoHistory(
            f"what is kept of the past here begins at {shown(since_ms)}, and "
            f"{shown(target.time_ms)} is before that", since_ms=since_ms,
        )  # fmt: skip


def _check_all(target: Target, manifests: list[Manifest]) -> None:
    _check(target, min(map(begins_ms, manifests)))
    if target.position < 0:
        return
    found = [line for manifest in manifests for line in manifest.lines if line.line == target.line]
    if not found:
        raise NoSuchCollection(f"there is no line {target.line!r}; `plait status` names them")
    first = min(line.copies[0].through for line in found)
    if target.position < first:
        since_ms = min(line.copies[0].time_ms for line in found)
        raise NoHistory(
            f"what is kept of {target.line} here begins at position {first}", since_ms=since_ms
        )


async def _fold(opener: Opener, config: NodeConfig) -> None:
    """Have the states on disk stand where the logs end."""
    async with opener(config) as node:
        for host in node.hosts():
            if host.replica.halted is None:
                await host.caught_up()
                await host.replica.flush()
        replicas: list[Replica] = node.graphs.replicas()
        for replica in replicas:
            await replica.flush()


def shown(time_ms: int) -> str:
    """A time for people, with its offset."""
    return datetime.fromtimestamp(time_ms / 1000).astimezone().isoformat(timespec="milliseconds")
