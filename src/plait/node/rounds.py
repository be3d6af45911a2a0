"""Rounds: what a node looks at again and again, on one timer, so that an idle node sleeps.

Invariant: watchers look in the order in which they were added. A look waits for nothing; what it
begins, it spawns. What the world refuses it asks for in its next look; a watcher that raises
anything else is told of and looks no more, and the others go on.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable
from typing import Protocol

from plait.base.errors import PlaitError

logger = logging.getLogger("plait.node")

TURN_S = 0.05  # every watcher's pause is a multiple of it


class Watcher(Protocol):
    """Who looks."""

    every_s: float

    def watch(self) -> None:
        """Look, and begin what is due."""
        ...


class Rounds:
    """The watchers of one node."""

    def __init__(self, failed: Callable[[str, BaseException], None], *watchers: Watcher) -> None:
        self._failed = failed
        self._due: list[list[Watcher]] = []  # who looks, turn by turn, over and over
        self._plan(watchers)
        self._turns = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; the first turn is a pause away."""
        self._timer = asyncio.get_running_loop().call_later(TURN_S, self._turn)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _turn(self) -> None:
        self.start()
        self._turns += 1
        for watcher in self._due[self._turns % len(self._due)]:
            try:
                watcher.watch()
            except PlaitError as error:
                logger.info("%s waits: %s", type(watcher).__name__.lower(), error)
            except Exception as error:
                self._due = [[one for one in due if one is not watcher] for due in self._due]
                self._failed(f"a watcher ended: {type(error).__name__}: {error}", error)

    def _plan(self, watchers: Iterable[Watcher]) -> None:
        pauses = [(max(1, round(one.every_s / TURN_S)), one) for one in watchers]
        for turn in range(math.lcm(*[turns for turns, _ in pauses])):
            self._due.append([one for turns, one in pauses if turn % turns == 0])
