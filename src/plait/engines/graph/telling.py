"""Telling listeners what took effect: nothing is built while nobody listens.

What came as a state, not by operations, is told object by object, as an event of nobody (replica
0): a state does not say who wrote what.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from plait.base.errors import PlaitError
from plait.base.hlc import HybridClock
from plait.engines.graph_port import Changed
from plait.graph.event import Batch, Event, Op
from plait.types.paths import Path
from plait.types.shelf import Shelf

logger = logging.getLogger("plait.graph")

Listener = Callable[[Sequence[Changed]], None]
Heed = Callable[[str, bool], None]  # the key of a document, and whether it was this replica


class Telling:
    """The listeners of one replica, and what they have not been told yet."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._changes: list[Changed] = []
        self._heeding: list[Heed] = []  # they want keys alone, which cost nothing to note
        self._keys: dict[str, None] = {}  # of documents that others changed
        self._shelf: Shelf | None = None
        self._clock = HybridClock()

    def watch(self, shelf: Shelf, clock: HybridClock) -> None:
        """From here on, this is the shelf, and the newest stamp that is known is the clock's."""
        self._shelf, self._clock = shelf, clock
        self._watch()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on; returns how to stop."""
        self._listeners.append(listener)
        self._watch()

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)
                self._watch()

        return stop

    def heed(self, tell: Heed) -> Callable[[], None]:
        """Tell of every document that changes from now on; returns how to stop."""
        self._heeding.append(tell)
        self._watch()

        def stop() -> None:
            if tell in self._heeding:
                self._heeding.remove(tell)
                self._watch()

        return stop

    def others(self, batches: Sequence[Batch]) -> None:
        """Batches of others took effect, and are told next."""
        if self._heeding:
            for batch in batches:
                self._keys.update([(op.key, None) for op in batch.ops])

    def _tell_keys(self, sealed: Batch | None) -> None:
        theirs, self._keys = self._keys, {}
        theirs.pop("", None)  # the scope itself is no document
        own = [] if sealed is None else dict.fromkeys([op.key for op in sealed.ops if op.key])
        for heed in list(self._heeding):
            for key in theirs:
                heed(key, False)
            for key in own:
                heed(key, True)

    def tell(self, sealed: Batch | None = None) -> None:
        """A batch, or several, took effect; `sealed`: it is this own one."""
        if self._heeding:
            self._tell_keys(sealed)
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
            self._shelf.observer = self._note if self._listeners else None
            joins = self._listeners or self._heeding
            self._shelf.join_observer = self._joined if joins else None

    def _note(self, key: str, path: Path, op: Op, event: Event, before: Any, after: Any) -> None:
        self._changes.append(Changed(key, path, op, event, before, after, False))

    def _joined(self, key: str, path: Path, before: Any, after: Any) -> None:
        if self._heeding:
            self._keys[key] = None
        if not self._listeners:
            return
        op, event = Op(key, path, None), Event(0, 0, self._clock.last, {})
        self._changes.append(Changed(key, path, op, event, before, after, False))


def _said(event: Event, batch: Batch) -> Event:
    if event.replica != batch.replica:
        return event
    return event._replace(who=batch.who, message=batch.message)


def _batch(change: Changed) -> tuple[int, int]:
    return (change.event.replica, change.event.hlc)
