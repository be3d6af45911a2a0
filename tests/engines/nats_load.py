"""Appends by several handles at once, and the judge of what they were told."""

import asyncio
from collections.abc import Sequence

from plait.base.errors import Indefinite, PlaitError
from plait.engines.conformance.engine import own, read_all, text
from plait.line.entry import Entry, Kind
from plait.line.loglet import Loglet


class Load:
    """Every handle has `in_flight` callers, each of which appends one entry after the other."""

    def __init__(self, loglets: Sequence[Loglet], in_flight: int = 4, pause_s: float = 0.0) -> None:
        self.acknowledged: dict[int, str] = {}  # position: what was appended
        self.refused: list[str] = []
        self.unknown: list[str] = []
        self.errors: list[PlaitError] = []
        self._pause_s = pause_s
        self._ended = False
        self._callers = [
            asyncio.ensure_future(self._call(loglet, f"{number}.{caller}"))
            for number, loglet in enumerate(loglets)
            for caller in range(in_flight)
        ]

    async def _call(self, loglet: Loglet, name: str) -> None:
        number = 0
        while not self._ended:
            mine = f"{name}.{number}"
            number += 1
            try:
                position = await loglet.append(Entry(mine.encode(), 1 + number % 3))
            except PlaitError as error:
                (self.unknown if isinstance(error, Indefinite) else self.refused).append(mine)
                self.errors.append(error)
                await asyncio.sleep(0.01)
            else:
                taken = self.acknowledged.setdefault(position, mine)
                assert taken == mine, f"{taken} and {mine} were both told {position}"
            await asyncio.sleep(self._pause_s)

    async def until(self, more: int, timeout_s: float = 30.0) -> None:
        """Return once so many more were acknowledged."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(timeout_s):
            while len(self.acknowledged) < wanted:
                assert not any(caller.done() for caller in self._callers), self._callers
                await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Let every caller finish."""
        self._ended = True
        await asyncio.gather(*self._callers)


async def judge(load: Load, loglets: Sequence[Loglet], begin: int = 0, records: int = 0) -> None:
    """Every handle reads one log; it has what was acknowledged where it was, and nothing twice."""
    tails = [await loglet.check_tail() for loglet in loglets]
    stop = max(tail.position for tail in tails)
    logs = [await read_all(loglet, begin, stop) for loglet in loglets]
    assert all(log == logs[0] for log in logs), "handles read different logs"
    held = {begin + i: text(each) for i, each in enumerate(logs[0]) if not own(each)}
    lost = [each for each in load.acknowledged.items() if each not in held.items()]
    assert not lost, f"acknowledged and lost: {lost[:5]}"
    assert len(set(held.values())) == len(held), "an entry is there twice"
    assert not set(load.refused) & set(held.values()), "refused for certain, and in the log"
    assert set(held.values()) <= set(load.acknowledged.values()) | set(load.unknown)
    by_caller: dict[str, int] = {}
    for each in (load.acknowledged[at] for at in sorted(load.acknowledged)):
        caller, _, number = each.rpartition(".")
        assert int(number) > by_caller.get(caller, -1), f"{each} stands before an earlier one"
        by_caller[caller] = int(number)
    for each in logs[0]:
        assert each.record_index == records, f"{each} should have {records} records before it"
        assert each.kind in (Kind.DATA, Kind.EPOCH)
        records = each.records_end
