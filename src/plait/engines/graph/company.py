"""What rides along with syncing and is never stored: presence, and hashes of merged values."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from plait.base.causality import Dot
from plait.base.errors import PlaitError
from plait.base.ports import Clock
from plait.engines.graph.contests import Contests
from plait.engines.graph.parts import Parts
from plait.engines.graph.presence import TTL_S, Presences
from plait.engines.graph.syncing import Syncing
from plait.engines.graph.writer import Writer
from plait.graph.messages import MergedHashes, Presence
from plait.graph.records import lineage_bytes
from plait.types.paths import Path

TELL_S = 0.1


class Company:
    """One replica's presence and contests."""

    def __init__(self, parts: Parts, syncing: Syncing, writer: Writer, clock: Clock) -> None:
        self._lineage = lineage_bytes(int(parts.options.lineage, 16))
        self.presences = Presences(self._lineage)
        self.presences.tell = self._tell
        self._listeners: list[Callable[[int, Any], None]] = []
        self._contests = Contests()
        self._parts = parts
        self._syncing = syncing
        self._writer = writer
        self._clock = clock
        self._presence_timer: asyncio.TimerHandle | None = None
        self._contest_timer: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ presence

    def present(self, value: Any, ttl_s: float = TTL_S) -> None:
        """Say something of oneself to everybody who is linked, None to leave."""
        replica, clock = self._parts.scope.replica, self._clock
        self._rename()
        said = self.presences.set(replica, value, clock.monotonic(), clock.wall_ms(), ttl_s)
        self._syncing.broadcast(said)
        self._arm()

    def depart(self) -> None:
        """Leave, if anything was said."""
        if self.presences.mine is not None:
            self.present(None)

    def everybody(self) -> dict[int, Any]:
        """What each replica says of itself now."""
        return self.presences.everybody()

    def on_presence(self, tell: Callable[[int, Any], None]) -> Callable[[], None]:
        """Be told (replica, value) of every change, None as value: it left; how to stop."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    def _tell(self, replica: int, value: Any) -> None:
        for tell in list(self._listeners):
            tell(replica, value)

    def _rename(self) -> None:
        """The replica may go on under another id."""
        replica, clock = self._parts.scope.replica, self._clock
        if self.presences.mine not in (None, replica):
            for said in self.presences.renamed(replica, clock.monotonic(), clock.wall_ms()):
                self._syncing.broadcast(said)

    def _tick(self) -> None:
        self._presence_timer = None
        self._rename()
        said = self.presences.tick(self._clock.monotonic(), self._clock.wall_ms())
        if said is not None:
            self._syncing.broadcast(said)
        self._arm()

    def _arm(self) -> None:
        if self._presence_timer is not None:
            self._presence_timer.cancel()
            self._presence_timer = None
        deadline = self.presences.deadline
        if deadline != float("inf"):
            delay = max(0.001, deadline - self._clock.monotonic())
            self._presence_timer = asyncio.get_running_loop().call_later(delay, self._tick)

    # ------------------------------------------------------------------ merged values

    def merged(self, key: str, path: Path, heads: Sequence[Dot], digest: bytes) -> None:
        """A value was merged here from these heads; `digest` is its hash."""
        if self._contests.note(key, path, heads, digest):
            self._compare_soon()

    def _compare_soon(self) -> None:
        if self._contest_timer is None:
            loop = asyncio.get_running_loop()
            self._contest_timer = loop.call_later(TELL_S, self._compare)

    def _compare(self) -> None:
        """Tell what was merged, and contest what others merged otherwise; again if need be."""
        self._contest_timer = None
        entries = self._contests.fresh()
        if entries:
            self._syncing.broadcast(MergedHashes(self._lineage, entries))
        for name, (key, path, heads) in self._contests.disputed():
            try:
                dot = self._writer.mutate(key, path, ("contest", list(heads)))
            except PlaitError:
                continue  # nothing can be written now
            self._contests.decided(name)
            if dot is not None:
                self._syncing.note(f"merge functions differ at {key} {'/'.join(path)}")
        if self._contests.waits:
            self._compare_soon()

    # ------------------------------------------------------------------ peers

    def arrived(self) -> None:
        """A peer has come: let it hear what is told and not stored."""
        self._rename()
        for message in self.presences.messages(self._clock.monotonic()):
            self._syncing.broadcast(message)
        if entries := self._contests.entries():
            self._syncing.broadcast(MergedHashes(self._lineage, entries))

    def heard(self, message: Presence | MergedHashes) -> None:
        """From a peer."""
        if isinstance(message, Presence):
            if self.presences.hear(message, self._clock.monotonic()):
                self._syncing.broadcast(message)
                self._arm()
            return
        if self._contests.hear(message.entries):
            self._compare_soon()

    def close(self) -> None:
        """Say nothing any more."""
        for timer in (self._presence_timer, self._contest_timer):
            if timer is not None:
                timer.cancel()
