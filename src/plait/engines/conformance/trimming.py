"""Trimming: a prefix goes, nothing else changes."""

from plait.base.errors import HistoryTrimmed
from plait.engines.conformance.engine import Engine, append_all, entry, read_all, text
from plait.line.entry import Entry
from plait.line.loglet import Loglet


async def check_trim_moves_the_head(engine: Engine) -> None:
    """After trim(before) the head is `before`, below it read raises `HistoryTrimmed`, and from it
    on all is as it was."""
    loglet = engine.loglet
    await append_all(loglet, [f"e{i}" for i in range(10)])
    tail = loglet.committed
    all_entries = await read_all(loglet, engine.begin, tail)
    before = tail - 4
    await loglet.trim(before)
    await expect_trimmed(loglet, before, tail, all_entries[before - engine.begin :])


async def check_trim_never_passes_the_committed(engine: Engine) -> None:
    """Trim beyond the tail trims to the tail: what comes later is kept."""
    loglet = engine.loglet
    await append_all(loglet, ["a", "b"])
    tail = (await loglet.check_tail()).position
    await loglet.trim(tail + 100)
    assert loglet.head == tail, f"trim beyond the tail {tail} moved the head to {loglet.head}"
    position = await loglet.append(entry("c"))
    found = await loglet.read(position, position + 1)
    assert [text(each) for each in found] == ["c"], f"the append after the trim reads as {found}"


async def check_trim_to_the_tail_keeps_the_tail(engine: Engine) -> None:
    """With every entry trimmed the tail stays, appends continue there, and so do the record index
    and the epoch."""
    loglet = engine.loglet
    for i, records in enumerate([3, 1, 4]):
        await loglet.append(entry(f"e{i}", records))
    tail = (await loglet.check_tail()).position
    (last,) = await loglet.read(tail - 1, tail)
    await loglet.trim(tail)
    await expect_trimmed(loglet, tail, tail, [])
    position = await loglet.append(entry("next"))
    assert position >= tail, f"position {position} after a trim at {tail} is used twice"
    (found,) = await loglet.read(position, position + 1)
    assert found.record_index == last.records_end, (
        f"record index {found.record_index} after a trim, {last.records_end} stand before it"
    )
    assert found.epoch >= last.epoch, f"epoch {found.epoch} follows {last.epoch}"


async def check_a_lower_trim_does_nothing(engine: Engine) -> None:
    """Trimming again at or below the head changes nothing."""
    loglet = engine.loglet
    positions = await append_all(loglet, [f"e{i}" for i in range(10)])
    tail = loglet.committed
    before = positions[6]
    rest = await read_all(loglet, before, tail)
    for again in (before, before, positions[2], 0, -1):
        await loglet.trim(again)
        await expect_trimmed(loglet, before, tail, rest)


async def check_a_trimmed_log_goes_on(engine: Engine) -> None:
    """Appends and trims in turns: positions go on, and the record index counts what is gone."""
    loglet = engine.loglet
    records = engine.origin.records
    for i in range(12):
        position = await loglet.append(entry(f"e{i}", i))
        (found,) = await loglet.read(position, position + 1)
        assert found.record_index == records, (
            f"record index {found.record_index} at {position}, {records} stand before it"
        )
        records += i
        await loglet.trim(position - 1)
        assert loglet.head == max(engine.begin, position - 1), (
            f"trim({position - 1}): head {loglet.head}"
        )
    left = await read_all(loglet, loglet.head, loglet.committed)
    assert len(left) == 2, f"{len(left)} entries are left of the last two"


async def check_a_sealed_log_can_be_trimmed(engine: Engine) -> None:
    """Trim works after the seal, and changes neither the seal nor its tail."""
    loglet = engine.loglet
    await append_all(loglet, [f"e{i}" for i in range(5)])
    tail = await loglet.seal()
    rest = await read_all(loglet, tail - 2, tail)
    await loglet.trim(tail - 2)
    await expect_trimmed(loglet, tail - 2, tail, rest)
    told = await loglet.check_tail()
    assert told == (tail, True), f"sealed at {tail} and trimmed, check_tail says {told}"


async def expect_trimmed(loglet: Loglet, head: int, tail: int, rest: list[Entry]) -> None:
    """The head is at `head`, `rest` stands from there to `tail`, and below is nothing."""
    assert loglet.head == head, f"the head should be {head}, it is {loglet.head}"
    told = await loglet.check_tail()
    assert told.position == tail, f"a trim moved the tail from {tail} to {told.position}"
    found = await read_all(loglet, head, tail)
    assert found == rest, f"from {head} on the log held {rest}, and now {found}"
    for below in sorted({0, head - 1} - {-1, head}):
        try:
            kept = await loglet.read(below, tail)
        except HistoryTrimmed as error:
            told_head = error.details.get("head")
            assert told_head == head, f"HistoryTrimmed names head {told_head}, it is {head}"
        else:
            raise AssertionError(f"read({below}, {tail}) below the head {head} gave {kept}")


CHECKS = (
    check_trim_moves_the_head,
    check_trim_never_passes_the_committed,
    check_trim_to_the_tail_keeps_the_tail,
    check_a_lower_trim_does_nothing,
    check_a_trimmed_log_goes_on,
    check_a_sealed_log_can_be_trimmed,
)
