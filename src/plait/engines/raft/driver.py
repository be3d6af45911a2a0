"""The driver of a Raft core: the shared one, and what readers need beside."""

from collections.abc import Callable
from typing import Any

from plait.base.ports import Clock, LogStorage
from plait.engines.replicated.cores import Core
from plait.engines.replicated.driver import Driver
from plait.line.raft.vocabulary import ReadFailed, ReadReady


class RaftDriver(Driver):
    """Runs one Raft core."""

    def __init__(
        self, core: Core, storage: LogStorage, send: Callable[[str, Any], None], clock: Clock
    ) -> None:
        super().__init__(core, storage, send, clock)
        self.on_read: Callable[[int, int | None], None] = lambda id_, position: None

    def carry_out(self, effect: Any) -> None:
        """Answer readers."""
        match effect:
            case ReadReady(id_, position):
                self.on_read(id_, position)
            case ReadFailed(id_):
                self.on_read(id_, None)
            case _:
                super().carry_out(effect)
