"""The behaviour that every storage shares, on a real folder and in memory alike."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from disks import EVERYTHING, append, put, rows, submitted

from plait.base.errors import (
    Closed,
    Corrupt,
    FolderInUse,
    HistoryTrimmed,
    NoSuchCollection,
    UsageError,
)
from plait.base.ports import (
    AppendRows,
    CutSuffix,
    DropRescued,
    LineExtent,
    PutHardState,
    ResetLine,
    Snapshot,
    StateStorage,
    Storage,
    TrimPrefix,
)
from plait.host.memory_storage import MemoryDisk, MemoryStorage
from plait.host.storage import open_storage

Opener = Callable[[], Awaitable[Storage]]


@pytest.fixture(params=["folder", "memory"])
async def opener(request, tmp_path) -> AsyncIterator[Opener]:  # type: ignore[no-untyped-def]
    """Opens the same disk again and again; closes what is left open."""
    disk, opened = MemoryDisk(), []

    async def open_it() -> Storage:
        real = request.param == "folder"
        storage = await open_storage(tmp_path / "data") if real else MemoryStorage(disk)
        opened.append(storage)
        return storage

    yield open_it
    for storage in opened:
        await storage.close()


@pytest.fixture
async def storage(opener) -> Storage:  # type: ignore[no-untyped-def]
    return await opener()


# --------------------------------------------------------------------------------- logs


async def test_rows_come_back_as_they_went_in(storage: Storage):
    await append(storage.log, "a", 0, b"zero", b"", b"two")
    await append(storage.log, "b", 0, b"other")
    assert rows(storage.log, "a") == [b"zero", b"", b"two"]
    assert storage.log.read("a", 1, 2, EVERYTHING) == [b""]
    assert storage.log.lines() == {"a": LineExtent(0, 3), "b": LineExtent(0, 1)}


async def test_a_read_stops_at_its_bytes_but_gives_at_least_one_row(storage: Storage):
    await append(storage.log, "a", 0, b"x" * 10, b"y" * 10, b"z" * 10)
    assert len(storage.log.read("a", 0, 3, 25)) == 2
    assert storage.log.read("a", 1, 3, 1) == [b"y" * 10]
    assert storage.log.read("a", 3, 9, 100) == []
    assert storage.log.read("unknown", 0, 9, 100) == []


async def test_a_row_can_be_read_only_once_it_is_durable(storage: Storage):
    done = submitted(storage.log, AppendRows("a", 0, (b"x",)))
    assert storage.log.lines() == {}
    assert storage.log.read("a", 0, 1, EVERYTHING) == []
    await done
    assert rows(storage.log, "a") == [b"x"]


async def test_submissions_are_done_in_order(storage: Storage):
    order: list[int] = []
    for number in range(50):
        done = submitted(storage.log, AppendRows("a", number, (b"%d" % number,)))
        done.add_done_callback(lambda _, number=number: order.append(number))
    await done
    await asyncio.sleep(0)
    assert order == list(range(50))
    assert rows(storage.log, "a") == [b"%d" % number for number in range(50)]


async def test_an_append_that_leaves_a_gap_is_refused_at_once(storage: Storage):
    await append(storage.log, "a", 0, b"x")
    for start in (0, 2):
        with pytest.raises(UsageError, match="tail is 1"):
            submitted(storage.log, PutHardState("a", b"h"), AppendRows("a", start, (b"y",)))
    await append(storage.log, "a", 1, b"y")
    assert storage.log.lines()["a"] == LineExtent(0, 2)  # and no hard state: all or none


async def test_a_cut_suffix_is_gone_and_can_be_written_anew(storage: Storage):
    await append(storage.log, "a", 0, b"0", b"1", b"2")
    await submitted(storage.log, CutSuffix("a", 1), AppendRows("a", 1, (b"one",)))
    assert rows(storage.log, "a") == [b"0", b"one"]
    assert storage.log.rescued() == []


async def test_a_rescued_suffix_is_listed_read_and_dropped(opener: Opener):
    storage = await opener()
    await append(storage.log, "a", 0, b"0", b"11", b"222")
    await submitted(storage.log, CutSuffix("a", 1, rescue=b"note"))
    await submitted(storage.log, CutSuffix("a", 1, rescue=b"nothing left to rescue"))
    await storage.close()
    storage = await opener()
    (suffix,) = storage.log.rescued()
    assert (suffix.line, suffix.start, suffix.count, suffix.size) == ("a", 1, 2, 5)
    assert suffix.note == b"note"
    assert storage.log.read_rescued(suffix.rescued) == [b"11", b"222"]
    await submitted(storage.log, DropRescued(suffix.rescued))
    assert storage.log.rescued() == []
    with pytest.raises(NoSuchCollection):
        storage.log.read_rescued(suffix.rescued)


async def test_a_trimmed_prefix_says_where_the_line_begins(storage: Storage):
    await append(storage.log, "a", 0, b"0", b"1", b"2")
    await submitted(storage.log, TrimPrefix("a", 2))
    await submitted(storage.log, TrimPrefix("a", 1))  # never backwards
    assert rows(storage.log, "a") == [b"2"]
    with pytest.raises(HistoryTrimmed) as trimmed:
        storage.log.read("a", 1, 3, EVERYTHING)
    assert trimmed.value.details["head"] == 2
    await submitted(storage.log, TrimPrefix("a", 9))
    assert storage.log.lines()["a"] == LineExtent(3, 3)
    with pytest.raises(UsageError, match="head is 3"):
        submitted(storage.log, CutSuffix("a", 2))


async def test_a_line_reset_begins_where_it_is_told(storage: Storage):
    await append(storage.log, "a", 0, b"0", b"1")
    await submitted(storage.log, PutHardState("a", b"hard"), ResetLine("a", 100))
    await append(storage.log, "a", 100, b"100")
    assert storage.log.lines()["a"] == LineExtent(100, 101, b"hard")
    assert rows(storage.log, "a") == [b"100"]
    await submitted(storage.log, ResetLine("a", 5), AppendRows("a", 5, (b"5",)))
    assert rows(storage.log, "a") == [b"5"]


async def test_everything_is_there_after_opening_again(opener: Opener):
    storage = await opener()
    await append(storage.log, "line/ü%..", 0, b"x", b"y")
    await submitted(storage.log, PutHardState("empty", b"hard"), TrimPrefix("line/ü%..", 1))
    await put(storage.state("line/ü%.."), (1, b"k", b"v"))
    await storage.close()
    again = await opener()
    assert again.log.lines() == {"line/ü%..": LineExtent(1, 2), "empty": LineExtent(0, 0, b"hard")}
    assert rows(again.log, "line/ü%..") == [b"y"]
    assert again.state("line/ü%..").get(1, b"k") == b"v"
    assert again.log.suspect is None
    await append(again.log, "line/ü%..", 2, b"z")


async def test_one_storage_at_a_time_has_the_disk(opener: Opener):
    storage = await opener()
    with pytest.raises(FolderInUse):
        await opener()
    await storage.close()
    await (await opener()).close()


async def test_close_finishes_what_is_queued(opener: Opener):
    storage = await opener()
    done = [submitted(storage.log, AppendRows("a", n, (b"x",))) for n in range(20)]
    flushed = asyncio.get_running_loop().create_future()
    storage.state("a").submit([(0, b"k", b"v")], flushed.set_result)
    await storage.close()
    await asyncio.gather(*done)
    assert await flushed is None
    await storage.close()
    for use in (lambda: storage.state("a"), lambda: storage.log.read("a", 0, 1, 1)):
        with pytest.raises(Closed):
            use()
    again = await opener()
    assert again.log.lines()["a"].tail == 20
    assert again.state("a").get(0, b"k") == b"v"


async def test_recover_is_harmless_when_nothing_is_wrong(storage: Storage):
    await storage.recover()
    await append(storage.log, "a", 0, b"x")


# --------------------------------------------------------------------------------- states


async def test_a_state_matches_a_plain_dictionary(storage: Storage):
    rng, state, model = random.Random(7), storage.state("a"), {}
    for _ in range(30):
        changes = []
        for _ in range(rng.randrange(12)):
            space, key = rng.randrange(3), bytes(rng.choices(range(256), k=rng.randrange(4)))
            value = rng.randbytes(rng.randrange(5)) if rng.random() < 0.7 else None
            changes.append((space, key, value))
            model[space, key] = value
        await put(state, *changes)
        space = rng.randrange(3)
        start, stop = sorted(rng.randbytes(1) for _ in range(2))
        for bound in (stop, None):
            expected = sorted(
                (key, value)
                for (number, key), value in model.items()
                if number == space and value is not None
                and start <= key and (bound is None or key < bound)
            )  # fmt: skip
            assert state.scan(space, start, bound, 1000) == expected
            assert state.scan(space, start, bound, 3) == expected[:3]
            assert state.scan(space, start, bound, 3, reverse=True) == expected[::-1][:3]
    for (space, key), value in model.items():
        assert state.get(space, key) == value
    for space in range(3):
        held = [1 for (number, _), value in model.items() if number == space and value is not None]
        assert state.count(space) == len(held)


async def test_a_state_is_the_same_object_and_lines_do_not_mix(storage: Storage):
    assert storage.state("a") is storage.state("a")
    await put(storage.state("a"), (0, b"k", b"of a"))
    assert storage.state("A/").get(0, b"k") is None


async def test_clear_and_drop_remove_everything(opener: Opener):
    storage = await opener()
    for line in ("kept", "cleared", "dropped"):
        await put(storage.state(line), (0, b"k", b"v"))
    await storage.state("cleared").clear()
    await storage.drop_state("dropped")
    assert storage.state("cleared").get(0, b"k") is None
    await put(storage.state("cleared"), (0, b"new", b"v"))
    assert storage.state("dropped").get(0, b"k") is None
    await storage.close()
    storage = await opener()
    assert storage.state("kept").get(0, b"k") == b"v"
    assert storage.state("cleared").scan(0, b"", None, 9) == [(b"new", b"v")]
    assert storage.state("dropped").count(0) == 0


async def _send(snapshot: Snapshot, target: StateStorage, stop: int) -> None:
    """Send the next bytes, as far as `stop`."""
    incoming = target.incoming(snapshot.snapshot_id)
    while incoming.received < stop:
        incoming.write(snapshot.read(incoming.received, min(300, stop - incoming.received)))


async def test_a_snapshot_arrives_whole_over_a_restart_of_the_receiver(opener: Opener):
    storage = await opener()
    await put(storage.state("a"), *((1, b"%04d" % n, b"v" * 20) for n in range(500)))
    snapshot = await storage.state("a").snapshot()
    await put(storage.state("a"), (1, b"later", b"v"))  # a snapshot does not change
    copy = b"".join(snapshot.read(at, 700) for at in range(0, snapshot.size, 700))
    assert len(copy) == snapshot.size

    class Sent:
        """What the sender still has after its process ended: another machine's copy."""

        snapshot_id, size, checksum = snapshot.snapshot_id, snapshot.size, snapshot.checksum

        def read(self, offset: int, count: int) -> bytes:
            return copy[offset : offset + count]

        def close(self) -> None: ...

    await put(storage.state("b"), (1, b"old", b"v"))
    await _send(Sent(), storage.state("b"), snapshot.size // 2)
    snapshot.close()
    with pytest.raises(Closed):
        snapshot.read(0, 1)
    await storage.close()

    target = (await opener()).state("b")
    resumed = target.incoming(Sent.snapshot_id)
    assert resumed.received == Sent.size // 2
    await _send(Sent(), target, Sent.size)
    await target.install(target.incoming(Sent.snapshot_id), Sent.size, Sent.checksum)
    assert target.count(1) == 500
    assert target.get(1, b"old") is None
    assert target.get(1, b"0042") == b"v" * 20
    await put(target, (1, b"new", b"v"))
    assert target.count(1) == 501
    assert target.incoming(Sent.snapshot_id).received == 0


async def test_a_snapshot_that_was_changed_on_the_way_is_corrupt_and_dropped(storage: Storage):
    await put(storage.state("a"), (1, b"k", b"v"))
    await put(storage.state("b"), (1, b"old", b"v"))
    snapshot, target = await storage.state("a").snapshot(), storage.state("b")
    data = bytearray(snapshot.read(0, snapshot.size))
    data[len(data) // 2] ^= 1
    incoming = target.incoming(snapshot.snapshot_id)
    incoming.write(bytes(data))
    with pytest.raises(Corrupt):
        await target.install(incoming, snapshot.size, snapshot.checksum)
    assert target.get(1, b"old") == b"v"
    assert target.incoming(snapshot.snapshot_id).received == 0


async def test_only_one_half_received_snapshot_is_kept(storage: Storage):
    state = storage.state("a")
    state.incoming("first").write(b"half")
    assert state.incoming("second").received == 0
    assert state.incoming("first").received == 0


async def test_a_synced_state_is_all_there(opener: Opener):
    storage = await opener()
    await put(storage.state("a"), (0, b"k", b"v"))
    await storage.state("a").sync()
    await storage.state("a").sync()
    assert storage.state("a").get(0, b"k") == b"v"
