"""Opening lines again after the disk has refused writes: what is in memory is not what is on it.

A line that halted by itself is opened again by itself. Where the log took no writes, everything
that stands on the folder is closed first, and opened again when all that was on its way to the
disk is through; until then nobody else opens a line (`shut`).

Invariant: however an attempt fails, there is another one. Of a line at most one core is open.

Absent: a lone node whose log is suspect; a person must decide.
"""

import asyncio
import logging
from typing import Protocol

from plait.base.errors import PlaitError
from plait.base.ports import Storage
from plait.node.distrust import begin_anew
from plait.node.line_host import LineHost
from plait.node.written import written

logger = logging.getLogger("plait.node")

RECOVER_S = 2.0


class Owner(Protocol):
    """The node, as far as its lines are opened again."""

    storage: Storage
    control: LineHost
    lines: dict[str, LineHost]
    opening: asyncio.Lock

    @property
    def alone(self) -> bool: ...

    async def open_control(self) -> None: ...

    async def close_lines(self) -> None: ...

    async def reconcile(self) -> None: ...

    def report(self, message: str, error: BaseException) -> None: ...


class Reopening:
    """Leaves read-only mode when the disk allows it again."""

    def __init__(self, node: Owner) -> None:
        self.shut = False  # everything is closed: the log must be well before a line is opened
        self._node = node

    async def watch(self) -> None:
        """For as long as the node lives."""
        node = self._node
        while True:
            await asyncio.sleep(RECOVER_S)
            if node.storage.log.suspect is not None and node.alone:
                continue
            try:
                again = await self._look()
            except PlaitError as error:
                logger.info("still read-only: %s", error)
            except Exception as error:
                node.report(f"lines could not be opened again: {error!r}", error)
            else:
                if again:
                    logger.warning("writing again")

    async def _look(self) -> bool:
        """Open again what has to be; whether there was anything."""
        node = self._node
        halted = [line for line, host in node.lines.items() if host.halted]
        unwell = node.storage.log.read_only is not None or node.control.halted
        if unwell or self.shut:
            await self._all()
            return True
        if halted:
            await self._some(halted)
        return bool(halted)

    async def _all(self) -> None:
        node = self._node
        log = node.storage.log
        if log.suspect is None:
            await node.storage.recover()
        async with node.opening:
            self.shut = True
            await node.close_lines()
            if log.suspect is not None:
                await begin_anew(node.storage)
            await written(log)
        self.shut = False
        try:
            await node.open_control()
        except BaseException:
            self.shut = True
            raise
        await self._open_lines()

    async def _some(self, halted: list[str]) -> None:
        node = self._node
        async with node.opening:
            for line in halted:
                await node.lines.pop(line).close()
            await written(node.storage.log)
        await self._open_lines()

    async def _open_lines(self) -> None:
        try:
            await self._node.reconcile()
        except PlaitError as error:  # the node tries again by itself, with what is open left open
            logger.warning("not every line could be opened again yet: %s", error)
