"""How many decisions wait in each collection of documents, for metrics.

The first who asks begins it: every document is looked at once, and from then on those that change,
a few at a time between other work. Nobody asks for an hour: it ends.

Invariant: it holds the processor no longer than `SLICE_S` at once, so a number is of a moment ago,
and there is none before all documents were looked at. Absent: what the conflicts are.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from plait.api.documents import Documents
from plait.api.store import Store
from plait.base.errors import PlaitError

logger = logging.getLogger("plait.doors.http")

SLICE_S = 0.002
PAUSE_S = 0.01  # between two slices
IDLE_S = 3600.0
DIRTY_MAX = 100_000  # of more documents than that all are looked at again
COLLECTIONS_MAX = 1024


class Inbox:
    """The counts of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: dict[str, _Counted] = {}
        self._task: asyncio.Task[None] | None = None
        self._asked_at = 0.0

    async def counts(self) -> dict[str, int]:
        """By collection, of those that are counted by now."""
        self._asked_at = time.monotonic()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on())
        return {
            name: sum(one.found.values()) for name, one in self._counted.items() if one.complete
        }

    def close(self) -> None:
        """Count no more."""
        if self._task is not None:
            self._task.cancel()
        for one in self._counted.values():
            one.stop()
        self._counted.clear()

    async def _go_on(self) -> None:
        try:
            while time.monotonic() - self._asked_at < IDLE_S:
                await self._find()
                until = time.monotonic() + 1.0
                while time.monotonic() < until:
                    for one in self._counted.values():
                        one.look(time.monotonic() + SLICE_S)
                        await asyncio.sleep(PAUSE_S)
                    await asyncio.sleep(PAUSE_S if any(self._waiting()) else 0.2)
        except PlaitError as error:
            logger.info("conflicts are not counted: %s", error)
        finally:
            self.close()

    def _waiting(self) -> list[bool]:
        return [bool(one.dirty) for one in self._counted.values()]

    async def _find(self) -> None:
        """Begin with collections that are new, and end with those that are gone."""
        names = {info.name for info in await self._store.collections()}
        for name in set(self._counted) - names:
            self._counted.pop(name).stop()
        for name in sorted(names - set(self._counted))[:COLLECTIONS_MAX]:
            try:
                self._counted[name] = _Counted(await self._store.documents(name, create=False))
            except PlaitError as error:
                logger.debug("conflicts of %s are not counted: %s", name, error)


class _Counted:
    """One collection."""

    def __init__(self, documents: Documents[Any]) -> None:
        self.found: dict[str, int] = {}  # by key, of those that have some
        self.complete = False
        self._documents = documents
        self.dirty: dict[str, None] = dict.fromkeys(documents)
        self.stop: Callable[[], None] = documents.on_change(self._changed)

    def _changed(self, key: str, own: bool) -> None:
        if len(self.dirty) < DIRTY_MAX or key in self.dirty:
            self.dirty[key] = None
        else:
            self.dirty = dict.fromkeys([*self._documents, *self.found])

    def look(self, until: float) -> None:
        """Look at documents that may have changed, for a moment."""
        while self.dirty and time.monotonic() < until:
            key = next(iter(self.dirty))
            del self.dirty[key]
            try:
                count = len(self._documents[key].conflicts()) if key in self._documents else 0
            except PlaitError:
                count = 0
            if count:
                self.found[key] = count
            else:
                self.found.pop(key, None)
        self.complete = self.complete or not self.dirty
