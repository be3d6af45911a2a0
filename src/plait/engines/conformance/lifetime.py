"""Lifetime: closing, opening again, and (for engines that can) crashing."""

import asyncio
from collections.abc import Awaitable, Callable

from plait.base.errors import Closed
from plait.engines.conformance.engine import (
    Engine,
    append_all,
    entry,
    read_all,
    read_texts,
    spin,
    start,
)
from plait.engines.conformance.sealing import expect_sealed
from plait.line.entry import Entry
from plait.line.loglet import Loglet


async def check_a_closed_loglet_refuses(engine: Engine) -> None:
    """After close every call raises `Closed`, a wait under way too; closing again is harmless."""
    loglet = engine.loglet
    await append_all(loglet, ["a"])
    wait = start(loglet.wait((await loglet.check_tail()).position))
    await spin()
    await loglet.close()
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "the wait under way": lambda: wait,
        "append": lambda: loglet.append(entry("b")),
        "check_tail": loglet.check_tail,
        "read": lambda: loglet.read(engine.begin, engine.begin + 1),
        "wait": lambda: loglet.wait(engine.begin),
        "trim": lambda: loglet.trim(engine.begin + 1),
        "seal": loglet.seal,
    }
    for name, call in calls.items():
        try:
            result = await call()
        except Closed:
            continue
        raise AssertionError(f"{name} after close gave {result!r}, not Closed")
    await loglet.close()


async def check_reopening_keeps_everything(engine: Engine) -> None:
    """After reopening, what was acknowledged is there unchanged, and positions, record index and
    epochs go on."""
    await append_all(engine.loglet, [f"e{i}" for i in range(10)])
    await engine.loglet.append(entry("many", 5))
    await expect_all_kept(engine, engine.reopen)


async def check_reopening_keeps_the_seal(engine: Engine) -> None:
    """A sealed log is sealed at the same tail after reopening."""
    await append_all(engine.loglet, ["a", "b"])
    tail = await engine.loglet.seal()
    await expect_sealed(await engine.reopen(), tail)


async def check_reopening_keeps_the_head(engine: Engine) -> None:
    """A trimmed log has the same head after reopening, and the same entries from there."""
    loglet = engine.loglet
    await append_all(loglet, [f"e{i}" for i in range(10)])
    head, tail = loglet.committed - 3, loglet.committed
    await loglet.trim(head)
    rest = await read_all(loglet, head, tail)
    loglet = await engine.reopen()
    assert loglet.head == head, f"the head was {head}, reopened it is {loglet.head}"
    found = await read_all(loglet, head, tail)
    assert found == rest, f"from {head} on the log held {rest}, reopened {found}"


async def check_reopening_an_emptied_log(engine: Engine) -> None:
    """A log trimmed to its tail has the same tail after reopening; positions, record index and
    epoch go on."""
    loglet = engine.loglet
    for records in (2, 0, 7):
        await loglet.append(entry("e", records))
    tail = loglet.committed
    (last,) = await loglet.read(tail - 1, tail)
    await loglet.trim(tail)
    loglet = await engine.reopen()
    assert loglet.head == tail, f"the head was {tail}, reopened it is {loglet.head}"
    await expect_continues(loglet, tail, last)


async def check_reopening_a_sealed_and_trimmed_log(engine: Engine) -> None:
    """Seal and head both survive, in whichever order they came, and twice."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b", "c", "d"])
    await loglet.trim(engine.begin + 1)
    tail = await loglet.seal()
    head = engine.begin + 2
    await loglet.trim(head)
    for _ in range(2):
        loglet = await engine.reopen()
        assert loglet.head == head, f"the head was {head}, reopened it is {loglet.head}"
        await expect_sealed(loglet, tail)


async def check_a_crash_loses_nothing_acknowledged(engine: Engine) -> None:
    """After a crash, what was acknowledged is there unchanged, and positions go on."""
    await append_all(engine.loglet, [f"e{i}" for i in range(10)])
    await expect_all_kept(engine, engine.crash)


async def check_a_crash_among_appends(engine: Engine) -> None:
    """A crash amid appends keeps all that returned, and of the others each at most once, in the
    order in which they were started."""
    appends = [start(engine.loglet.append(entry(f"e{i:02}"))) for i in range(50)]
    await asyncio.wait(appends, return_when=asyncio.FIRST_COMPLETED)
    returned = {
        append.result(): f"e{i:02}"
        for i, append in enumerate(appends)
        if append.done() and not append.exception()
    }
    loglet = await engine.crash()
    for append in appends:
        append.cancel()
    await asyncio.gather(*appends, return_exceptions=True)
    tail = (await loglet.check_tail()).position
    found = await read_texts(loglet, loglet.head, tail)
    lost = [each for each in returned.items() if each not in found.items()]
    assert not lost, f"acknowledged, and lost in the crash: {lost}"
    kept = list(found.values())
    assert kept == sorted(set(kept)), f"doubled or reordered by the crash: {kept}"


async def check_a_crash_keeps_the_seal(engine: Engine) -> None:
    """A log whose seal had returned is sealed at the same tail after a crash."""
    await append_all(engine.loglet, ["a", "b"])
    tail = await engine.loglet.seal()
    await expect_sealed(await engine.crash(), tail)


async def check_a_crash_keeps_the_head(engine: Engine) -> None:
    """A trim that had returned is not undone by a crash."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b", "c"])
    tail = loglet.committed
    (last,) = await loglet.read(tail - 1, tail)
    await loglet.trim(tail)
    loglet = await engine.crash()
    assert loglet.head == tail, f"the head was {tail}, after the crash it is {loglet.head}"
    await expect_continues(loglet, tail, last)


async def expect_all_kept(engine: Engine, again: Callable[[], Awaitable[Loglet]]) -> None:
    """Opened `again`, the log holds what it held, and goes on from there."""
    loglet, begin = engine.loglet, engine.begin
    tail = (await loglet.check_tail()).position
    held = await read_all(loglet, begin, tail)
    loglet = await again()
    assert loglet.head == begin, f"nobody trimmed, and the head is {loglet.head}"
    told = await loglet.check_tail()
    assert told.position >= tail, f"the tail was {tail}, opened again it is {told.position}"
    assert not told.sealed, "nobody sealed, and opened again it is sealed"
    found = await read_all(loglet, begin, tail)
    assert found == held, f"the log held {held}, opened again {found}"
    await expect_continues(loglet, tail, held[-1])


async def expect_continues(loglet: Loglet, tail: int, last: Entry) -> None:
    """The next append comes at or after `tail`, and continues `last`."""
    position = await loglet.append(entry("next"))
    assert position >= tail, f"position {position} was given before: the tail had been {tail}"
    (found,) = await loglet.read(position, position + 1)
    assert found.record_index == last.records_end, (
        f"record index {found.record_index}, {last.records_end} records stand before it"
    )
    assert found.epoch >= last.epoch, f"epoch {found.epoch} follows {last.epoch}"


NEEDS_REOPEN = (
    check_reopening_keeps_everything,
    check_reopening_keeps_the_seal,
    check_reopening_keeps_the_head,
    check_reopening_an_emptied_log,
    check_reopening_a_sealed_and_trimmed_log,
)
NEEDS_CRASH = (
    check_a_crash_loses_nothing_acknowledged,
    check_a_crash_among_appends,
    check_a_crash_keeps_the_seal,
    check_a_crash_keeps_the_head,
)
CHECKS = (check_a_closed_loglet_refuses, *NEEDS_REOPEN, *NEEDS_CRASH)
