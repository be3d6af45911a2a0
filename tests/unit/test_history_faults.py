"""History where the world is against it: no room, a clock that jumps, many who ask."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

import plait
from plait import Consensus
from plait.api.store import Store
from plait.base.errors import DiskNearlyFull
from plait.host.clock import SystemClock
from plait.node.config import HistorySettings, Limits, NodeConfig
from plait.node.elapsing import Elapsing
from plait.node.local import Local
from plait.node.serve import network_of, open_service, running

pytestmark = pytest.mark.slow


DAY_MS = 86_400_000


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def test_what_the_archive_has_is_read_while_nothing_can_be_added(tmp_path: Path) -> None:
    config = NodeConfig(tmp_path / "data", history=HistorySettings(every_s=3600.0))
    async with running(config) as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        position = (await table.put("k", 1)).position + 1
        await node.history.round()
        await table.put("k", 2)
        free, node.room = node.room, lambda: (1, 1 << 30)
        await until(lambda: node.space.refusal is not None)
        async with store.at(f"consensus:{position}") as past:
            assert await (await past.table("films")).get("k") == 1
        for later in ("latest", f"consensus:{position + 1}"):
            with pytest.raises(DiskNearlyFull, match="bytes left"):
                async with store.at(later):
                    pass
        node.room = free
        await until(lambda: node.space.refusal is None)
        async with store.at("latest") as past:
            assert await (await past.table("films")).get("k") == 2


async def test_a_past_that_nobody_uses_any_more_gives_way(tmp_path: Path) -> None:
    config = NodeConfig(
        tmp_path / "data", listen="127.0.0.1:0", limits=Limits(pasts_max=2),
        history=HistorySettings(),
    )  # fmt: skip
    async with running(config, served=True) as node:
        service = await open_service(node, network_of(config), config)
        async with plait.connect(f"plait://{node.address}") as store:
            await (await store.table("films", Consensus())).put("k", 1)
            async with store.at("latest") as first:
                for _ in range(4):
                    async with store.at("latest") as past:
                        assert await (await past.table("films")).get("k") == 1
                assert await (await first.table("films")).get("k") == 1
        await service.close()


class Hands:
    """A clock whose wall time is set."""

    def __init__(self) -> None:
        self.wall, self.measured = 1_000_000, 0.0

    def monotonic(self) -> float:
        return self.measured

    def wall_ms(self) -> int:
        return self.wall

    def pass_s(self, seconds: float) -> None:
        self.measured += seconds
        self.wall += int(seconds * 1000)


def test_time_passes_at_most_twice_as_fast_as_is_measured() -> None:
    clock = Hands()
    elapsing = Elapsing(clock)
    assert elapsing.now_ms() == 1_000_000
    clock.pass_s(10)
    assert elapsing.now_ms() == 1_010_000
    clock.wall += DAY_MS  # a jump
    assert elapsing.now_ms() == 1_010_000
    clock.pass_s(10)
    assert elapsing.now_ms() == 1_030_000
    clock.wall -= DAY_MS  # set right
    clock.pass_s(1)
    assert elapsing.now_ms() == 1_030_000
    clock.pass_s(60)
    assert elapsing.now_ms() == 1_081_000
    elapsing.begin(900_000)  # it was away since then
    assert elapsing.now_ms() == 900_000
    elapsing.begin(5_000_000)  # kept while the clock was wrong
    assert elapsing.now_ms() == 1_081_000


async def test_a_clock_that_jumps_ahead_costs_no_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = SystemClock.wall_ms
    config = NodeConfig(tmp_path / "data", history=HistorySettings(keep_s=86400.0, every_s=3600.0))
    for ahead in (0, 400, 400):  # while it runs, and when it is started again
        began = wall(SystemClock())
        async with running(config) as node, Store(Local(node)) as store:
            await (await store.table("films", Consensus())).put("k", ahead)
            await node.history.round()
            monkeypatch.setattr(
                SystemClock, "wall_ms", lambda self, d=ahead: wall(self) + d * DAY_MS
            )
            await (await store.table("films")).put("k", ahead + 1)
            await node.history.round()
            assert node.history._since_ms() < began


async def test_a_clock_that_was_ahead_for_a_while_hides_nothing_that_came_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall, ahead = SystemClock.wall_ms, [0]
    monkeypatch.setattr(SystemClock, "wall_ms", lambda self: wall(self) + ahead[0])
    config = NodeConfig(tmp_path / "data", history=HistorySettings(every_s=3600.0))
    async with running(config) as node, Store(Local(node)) as store:
        table = await store.table("films", Consensus())
        whens = []
        for number in range(4):
            ahead[0] = DAY_MS if number == 1 else 0
            await table.put("k", number)
            await node.history.round()
            await asyncio.sleep(0.002)
            whens.append(wall(node.clock))  # by the clock that was right
            await asyncio.sleep(0.002)
        for number in (0, 2, 3):
            async with store.at(datetime.fromtimestamp(whens[number] / 1000, UTC)) as past:
                assert await (await past.table("films")).get("k") == number
