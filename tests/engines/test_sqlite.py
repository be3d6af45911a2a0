"""The sqlite loglet beyond the common promises: bounds, failures, the window, the epoch."""

import asyncio

import pytest
from fake_log_storage import FakeLogStorage

from plait.base.errors import (
    BadSettings,
    Busy,
    Corrupt,
    DiskFull,
    HistoryTrimmed,
    ReadOnly,
    Sealed,
    Unavailable,
    UsageError,
)
from plait.engines.conformance.engine import append_all, entry, spin, start, text
from plait.engines.sqlite import SqliteLoglet
from plait.line.entry import Entry, Epoch

FULL = DiskFull("no space left")


def opened(storage: FakeLogStorage, number: int = 1, **options: int) -> SqliteLoglet:
    return SqliteLoglet(storage, "line", Epoch(number, "node"), **options)


async def texts(loglet: SqliteLoglet, start: int = 0) -> list[str]:
    return [text(each) for each in await loglet.read(start, 1000)]


async def test_an_append_is_shown_to_nobody_before_the_disk_has_it() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await loglet.append(entry("durable"))
    storage.paused = True
    append = start(loglet.append(entry("not yet")))
    waiter = start(loglet.wait(1))
    await spin()
    assert not append.done()
    assert not waiter.done()
    assert loglet.committed == 1
    assert await loglet.check_tail() == (1, False)
    assert await texts(loglet) == ["durable"]
    storage.resume()
    assert await append == 1
    assert await waiter == (2, False)
    assert await texts(loglet) == ["durable", "not yet"]


async def test_too_many_unsynced_bytes_are_busy_and_leave_no_gap() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage, unsynced_bytes_max=3000)
    storage.paused = True
    appends = [start(loglet.append(Entry(bytes(1000)))) for _ in range(4)]
    await spin()
    with pytest.raises(Busy):
        await appends[2]
    with pytest.raises(Busy):
        await appends[3]
    storage.resume()
    assert await asyncio.gather(*appends[:2]) == [0, 1]
    assert await loglet.append(entry("again")) == 2


async def test_one_entry_over_the_bound_is_not_refused_for_ever() -> None:
    loglet = opened(FakeLogStorage(), unsynced_bytes_max=100)
    assert await loglet.append(Entry(bytes(1000))) == 0


async def test_a_failed_commit_refuses_definitely_and_everything_after_it() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await loglet.append(entry("kept"))
    storage.fail(FULL)
    appends = [start(loglet.append(entry(f"lost{i}"))) for i in range(3)]
    for refused in await asyncio.gather(*appends, return_exceptions=True):
        assert isinstance(refused, ReadOnly)
        assert refused.definite
        assert refused.details["cause"] == "DiskFull"
        assert "no space left" in str(refused)
    assert await loglet.check_tail() == (1, False)
    assert await texts(loglet) == ["kept"]
    for call in (loglet.append(entry("later")), loglet.trim(1), loglet.seal()):
        with pytest.raises(ReadOnly, match="until it is opened again"):
            await call


async def test_the_positions_of_failed_appends_are_given_again_after_reopening() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await loglet.append(entry("kept", 3))
    storage.fail(FULL)
    with pytest.raises(ReadOnly):
        await loglet.append(entry("lost", 5))
    again = opened(storage.crashed(), 2)
    assert await again.append(entry("new")) == 1
    (found,) = await again.read(1, 2)
    assert (text(found), found.record_index) == ("new", 3)


async def test_a_seal_that_fails_leaves_the_log_unsealed_and_appends_refused_as_read_only() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    storage.fail(FULL)
    sealing = start(loglet.seal())
    await asyncio.sleep(0)
    append = start(loglet.append(entry("beside")))
    with pytest.raises(ReadOnly):
        await sealing
    with pytest.raises(ReadOnly):
        await append
    assert await loglet.check_tail() == (0, False)
    assert not (await opened(storage.crashed()).check_tail()).sealed


async def test_an_append_beside_a_seal_hears_sealed_only_when_the_seal_is_durable() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    storage.paused = True
    sealing = start(loglet.seal())
    await asyncio.sleep(0)
    append = start(loglet.append(entry("late")))
    await spin()
    assert not append.done()
    storage.resume()
    assert await sealing == 0
    with pytest.raises(Sealed):
        await append


async def test_a_seal_goes_on_when_who_asked_for_it_is_cancelled() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    storage.paused = True
    sealing = start(loglet.seal())
    await spin()
    sealing.cancel()
    storage.resume()
    assert await loglet.seal() == 0
    assert (await opened(storage.crashed()).check_tail()).sealed


async def test_a_trim_goes_on_when_who_asked_for_it_is_cancelled() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await append_all(loglet, ["a", "b", "c"])
    storage.paused = True
    trimming = start(loglet.trim(2))
    await spin()
    trimming.cancel()
    storage.resume()
    await spin()
    assert loglet.head == 2
    assert await texts(loglet, 2) == ["c"]


async def test_a_read_only_disk_refuses_until_it_recovers() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    storage.read_only = FULL
    with pytest.raises(ReadOnly, match="no space left"):
        await loglet.append(entry("a"))
    storage.read_only = None
    assert await loglet.append(entry("a")) == 0


async def test_what_the_storage_refuses_at_once_leaves_no_trace() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await loglet.append(entry("a", 2))
    storage.refusal = UsageError("not now")
    for call in (loglet.append(entry("b", 3)), loglet.seal(), loglet.trim(1)):
        with pytest.raises(UsageError):
            await call
    storage.refusal = None
    assert await loglet.append(entry("c")) == 1
    (found,) = await loglet.read(1, 2)
    assert found.record_index == 2
    await loglet.trim(1)
    again = opened(storage.crashed())
    assert await again.check_tail() == (2, False)
    assert again.head == 1


async def test_a_seal_and_a_trim_at_once_are_both_kept() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    await append_all(loglet, ["a", "b"])
    await asyncio.gather(loglet.trim(1), loglet.seal(), loglet.trim(2))
    again = opened(storage.crashed())
    assert await again.check_tail() == (2, True)
    assert again.head == 2


async def test_a_suspect_log_is_read_only() -> None:
    storage = FakeLogStorage()
    storage.suspect = "a frame fails its checksum"
    with pytest.raises(ReadOnly, match="a frame fails"):
        await opened(storage).append(entry("a"))


async def test_closing_leaves_appends_under_way_indefinite() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    storage.paused = True
    append = start(loglet.append(entry("a")))
    await spin()
    await loglet.close()
    with pytest.raises(Unavailable):
        await append
    storage.resume()


async def test_who_follows_the_tail_does_not_touch_the_disk() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage)
    for i in range(50):
        position = await loglet.append(entry(f"e{i}"))
        assert len(await loglet.read(position, position + 10)) == 1
    assert await texts(loglet) == [f"e{i}" for i in range(50)]
    assert storage.reads == 0


async def test_the_window_is_bounded_and_older_entries_come_from_the_disk() -> None:
    storage = FakeLogStorage()
    loglet = opened(storage, recent_bytes_max=5000)
    for i in range(50):
        await loglet.append(Entry(f"{i:03}".encode() + bytes(997)))
    assert storage.reads == 0
    assert (await loglet.read(49, 50))[0].payload.startswith(b"049")
    assert storage.reads == 0
    assert (await loglet.read(0, 1))[0].payload.startswith(b"000")
    assert storage.reads == 1


async def test_an_epoch_below_the_lines_own_is_refused() -> None:
    storage = FakeLogStorage()
    first = opened(storage, 5)
    await first.append(entry("a"))
    with pytest.raises(BadSettings, match=r"epoch 5\.node"):
        opened(storage, 4)
    await first.trim(1)
    with pytest.raises(BadSettings):
        opened(storage.crashed(), 4)


async def test_a_corrupt_row_is_an_error_and_not_an_absence() -> None:
    storage = FakeLogStorage()
    await append_all(opened(storage), ["a", "b"])
    storage.flip_a_bit("line", 0)
    loglet = opened(storage)
    with pytest.raises(Corrupt):
        await loglet.read(0, 2)
    assert await texts(loglet, 1) == ["b"]


async def test_two_lines_on_one_storage_do_not_meet() -> None:
    storage = FakeLogStorage()
    one, other = (SqliteLoglet(storage, line, Epoch(1, "node")) for line in ("one", "other"))
    await append_all(one, ["a", "b"])
    await append_all(other, ["c"])
    await one.trim(1)
    await other.seal()
    assert await one.append(entry("d")) == 2
    assert await texts(one, 1) == ["b", "d"]
    assert await texts(other) == ["c"]
    with pytest.raises(HistoryTrimmed):
        await one.read(0, 1)
