"""A feed at a node that started again and has heard nothing of the log yet."""

import asyncio

from plait.engines.feed import follow
from plait.line.entry import Entry
from plait.line.loglet import READ_BYTES
from tests.fakes import FakeLoglet
from tests.lines import entry, put, running


class Deaf(FakeLoglet):
    """Knows of nothing that could be read until it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told = False
        self.asked = 0

    async def read(self, start: int, stop: int, bytes_max: int = READ_BYTES) -> list[Entry]:
        self.asked += 1
        return await super().read(start, stop, bytes_max) if self.told else []


async def test_a_feed_waits_for_what_its_loglet_has_not_heard_of_and_others_go_on() -> None:
    loglet = Deaf()
    loglet.told = True
    async with running(loglet) as replica:
        await loglet.append(entry(put("a", 1)))
        await replica.wait_applied(1, 5)
        loglet.told, loglet.asked = False, 0
        feed = follow(replica, 1, (0, 0))
        following = asyncio.ensure_future(anext(feed))
        await asyncio.sleep(0.01)
        assert loglet.asked == 1
        loglet.told = True
        assert [item.key for item in await asyncio.wait_for(following, 5)] == ["a"]
        await feed.aclose()
