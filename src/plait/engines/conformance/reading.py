"""Reading: bounds, stability, only what is committed; and waiting for more."""

import asyncio

from plait.engines.conformance.engine import (
    Engine,
    append_all,
    entry,
    read_all,
    read_texts,
    spin,
    start,
)
from plait.line.entry import Entry


async def check_reads_keep_their_bounds(engine: Engine) -> None:
    """Read gives nothing at the tail, beyond it and for start >= stop; it stops at the tail, and
    gives consecutive entries from `start`."""
    loglet = engine.loglet
    positions = await append_all(loglet, [f"e{i}" for i in range(8)])
    tail = (await loglet.check_tail()).position
    for begin, stop in [(tail, tail), (tail, tail + 10), (tail + 5, tail + 10)]:
        found = await loglet.read(begin, stop)
        assert found == [], f"read({begin}, {stop}) at the tail {tail} gave {found}"
    for begin, stop in [(positions[3], positions[3]), (positions[5], positions[2])]:
        found = await loglet.read(begin, stop)
        assert found == [], f"read({begin}, {stop}) gave {found}"
    found = await read_all(loglet, positions[0], tail)
    beyond = await loglet.read(positions[-1], tail + 100)
    assert beyond == found[positions[-1] - positions[0] :][: len(beyond)], (
        f"read beyond the tail {tail} gave {beyond}"
    )
    assert beyond, f"read({positions[-1]}, {tail + 100}) gave nothing"
    for i, begin in enumerate(range(positions[0], tail)):
        part = await loglet.read(begin, begin + 1)
        assert part == [found[i]], f"read({begin}, {begin + 1}) gave {part}, not {found[i]}"


async def check_a_read_gives_at_least_one(engine: Engine) -> None:
    """With a small `bytes_max` read gives less, but never nothing where there is something."""
    loglet = engine.loglet
    positions = [await loglet.append(Entry(bytes(1000))) for _ in range(20)]
    for bytes_max in (0, 1, 999):
        found = await loglet.read(positions[0], positions[-1] + 1, bytes_max)
        assert len(found) == 1, f"bytes_max={bytes_max} gave {len(found)} entries of 1000 bytes"
    found = await loglet.read(positions[0], positions[-1] + 1, 5000)
    assert 1 <= len(found) <= 6, f"bytes_max=5000 gave {len(found)} entries of 1000 bytes"


async def check_what_was_read_is_read_again(engine: Engine) -> None:
    """A position that was read once reads the same for ever."""
    loglet = engine.loglet
    await append_all(loglet, [f"a{i}" for i in range(5)])
    stop = loglet.committed
    first = await read_all(loglet, engine.begin, stop)
    await asyncio.gather(*(loglet.append(entry(f"b{i}")) for i in range(20)))
    again = await read_all(loglet, engine.begin, stop)
    assert again == first, f"the entries below {stop} were {first}, and now {again}"


async def check_only_the_committed_is_read(engine: Engine) -> None:
    """While appends are under way read gives nothing at or beyond `committed`, which never runs
    backwards, and all that it gives stays."""
    loglet = engine.loglet
    seen: dict[int, Entry] = {}
    appends = [start(loglet.append(entry(f"e{i}"))) for i in range(50)]
    committed = 0
    while not all(append.done() for append in appends):
        begin = max(engine.begin, loglet.committed - 3)
        found = await loglet.read(begin, begin + 100)
        for position, each in enumerate(found, begin):
            assert position < loglet.committed, (
                f"read gave {position} while committed is {loglet.committed}"
            )
            assert seen.setdefault(position, each) == each, f"{position} changed: {each}"
        assert loglet.committed >= committed, f"committed fell below {committed}"
        committed = loglet.committed
        await asyncio.sleep(0)
    await asyncio.gather(*appends)
    final = await read_all(loglet, engine.begin, loglet.committed)
    for position, each in seen.items():
        now = final[position - engine.begin]
        assert now == each, f"{position} was {each}, and now {now}"


async def check_wait_wakes_for_an_append(engine: Engine) -> None:
    """Wait returns when an append makes `committed` exceed its position, for every waiter."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b"])
    tail = (await loglet.check_tail()).position
    waits = [start(loglet.wait(tail)) for _ in range(3)]
    await spin()
    await loglet.append(entry("c"))
    for wait in waits:
        woken = await wait
        assert woken.position > tail, f"wait({tail}) returned {woken}"
        assert not woken.sealed, "wait says sealed, and nobody sealed"
    at_once = await loglet.wait(engine.begin)
    assert at_once.position > engine.begin, f"wait({engine.begin}) returned {at_once}"


async def check_wait_does_not_return_early(engine: Engine) -> None:
    """Wait goes on while `committed` has not passed its position, though others append below."""
    loglet = engine.loglet
    await append_all(loglet, ["a"])
    target = (await loglet.check_tail()).position + 5
    wait = start(loglet.wait(target))
    while loglet.committed <= target:
        await spin()
        assert not wait.done() or loglet.committed > target, (
            f"wait({target}) returned {wait.result()} while committed is {loglet.committed}"
        )
        await loglet.append(entry("more"))
    woken = await wait
    assert woken.position > target, f"wait({target}) returned {woken}"


async def check_wait_can_be_cancelled(engine: Engine) -> None:
    """A cancelled wait harms neither the log nor another waiter."""
    loglet = engine.loglet
    tail = (await loglet.check_tail()).position
    cancelled = [start(loglet.wait(tail + i)) for i in (0, 1, 0)]
    stays = start(loglet.wait(tail))
    await spin()
    for wait in cancelled:
        wait.cancel()
    await asyncio.gather(*cancelled, return_exceptions=True)
    assert all(wait.cancelled() for wait in cancelled), "a wait swallowed its cancellation"
    position = await loglet.append(entry("a"))
    woken = await stays
    assert woken.position > tail, f"beside cancelled ones, wait({tail}) returned {woken}"
    found = await read_texts(loglet, engine.begin, loglet.committed)
    assert found == {position: "a"}, f"the log holds {found}"


async def check_a_reader_can_follow_the_tail(engine: Engine) -> None:
    """Wait and read in turns see every entry once, in order, while others append."""
    loglet = engine.loglet
    count = 60
    seen: list[str] = []

    async def follow() -> None:
        position = engine.begin
        while len(seen) < count:
            await loglet.wait(position)
            found = await loglet.read(position, position + 7)
            position += len(found)
            seen.extend(each.payload.decode() for each in found if each.records)

    follower = start(follow())
    positions = await asyncio.gather(*(loglet.append(entry(f"e{i}")) for i in range(count)))
    await follower
    expected = [f"e{i}" for _, i in sorted(zip(positions, range(count), strict=True))]
    assert seen == expected, f"the reader saw {seen}, the order is {expected}"


CHECKS = (
    check_reads_keep_their_bounds,
    check_a_read_gives_at_least_one,
    check_what_was_read_is_read_again,
    check_only_the_committed_is_read,
    check_wait_wakes_for_an_append,
    check_wait_does_not_return_early,
    check_wait_can_be_cancelled,
    check_a_reader_can_follow_the_tail,
)
