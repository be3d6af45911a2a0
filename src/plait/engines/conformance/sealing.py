"""Sealing: it is for ever, and what was appended before it stays."""

import asyncio

from plait.base.errors import Refused, Sealed
from plait.engines.conformance.engine import (
    Engine,
    append_all,
    entry,
    read_all,
    read_texts,
    spin,
    start,
)
from plait.line.loglet import Loglet


async def check_seal_stops_appends(engine: Engine) -> None:
    """After seal every append raises `Sealed`, the tail stays, and check_tail says sealed."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b"])
    tail = await loglet.seal()
    await expect_sealed(loglet, tail)
    results = await asyncio.gather(
        *(loglet.append(entry(f"late{i}")) for i in range(10)), return_exceptions=True
    )
    assert all(isinstance(result, Sealed) for result in results), f"appends gave {results}"
    await expect_sealed(loglet, tail)


async def check_seal_is_idempotent(engine: Engine) -> None:
    """Seals, one after another or at once, all return the same tail."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b", "c"])
    tails = await asyncio.gather(*(loglet.seal() for _ in range(3)))
    tails.append(await loglet.seal())
    assert len(set(tails)) == 1, f"seals returned different tails: {tails}"
    await expect_sealed(loglet, tails[0])


async def check_an_empty_log_can_be_sealed(engine: Engine) -> None:
    """A log without appends seals, and has nothing of anybody's to read."""
    tail = await engine.loglet.seal()
    found = await read_texts(engine.loglet, engine.begin, tail)
    assert found == {}, f"an empty log holds {found}"
    await expect_sealed(engine.loglet, tail)


async def check_the_sealed_log_can_be_read(engine: Engine) -> None:
    """Below the sealed tail is exactly what was appended; nothing is at or beyond it."""
    loglet = engine.loglet
    positions = await append_all(loglet, [f"e{i}" for i in range(6)])
    tail = await loglet.seal()
    found = await read_texts(loglet, engine.begin, tail)
    assert found == {at: f"e{i}" for i, at in enumerate(positions)}, f"the log holds {found}"
    beyond = await loglet.read(tail, tail + 10)
    assert beyond == [], f"{beyond} stands beyond the sealed tail {tail}"


async def check_appends_beside_a_seal_are_definite(engine: Engine) -> None:
    """Of appends that run beside a seal each gets a position below the sealed tail or raises
    `Sealed`; the log holds exactly those that got one; once one is refused so are all later ones;
    none that began after the seal had returned succeeds."""
    loglet = engine.loglet
    tasks: list[asyncio.Task[int]] = []

    async def append_some(count: int) -> None:
        for _ in range(count):
            tasks.append(start(loglet.append(entry(f"e{len(tasks)}"))))
            if len(tasks) % 6 == 0:
                await asyncio.sleep(0)

    await append_some(40)  # the last four are just under way
    sealing = start(loglet.seal())
    await append_some(40)
    tail = await sealing
    before = len(tasks)
    await append_some(10)
    results = await asyncio.gather(*tasks, return_exceptions=True)

    expected: dict[int, str] = {}
    for i, result in enumerate(results):
        if isinstance(result, int):
            assert result < tail, f"append e{i} got {result}, the sealed tail is {tail}"
            assert i < before, f"append e{i} began after the seal, and got {result}"
            assert result not in expected, f"e{i} and {expected[result]} both got {result}"
            expected[result] = f"e{i}"
        else:
            assert isinstance(result, Refused), f"append e{i} raised {result!r}, not Sealed"
            assert isinstance(result, Sealed) or i < before, f"append e{i} raised {result!r}"
    refused = [i for i, result in enumerate(results) if isinstance(result, Sealed)]
    passed = [i for i, result in enumerate(results) if isinstance(result, int)]
    assert not passed or passed[-1] < refused[0], (
        f"append e{passed[-1]} succeeded although e{refused[0]}, started before, met the seal"
    )
    await spin()
    found = await read_texts(loglet, engine.begin, tail)
    assert found == expected, (
        f"acknowledged and stored differ: {sorted(set(found.items()) ^ set(expected.items()))[:5]}"
    )
    await expect_sealed(loglet, tail)


async def check_wait_returns_at_seal(engine: Engine) -> None:
    """Wait returns when the log is sealed, and at once when it is sealed already."""
    loglet = engine.loglet
    await append_all(loglet, ["a"])
    waits = [start(loglet.wait((await loglet.check_tail()).position + i)) for i in (0, 3)]
    await spin()
    assert not any(wait.done() for wait in waits), "wait returned before the seal"
    tail = await loglet.seal()
    woken = await asyncio.gather(*waits)
    woken.append(await loglet.wait(tail + 10))
    assert all(each == (tail, True) for each in woken), f"sealed at {tail}, wait gave {woken}"


async def expect_sealed(loglet: Loglet, tail: int) -> None:
    """The loglet is sealed at `tail`: it says so, refuses appends, and `tail` entries are read."""
    told = await loglet.check_tail()
    assert told == (tail, True), f"sealed at {tail}, check_tail says {told}"
    try:
        position = await loglet.append(entry("late"))
    except Sealed:
        pass
    else:
        raise AssertionError(f"an append after the seal got position {position}")
    again = await loglet.seal()
    assert again == tail, f"sealed at {tail}, the next seal returned {again}"
    found = await read_all(loglet, loglet.head, tail)
    assert len(found) == tail - loglet.head, f"{len(found)} entries in [{loglet.head}, {tail})"
    assert loglet.committed == tail, f"sealed at {tail}, committed is {loglet.committed}"


CHECKS = (
    check_seal_stops_appends,
    check_seal_is_idempotent,
    check_an_empty_log_can_be_sealed,
    check_the_sealed_log_can_be_read,
    check_appends_beside_a_seal_are_definite,
    check_wait_returns_at_seal,
)
