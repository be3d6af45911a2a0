"""Telling listeners what took effect: nothing is built while nobody listens."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from plait.base.errors import PlaitError
from plait.engines.graph_port import Changed
from plait.graph.event import Batch, Event, Op
from plait.types.paths import Path
from plait.types.shelf import Shelf

logger = logging.getLogger("plait.graph")

Listener = Callable[[Sequence[Changed]], None]


class Telling:
    """The listeners of one replica, and what they have not been told yet."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._changes: list[Changed] = []
        self._shelf: Shelf | None = None

    def watch(self, shelf: Shelf) -> None:
        """From here on, this is the shelf."""
        self._shelf = shelf
        shelf.observer = self._note if self._listeners else None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on; returns how to stop."""
        self._listeners.append(listener)
        self._watch()

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                self._watch()

        return stop

    def tell(self, sealed: Batch | None = None) -> None:
        """A batch, or several, took effect; `sealed`: it is this own one."""
        if not self._changes:
            return
        noted, self._changes = self._changes, []
        if sealed is not None:  # only now it is known who wrote it, and why
            noted = [change._replace(event=_said(change.event, sealed)) for change in noted]
        changes = [
            change
            if index + 1 < len(noted) and _batch(noted[index + 1]) == _batch(change)
            else change._replace(last=True)
            for index, change in enumerate(noted)
        ]
        for listener in list(self._listeners):
            try:
                listener(changes)
            except PlaitError as error:
                logger.warning("a listener failed: %s", error)

    def forget(self) -> None:
        """What was noted did not happen."""
        self._changes.clear()

    def _watch(self) -> None:
        if self._shelf is not None:
            self.watch(self._shelf)

    def _note(self, key: str, path: Path, op: Op, event: Event, before: Any, after: Any) -> None:
        self._changes.append(Changed(key, path, op, event, before, after, False))


def _said(event: Event, batch: Batch) -> Event:
    if event.replica != batch.replica:
        return event
    return event._replace(who=batch.who, message=batch.message)


def _batch(change: Changed) -> tuple[int, int]:
    return (change.event.replica, change.event.hlc)
