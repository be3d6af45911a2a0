"""The demo's stream of writes, and the book of what became of each.

Invariant: a key is in exactly one of `acknowledged` and `unclear`, or its write was refused for
certain. Keys are never written twice, so what a node must hold is known record by record.
"""

import asyncio
from typing import Any

from plait.api.table import Table
from plait.base.errors import PlaitError
from plait.cli.demo.reigns import Reigns

PAUSE_S = 0.02  # after a refusal


class Ledger:
    """What was written, as the clients know it."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, Any] = {}
        self.unclear: dict[str, Any] = {}
        self.refused = 0
        self.reigns = Reigns()

    async def write(self, table: Table, key: str, value: Any) -> PlaitError | None:
        """Put one record and note what became of it; the error, if that is what became of it."""
        # Unclear until the answer is here: this task may be cancelled while it waits.
        self.unclear[key] = value
        try:
            receipt = await table.put(key, value)
        except PlaitError as error:
            if error.definite:
                del self.unclear[key]
                self.refused += 1
            return error
        self.acknowledged[key] = self.unclear.pop(key)
        self.reigns.note(receipt.epoch)
        return None


class Stream:
    """Several writers side by side, each with one write under way, until told to stop."""

    def __init__(self, table: Table, ledger: Ledger, prefix: str, writers: int) -> None:
        """prefix: of every key; no other stream into the table has it."""
        self._table = table
        self._ledger = ledger
        self._prefix = prefix
        self._stopping = False
        self._tasks = [asyncio.create_task(self._write(number)) for number in range(writers)]

    async def stop(self, timeout_s: float) -> None:
        """Let every write that is under way come to its end; those that do not stay unclear."""
        self._stopping = True
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    def abort(self) -> None:
        """Stop at once."""
        for task in self._tasks:
            task.cancel()

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._stopping:
            value = {"writer": writer, "number": number}
            key = f"{self._prefix}{writer}-{number:06d}"
            error = await self._ledger.write(self._table, key, value)
            number += 1
            if error is not None:
                await asyncio.sleep(PAUSE_S)
