"""A disk that failed: nothing is written until the owner of the storage has recovered it.

What was written and did not get to the disk stays visible and unsent, and is handed over again.
After anything but a full or read-only disk the id is given up as well, for nobody can say what of
it is there.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from plait.base.errors import DiskFull, FolderReadOnly, PlaitError, ReadOnly
from plait.base.ports import LogStorage
from plait.engines.graph.journal import Journal
from plait.engines.graph.writer import Writer

logger = logging.getLogger("plait.graph")

RECOVER_S = 0.25


class Restart(Protocol):
    """Going on under a fresh id."""

    def __call__(self, reason: str, trusted: bool = False, retire: int = 0) -> None: ...


class Recovery:
    """Of one replica. `stopped()`: it is not to be used any more."""

    def __init__(
        self,
        name: str,
        log: LogStorage,
        journal: Journal,
        writer: Writer,
        stopped: Callable[[], bool],
        restart: Restart,
    ) -> None:
        self._name = name
        self._log = log
        self._journal = journal
        self._writer = writer
        self._stopped = stopped
        self._restart = restart
        self._timer: asyncio.TimerHandle | None = None

    def failed(self, error: PlaitError) -> None:
        """The log took no writes."""
        if self._stopped():
            return
        logger.error("graph %s takes no writes: %s", self._name, error)
        self._writer.error = ReadOnly(f"documents {self._name!r} take no writes: {error}")
        self._writer.watch()
        self._again_later()

    def _again_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(RECOVER_S, self._try_again)

    def _try_again(self) -> None:
        """Go on when the owner has recovered the storage."""
        if self._stopped():
            return
        if self._log.read_only is not None:
            self._again_later()
            return
        self._timer = None
        error = self._journal.error
        self._writer.error = None
        self._writer.watch()
        self._journal.retry()
        if not isinstance(error, DiskFull | FolderReadOnly):
            self._restart(f"a write failed: {error}", trusted=True)

    def close(self) -> None:
        """Try nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
