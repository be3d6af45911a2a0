"""Copies on a NATS cluster are whole or not there, and the last two of a name stay."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("nats", reason='NOT TESTED: no nats-py; get it with: pip install "plait[nats]"')

from nats_servers import Cluster, nats_cluster  # noqa: F401

from plait.base.codec import checksum
from plait.base.errors import Corrupt, HistoryTrimmed
from plait.engines.nats.engine import NatsEngine, connect
from plait.engines.shared import SharedCopy
from plait.host.clock import SystemClock

SIZE = 700_000  # three chunks


class Held:
    """A snapshot in memory; `stop_at` is where reading it fails."""

    snapshot_id = "held"

    def __init__(self, seed: int, size: int = SIZE, stop_at: int | None = None) -> None:
        self.data = random.Random(seed).randbytes(size)
        self.size, self.checksum = size, checksum(self.data)
        self._stop_at = stop_at

    def read(self, offset: int, count: int) -> bytes:
        if self._stop_at is not None and offset >= self._stop_at:
            raise OSError("the disk died")
        return self.data[offset : offset + count]

    def close(self) -> None:
        pass

    def at(self, position: int) -> SharedCopy:
        return SharedCopy(position, self.size, self.checksum, b"meta")


@pytest.fixture
async def engine(nats_cluster: Cluster) -> AsyncIterator[NatsEngine]:  # noqa: F811
    clock, chance = SystemClock(), random.Random()
    found = await connect(nats_cluster.url, f"copies {chance.getrandbits(32)}", clock, chance)
    yield found
    await found.close()


async def chunks(engine: NatsEngine) -> int:
    info = await engine._connection.api(f"STREAM.INFO.{engine._names.copies}")
    return int(info["state"]["messages"])


async def test_a_copy_comes_back_as_it_was(engine: NatsEngine) -> None:
    assert await engine.latest_copy("line") is None
    held = Held(1)
    await engine.put_copy("line", held.at(10), held)
    copy = await engine.latest_copy("line")
    assert copy == held.at(10)
    for offset, count in [(0, SIZE), (0, 1), (262_143, 2), (500_000, SIZE), (SIZE, 10)]:
        assert await engine.read_copy("line", copy, offset, count) == held.read(offset, count)
    assert await engine.latest_copy("another") is None


async def test_the_last_two_copies_stay(engine: NatsEngine) -> None:
    helds = [Held(number) for number in range(4)]
    for number, held in enumerate(helds):
        await engine.put_copy("line", held.at(number), held)
    assert await engine.latest_copy("line") == helds[3].at(3)
    for number in (2, 3):
        found = await engine.read_copy("line", helds[number].at(number), 0, SIZE)
        assert found == helds[number].data
    for number in (0, 1):
        with pytest.raises(HistoryTrimmed):
            await engine.read_copy("line", helds[number].at(number), 0, 1)
    assert await chunks(engine) == 6
    await engine.put_copy("line", helds[0].at(0), helds[0])  # one that is further is there
    assert await engine.latest_copy("line") == helds[3].at(3)


async def test_half_a_copy_is_never_seen_and_goes_with_the_next(engine: NatsEngine) -> None:
    whole, broken = Held(1), Held(2, stop_at=500_000)
    await engine.put_copy("line", whole.at(1), whole)
    with pytest.raises(OSError, match="disk"):
        await engine.put_copy("line", broken.at(2), broken)
    assert await engine.latest_copy("line") == whole.at(1)
    await engine.put_copy("line", whole.at(3), whole)
    assert await chunks(engine) == 6


async def test_of_copies_put_at_once_the_furthest_stays(engine: NatsEngine) -> None:
    helds = [Held(number, 300_000) for number in range(3)]
    await asyncio.gather(
        *(engine.put_copy("line", each.at(number), each) for number, each in enumerate(helds))
    )
    copy = await engine.latest_copy("line")
    assert copy == helds[2].at(2)
    assert await engine.read_copy("line", copy, 0, SIZE) == helds[2].data


async def test_a_damaged_chunk_is_corrupt_and_a_dropped_copy_is_trimmed(
    engine: NatsEngine,
) -> None:
    held = Held(1)
    await engine.put_copy("line", held.at(1), held)
    _, (kept,) = await engine._copies._kept(engine._copies._register("line"))
    subject = engine._names.copy_subject("line", kept.copy, "1")
    await engine._connection.ask(subject, b"noise")
    assert await engine.read_copy("line", held.at(1), 0, 1000) == held.data[:1000]
    with pytest.raises(Corrupt, match="chunk 1"):
        await engine.read_copy("line", held.at(1), 0, SIZE)
    await engine.drop("line")
    assert await engine.latest_copy("line") is None
    with pytest.raises(HistoryTrimmed):
        await engine.read_copy("line", held.at(1), 0, 1)
    assert await chunks(engine) == 0
