"""A dropped table, read where its rows still are: at a follower that is delayed or was held.

It can only be read. Which node answers is the store's: connect to that follower alone.
"""

from collections.abc import AsyncIterator
from typing import Any

from plait.api.context import Context
from plait.api.infos import TableInfo
from plait.api.settings import ReadOptions
from plait.api.table import Table

ANY_LAG_S = float("inf")


class DroppedTable:
    """A handle on the rows of a table that is no more."""

    def __init__(self, context: Context, info: TableInfo) -> None:
        self.info = info
        self._table = Table(context, info, ReadOptions("nearest", ANY_LAG_S))

    @property
    def name(self) -> str:
        """What it was called."""
        return self.info.name

    async def get(self, key: str, default: Any = None) -> Any:
        """A row's value as the node that answers has it, or `default`."""
        return await self._table.get(key, default)

    async def count(self) -> int:
        """How many rows the node that answers has."""
        return await self._table.count()

    def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None
    ) -> AsyncIterator[tuple[str, Any]]:
        """Pairs (key, value) with start <= key < stop, in key order."""
        return self._table.scan(start, stop, prefix=prefix)
