"""A store: every collection of a folder or a cluster, as one user holds it.

A store is itself a session: it reads its own writes on whichever node it asks. It belongs to the
event loop that it was opened on.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, TypeVar

from plait.api.messages import TableInfo
from plait.api.port import Backend
from plait.api.session import Session
from plait.api.table import Table
from plait.api.transaction import Transaction
from plait.base.errors import Conflict

T = TypeVar("T")

ATTEMPTS = 16
BACK_OFF_S = 0.002


class Store(Session):
    """Made by `plait.open` and `plait.connect`; an async context manager."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)

    async def __aenter__(self) -> "Store":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the store; its handles raise `Closed` from then on."""
        if not self._closed:
            self._closed = True
            await self._backend.close()

    # ------------------------------------------------------------------ collections

    async def tables(self) -> list[TableInfo]:
        """Every table, with its line and settings."""
        self.check()
        return await self._backend.tables()

    async def drop_table(self, name: str) -> None:
        """Remove a table and its rows for good."""
        self.check()
        await self._backend.drop_table(name)

    def session(self, token: str | None = None) -> Session:
        """A session of its own, perhaps going on where another (its `token`) stopped."""
        self.check()
        return Session(self._backend, token)

    def transaction(self, *tables: Table) -> Transaction:
        """A transaction over tables of one line; the first is the one that `t[key]` means."""
        self.check()
        return Transaction(self, self._backend, *(table.info for table in tables))

    async def transact(
        self, body: Callable[[Transaction], Awaitable[T]], *tables: Table, attempts: int = ATTEMPTS
    ) -> T:
        """Run ``await body(t)`` in a transaction, again after each `Conflict`; what it returned.

        Raises the last `Conflict` after so many attempts.
        """
        for attempt in range(1, attempts + 1):
            transaction = self.transaction(*tables)
            try:
                async with transaction:
                    return await body(transaction)
            except Conflict:
                if attempt == attempts:
                    raise
            await asyncio.sleep(random.uniform(0, BACK_OFF_S * min(2**attempt, 64)))
        raise AssertionError("attempts is at least 1")

    async def flush(self) -> None:
        """Fold what was acknowledged into the state on disk (the log has it already)."""
        self.check()
        await self._backend.flush()

    # ------------------------------------------------------------------ operating

    async def status(self) -> dict[str, Any]:
        """``{"nodes": {name: status or {"error": why}}}``: roles, epochs, positions and lag."""
        self.check()
        return await self._backend.status()

    async def promote(
        self,
        node: str | None = None,
        line: str | None = None,
        accept_loss: bool = False,
        timeout_s: float = 10.0,
    ) -> dict[str, Any]:
        """Make a node the leader (None: the most advanced follower). `PromotionRefused` says why
        not."""
        self.check()
        return await self._backend.promote(node, line, accept_loss, timeout_s)

    async def switch_over(
        self, target: str, line: str | None = None, timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Hand the lead over to `target` without losing anything."""
        self.check()
        return await self._backend.switch_over(target, line, timeout_s)

    async def rescued(self) -> list[dict[str, Any]]:
        """What promotions cut away, at every node that can be reached."""
        self.check()
        return await self._backend.rescued()

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """One rescued suffix with its records."""
        self.check()
        return await self._backend.show_rescued(node, rescued)

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Apply a rescued suffix, each command at most once; counts of what happened."""
        self.check()
        return await self._backend.replay_rescued(node, rescued)

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget a rescued suffix."""
        self.check()
        await self._backend.drop_rescued(node, rescued)
