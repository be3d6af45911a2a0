"""What a node does beside answering: tasks that nobody waits for, and that end with it.

Invariant: an error that nobody waits for is noted.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger("plait.node")


class Tasks:
    """Tasks of one node."""

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], None] = {}

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something for as long as the node lives."""
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = None
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Cancel what runs, and return when it has ended."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._running.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.report(f"a task ended: {type(error).__name__}: {error}", error)

    def report(self, message: str, error: BaseException) -> None:
        """Note an error that nobody waits for."""
        logger.error(message, exc_info=error)
