"""A shared folder that an open store is synced through, continuously.

Absent: what a round does (`folder_sync`).
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from weakref import WeakKeyDictionary

from plait.base.errors import BadSettings, PlaitError
from plait.node.folder_report import RoundReport
from plait.node.folder_sync import FolderSync, Node

logger = logging.getLogger("plait.folder")

EVERY_S = 1.0

_syncing: "WeakKeyDictionary[Node, dict[Path, None]]" = WeakKeyDictionary()


class FolderHandle:
    """A folder that is synced until `close`; `last` is the last round's report, `error` why the
    last one failed, or None."""

    def __init__(self, sync: FolderSync, every_s: float, forget: Callable[[], object]) -> None:
        self.last: RoundReport | None = None
        self.error: PlaitError | None = None
        self.rounds = 0
        self._sync = sync
        self._every_s = every_s
        self._forget = forget
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def close(self) -> None:
        """Do a last round, so that what was written is left, and stop."""
        self._stop.set()
        await self._ended.wait()

    async def run(self) -> None:
        """Do rounds until `close`."""
        self._ended.clear()
        try:
            while True:
                stopping = self._stop.is_set()
                await self.round()
                if stopping:
                    return
                try:
                    await asyncio.wait_for(self._stop.wait(), self._every_s)
                except TimeoutError:
                    continue
        finally:
            self._forget()
            self._ended.set()

    async def round(self) -> None:
        """Do one round now; what was wrong with it is in `last` and `error`."""
        try:
            self.last = await self._sync.round()
            self.error = None
            for what in self.last.wrong:
                logger.warning("%s: %s", self._sync.shared.path, what)
        except PlaitError as error:
            if self.error is None or self.error.message != error.message:
                logger.warning("%s: %s", self._sync.shared.path, error)
            self.error = error
        self.rounds += 1


async def sync_folder(node: Node, path: str | Path, every_s: float = EVERY_S) -> FolderHandle:
    """Sync every collection through the folder at `path` until the handle, or the node, is closed.

    The first round is done when this returns; what was wrong with it is in the handle's `last` and
    `error`. Raises `BadSettings` if there is no such folder, or it is being synced already.
    """
    sync = FolderSync(node, Path(path).resolve())
    busy = _syncing.setdefault(node, {})
    if sync.shared.path in busy:
        raise BadSettings(f"{sync.shared.path} is being synced already")
    busy[sync.shared.path] = None
    handle = FolderHandle(sync, every_s, lambda: busy.pop(sync.shared.path, None))
    await handle.round()
    node.spawn(handle.run())
    return handle
