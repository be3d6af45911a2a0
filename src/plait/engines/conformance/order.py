"""Order: appends get positions, keep their content, and are there when they return."""

import asyncio

from plait.base.errors import HistoryTrimmed
from plait.engines.conformance.engine import (
    Engine,
    append_all,
    entry,
    own,
    read_all,
    read_given,
    read_texts,
    spin,
    start,
    text,
)
from plait.line.entry import NO_EPOCH, Entry, Kind

IN_FLIGHT = 100


async def check_positions_begin_at_the_origin(engine: Engine) -> None:
    """A new log's head is its origin, what stands before the first append is the engine's own, and
    a read below the origin raises `HistoryTrimmed`."""
    loglet, origin = engine.loglet, engine.origin
    assert loglet.head == origin.position, f"begun at {origin}, the head is {loglet.head}"
    tail = (await loglet.check_tail()).position
    assert tail >= origin.position, f"begun at {origin}, the tail is {tail}"
    before = await read_all(loglet, origin.position, tail)
    assert all(map(own, before)), f"a new log holds {before}"
    position = await loglet.append(entry("first"))
    assert position >= tail, f"the first append got {position}, the tail was {tail}"
    if not origin.position:
        return
    try:
        found = await loglet.read(origin.position - 1, position)
    except HistoryTrimmed as error:
        head = error.details.get("head")
        assert head == origin.position, f"HistoryTrimmed names head {head}, it is {origin.position}"
    else:
        raise AssertionError(f"a read below the origin {origin} gave {found}")


async def check_epochs_and_records_go_on_from_the_origin(engine: Engine) -> None:
    """Every epoch number is above the origin's, and the first record index is the origin's."""
    loglet, origin = engine.loglet, engine.origin
    for records in (3, 1):
        await loglet.append(entry("e", records))
    found = await read_all(loglet, origin.position, loglet.committed)
    for i, each in enumerate(found, origin.position):
        assert each.epoch.number > origin.epoch, (
            f"epoch {each.epoch} at {i}, and numbers up to {origin.epoch} were used before"
        )
    first = found[0].record_index
    assert first == origin.records, (
        f"the first record index is {first}, and {origin.records} records stand before it"
    )


async def check_positions_are_dense(engine: Engine) -> None:
    """Positions grow by one from the head; whatever stands between two appends is the engine's own
    entry without records, and the tail follows the last."""
    loglet = engine.loglet
    begin = (await loglet.check_tail()).position
    assert loglet.head <= begin, f"head {loglet.head} is beyond the tail {begin}"
    positions = await append_all(loglet, [f"e{i}" for i in range(10)])
    assert positions == sorted(set(positions)), f"positions do not grow: {positions}"
    tail = (await loglet.check_tail()).position
    assert tail > positions[-1], f"the tail {tail} does not cover {positions[-1]}"
    found = await read_all(loglet, loglet.head, tail)
    given = {loglet.head + i: text(each) for i, each in enumerate(found) if not own(each)}
    assert given == {at: f"e{i}" for i, at in enumerate(positions)}, (
        f"the log holds {given} besides the engine's own entries; positions were {positions}"
    )


async def check_an_append_can_be_read_when_it_returns(engine: Engine) -> None:
    """When append returns a position, `committed` covers it and read gives the entry."""
    loglet = engine.loglet
    for i in range(5):
        position = await loglet.append(entry(f"e{i}"))
        assert loglet.committed > position, (
            f"append returned {position} while committed is {loglet.committed}"
        )
        found = await loglet.read(position, position + 1)
        assert [text(each) for each in found] == [f"e{i}"], f"{position} reads as {found}"


async def check_content_comes_back_as_it_was(engine: Engine) -> None:
    """Payload, number of records, kind and time are what was appended: empty and 1 MiB payloads
    and entries without records, too."""
    loglet = engine.loglet
    given = [
        Entry(b"", 1, time_ms=1),
        Entry(b"", 0),
        Entry(b"no records", 0, time_ms=2**40),
        Entry(bytes(range(256)) * 4096, 7),
        Entry(b"many records", 1000),
    ]
    for each in given:
        position = await loglet.append(each)
        (found,) = await loglet.read(position, position + 1)
        assert found.payload == each.payload, (
            f"a payload of {len(each.payload)} bytes came back different, "
            f"with {len(found.payload)} bytes"
        )
        assert found.records == each.records, f"{each.records} records became {found.records}"
        assert found.kind is Kind.DATA, f"a data entry became {found.kind!r}"
        assert found.time_ms == each.time_ms, f"time {each.time_ms} became {found.time_ms}"


async def check_the_record_index_counts_on(engine: Engine) -> None:
    """Each entry's record index is the number of records in all entries before it."""
    loglet = engine.loglet
    for i, records in enumerate([1, 0, 5, 0, 0, 3, 1]):
        await loglet.append(entry(f"e{i}", records))
    expected = engine.origin.records
    for i, found in enumerate(await read_all(loglet, engine.begin, loglet.committed), engine.begin):
        assert found.record_index == expected, (
            f"the entry at {i} has record index {found.record_index}, "
            f"{expected} records stand before it"
        )
        expected += found.records


async def check_epochs_never_decrease(engine: Engine) -> None:
    """Every entry bears an epoch, and none a lower one than an entry before it."""
    loglet = engine.loglet
    await append_all(loglet, [f"e{i}" for i in range(10)])
    last = NO_EPOCH
    for i, found in enumerate(await read_all(loglet, engine.begin, loglet.committed), engine.begin):
        assert found.epoch > NO_EPOCH, f"the entry at {i} bears no epoch"
        assert found.epoch >= last, f"epoch {found.epoch} at {i} follows {last}"
        last = found.epoch


async def check_appends_in_flight_keep_their_order(engine: Engine) -> None:
    """A hundred appends in flight get distinct positions, in the order in which they were started,
    and each position holds what was appended there."""
    loglet = engine.loglet
    positions = await asyncio.gather(*(loglet.append(entry(f"e{i}")) for i in range(IN_FLIGHT)))
    assert len(set(positions)) == IN_FLIGHT, f"positions are not distinct: {sorted(positions)}"
    assert list(positions) == sorted(positions), (
        f"appends were ordered otherwise than they were started: {positions}"
    )
    found = await read_texts(loglet, engine.begin, loglet.committed)
    expected = {position: f"e{i}" for i, position in enumerate(positions)}
    assert found == expected, _difference(found, expected)


async def check_callers_keep_their_own_order(engine: Engine) -> None:
    """Several callers, each awaiting its appends one by one, see one order: positions are
    distinct, each caller's grow, and the log holds each entry exactly once."""
    loglet = engine.loglet

    async def caller(name: str) -> list[int]:
        return await append_all(loglet, [f"{name}{i}" for i in range(10)])

    names = "abcdef"
    positions = await asyncio.gather(*(caller(name) for name in names))
    expected = {}
    for name, own_positions in zip(names, positions, strict=True):
        assert own_positions == sorted(own_positions), f"{name}'s order is lost: {own_positions}"
        expected.update({position: f"{name}{i}" for i, position in enumerate(own_positions)})
    found = await read_texts(loglet, engine.begin, loglet.committed)
    assert found == expected, _difference(found, expected)


async def check_the_tail_covers_finished_appends(engine: Engine) -> None:
    """`check_tail` covers every append that had returned when it was called, and never runs
    backwards, also while others append."""
    loglet = engine.loglet
    highest = 0

    async def caller(name: str) -> None:
        nonlocal highest
        for i in range(10):
            highest = max(highest, await loglet.append(entry(f"{name}{i}")) + 1)
            covered = highest
            tail = await loglet.check_tail()
            assert tail.position >= covered, (
                f"the tail is {tail.position} after an append returned {covered - 1}"
            )
            assert not tail.sealed, "the tail is called sealed, and nobody sealed"

    await asyncio.gather(*(caller(name) for name in "abcd"))


async def check_a_cancelled_append_leaves_the_log_usable(engine: Engine) -> None:
    """An append that is cancelled may or may not happen, at most once; others are unharmed."""
    loglet = engine.loglet
    tasks = [start(loglet.append(entry(f"e{i}"))) for i in range(30)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await spin()
    last = await loglet.append(entry("last"))
    found = await read_given(loglet, engine.begin, loglet.committed)
    texts = {at: text(each) for at, each in found.items()}
    for i, result in enumerate(results):
        if isinstance(result, int):
            assert texts.get(result) == f"e{i}", f"{result} holds {texts.get(result)}, not e{i}"
        else:
            assert isinstance(result, asyncio.CancelledError), f"append e{i} raised {result!r}"
    assert texts.get(last) == "last", f"{last} holds {texts.get(last)}, not 'last'"
    assert len(set(texts.values())) == len(texts), f"an entry is there twice: {texts}"
    records = engine.origin.records
    for at, each in found.items():
        assert each.record_index == records, f"record index {each.record_index} at {at}: {records}"
        records += each.records


def _difference(found: dict[int, str], expected: dict[int, str]) -> str:
    wrong = sorted(set(found.items()) ^ set(expected.items()))[:5]
    return f"the log and the returned positions differ, first at {wrong}"


CHECKS = (
    check_positions_begin_at_the_origin,
    check_epochs_and_records_go_on_from_the_origin,
    check_positions_are_dense,
    check_an_append_can_be_read_when_it_returns,
    check_content_comes_back_as_it_was,
    check_the_record_index_counts_on,
    check_epochs_never_decrease,
    check_appends_in_flight_keep_their_order,
    check_callers_keep_their_own_order,
    check_the_tail_covers_finished_appends,
    check_a_cancelled_append_leaves_the_log_usable,
)
