"""The driver of a Raft core: the shared one, and what reads and memberships need beside."""

from collections.abc import Callable
from typing import Any

from plait.base.ports import Clock, LogStorage
from plait.engines.replicated.driver import Core, Driver
from plait.line.raft.vocabulary import MembersChanged, ReadFailed, ReadReady


class RaftDriver(Driver):
    """Runs one Raft core."""

    def __init__(
        self, core: Core, storage: LogStorage, send: Callable[[str, Any], None], clock: Clock
    ) -> None:
        super().__init__(core, storage, send, clock)
        self.on_read: Callable[[int, int | None], None] = lambda id_, position: None
        self.on_members: Callable[[], None] = lambda: None

    def carry_out(self, effect: Any) -> None:
        """Answer readers; tell who the members are."""
        match effect:
            case ReadReady(id_, position):
                self.on_read(id_, position)
            case ReadFailed(id_):
                self.on_read(id_, None)
            case MembersChanged():
                self.on_members()
            case _:
                super().carry_out(effect)
