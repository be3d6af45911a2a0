"""Loglets that begin wrongly where another ended, and the checks that notice it."""

from collections.abc import Callable

from plait.engines.memory import MemoryLoglet
from plait.line.entry import Entry
from plait.line.loglet import READ_BYTES, Origin

ELSEWHERE = Origin(1000, 7, 12345)


class BeginsAtZero(MemoryLoglet):
    """Takes no notice of where the chain is."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(position=0))


class BeginsOneAbove(MemoryLoglet):
    """Leaves a hole between the segments."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(position=origin.position + 1))


class ReadsBelowItsOrigin(MemoryLoglet):
    """Has nothing there, and does not say that others had."""

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        return [] if start < ELSEWHERE.position else await super().read(start, stop, bytes_max)


class CountsEpochsAnew(MemoryLoglet):
    """Its first epoch is 1, wherever it begins."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(epoch=0))


class UsesTheLastEpochAgain(MemoryLoglet):
    """Takes the origin's epoch for the first that is free."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(epoch=origin.epoch - 1))


class CountsRecordsAnew(MemoryLoglet):
    """Its first record is the first of all."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin._replace(records=0))


AT_AN_ORIGIN: dict[Callable[[Origin], MemoryLoglet], str] = {
    BeginsAtZero: "check_positions_begin_at_the_origin",
    BeginsOneAbove: "check_positions_begin_at_the_origin",
    ReadsBelowItsOrigin: "check_positions_begin_at_the_origin",
    CountsEpochsAnew: "check_epochs_and_records_go_on_from_the_origin",
    UsesTheLastEpochAgain: "check_epochs_and_records_go_on_from_the_origin",
    CountsRecordsAnew: "check_epochs_and_records_go_on_from_the_origin",
}
