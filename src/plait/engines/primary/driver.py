"""The driver of a primary core: the shared one, and what promotion and rescue need beside."""

from typing import Any

import msgspec

from plait.base.ports import CutSuffix, LogWrite
from plait.engines.replicated.driver import Driver
from plait.line.primary.member import RescueNote
from plait.line.primary.messages import Fetched
from plait.line.primary.vocabulary import LoadForCandidate


class PrimaryDriver(Driver):
    """Runs one primary core."""

    def carry_out(self, effect: Any) -> None:
        """Load entries for a candidate."""
        if not isinstance(effect, LoadForCandidate):
            super().carry_out(effect)
        rows = self.rows(effect.start)
        log = self.core.member.log
        message = Fetched(
            self.core.member.line, effect.epoch, bool(rows), effect.start, effect.previous, rows,
            log.tail, log.head,
        )  # fmt: skip
        self.send(effect.peer, message)

    def prepared(self, writes: tuple[LogWrite, ...]) -> tuple[LogWrite, ...]:
        """Rescue notes get the time on them."""
        if not any(isinstance(write, CutSuffix) for write in writes):
            return writes
        return tuple(self._dated(write) for write in writes)

    def _dated(self, write: LogWrite) -> LogWrite:
        if not isinstance(write, CutSuffix) or write.rescue is None:
            return write
        note = msgspec.msgpack.decode(write.rescue, type=RescueNote)
        note = msgspec.structs.replace(note, time_ms=self.clock.wall_ms())
        return CutSuffix(write.line, write.start, msgspec.msgpack.encode(note))
