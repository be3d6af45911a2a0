"""Registers and copies over a real PostgreSQL."""

import asyncio
import random
import zlib

import pytest
from postgres_servers import PostgresServer, engine_at

from plait.base.errors import Conflict, Corrupt, HistoryTrimmed, LogForked, PlaitError
from plait.engines.postgres import copies as copying
from plait.engines.postgres.engine import PostgresEngine
from plait.engines.shared import SharedCopy


class State:
    """A snapshot in memory."""

    snapshot_id = "s"

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.checksum = zlib.crc32(data)

    def read(self, offset: int, count: int) -> bytes:
        return self.data[offset : offset + count]

    def close(self) -> None:
        pass

    def at(self, position: int) -> SharedCopy:
        return SharedCopy(position, self.size, self.checksum, b"meta %d" % position)


async def whole(engine: PostgresEngine, name: str, copy: SharedCopy, step: int) -> bytes:
    parts = [await engine.read_copy(name, copy, at, step) for at in range(0, copy.size, step)]
    return b"".join(parts)


async def test_a_register_changes_by_compare_and_set_only(postgres: PostgresServer) -> None:
    async with engine_at(postgres.url()) as one, engine_at(postgres.url()) as two:
        mine, theirs = await one.register("r"), await two.register("r")
        assert await mine.get() == (0, b"")
        assert await mine.compare_and_set(0, b"a") == 1
        with pytest.raises(Conflict):
            await theirs.compare_and_set(0, b"b")
        assert await theirs.get() == (1, b"a")
        assert await theirs.compare_and_set(1, b"") == 2
        assert await mine.get() == (2, b"")
        sets = [each.compare_and_set(2, b"x") for each in (mine, theirs) for _ in range(5)]
        results = await asyncio.gather(*sets, return_exceptions=True)
        assert results.count(3) == 1
        assert sum(isinstance(each, Conflict) for each in results) == 9
        assert await (await one.register("another")).get() == (0, b"")


async def test_a_damaged_or_older_register_is_noticed(postgres: PostgresServer) -> None:
    async with engine_at(postgres.url(), "damaged") as engine:
        register = await engine.register("r")
        await register.compare_and_set(0, b"value")
        change = "UPDATE plait.registers SET {} WHERE namespace = 'damaged'"
        postgres.rows(change.format("data = 'other'"))
        with pytest.raises(Corrupt):
            await register.get()
        postgres.rows(change.format("data = 'value', version = 0"))
        with pytest.raises(LogForked):
            await register.get()


async def test_a_copy_comes_back_in_parts_of_any_size(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "CHUNK_BYTES", 1000)
    data = random.Random(3).randbytes(4321)
    async with engine_at(postgres.url(), "parts") as engine:
        assert await engine.latest_copy("c") is None
        for position, state in enumerate([State(data), State(b""), State(data[:3000])]):
            copy = state.at(position)
            await engine.put_copy("c", copy, state)
            assert await engine.latest_copy("c") == copy
            for step in (1, 700, 1000, 1001, 9999):
                if step > 1 or copy.size == 0:
                    assert await whole(engine, "c", copy, step) == state.data
            assert await engine.read_copy("c", copy, copy.size, 10) == b""
        assert await engine.latest_copy("another") is None


async def test_the_last_two_copies_stay_and_older_ones_go(postgres: PostgresServer) -> None:
    states = [State(b"%d" % i * 50) for i in range(4)]
    async with engine_at(postgres.url(), "old") as engine:
        for position, state in enumerate(states):
            await engine.put_copy("c", state.at(position), state)
        assert await whole(engine, "c", states[3].at(3), 64) == states[3].data
        assert await whole(engine, "c", states[2].at(2), 64) == states[2].data
        with pytest.raises(HistoryTrimmed):
            await engine.read_copy("c", states[1].at(1), 0, 10)
        late = State(b"late")  # of a node that is behind
        await engine.put_copy("c", late.at(0), late)
        assert await engine.latest_copy("c") == states[3].at(3)
        await engine.drop("c")
        assert await engine.latest_copy("c") is None
    assert postgres.rows("SELECT count(*) FROM plait.copies WHERE namespace = 'old'") == [(0,)]
    query = "SELECT count(*) FROM plait.chunks WHERE copy NOT IN (SELECT id FROM plait.copies)"
    assert postgres.rows(query) == [(0,)]


async def test_a_copy_is_not_seen_before_it_is_whole_and_right(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "CHUNK_BYTES", 10)

    class Failing(State):
        def read(self, offset: int, count: int) -> bytes:
            if offset >= 50:
                raise OSError("the disk is gone")
            return super().read(offset, count)

    async with engine_at(postgres.url(), "half") as engine:
        good, failing = State(bytes(100)), Failing(bytes(100))
        await engine.put_copy("c", good.at(1), good)
        with pytest.raises(OSError, match="gone"):
            await engine.put_copy("c", failing.at(2), failing)
        assert await engine.latest_copy("c") == good.at(1)
        wrong = good.at(3)._replace(checksum=7)
        with pytest.raises(Corrupt):
            await engine.put_copy("c", wrong, good)
        assert await engine.latest_copy("c") == good.at(1)
        count = "SELECT count(*) FROM plait.copies WHERE namespace = 'half'"
        assert postgres.rows(count) == [(2,)]
        postgres.rows(
            "UPDATE plait.copies SET touched = now() - interval '2 hours' WHERE NOT whole"
        )
        await engine.put_copy("c", good.at(4), good)
        assert postgres.rows(count) == [(2,)], "the unfinished one went, two whole ones stayed"


async def test_chunks_that_vanish_are_an_error(postgres: PostgresServer) -> None:
    state = State(bytes(100))
    async with engine_at(postgres.url(), "gone") as engine:
        await engine.put_copy("c", state.at(1), state)
        postgres.rows("DELETE FROM plait.chunks")
        with pytest.raises(PlaitError):
            await engine.read_copy("c", state.at(1), 0, 10)
