"""The replica: ordering, applying, answering, flushing, and starting over."""

import asyncio

import pytest

from plait.base.errors import (
    BadFrame,
    Busy,
    Corrupt,
    DiskFull,
    NotLeader,
    SessionLost,
    TooStale,
    Unavailable,
)
from plait.engines import flusher, proposer
from plait.engines.checkpoint import load_checkpoint
from plait.line.entry import Entry, Epoch, Kind
from plait.line.outcome import Failed, Run
from plait.types.commands import Command, Delete, OpenSession
from plait.types.fold import Stamp, View
from plait.types.keys import INEFFECTIVE, SESSIONS, row_space
from plait.types.queries import Count, Get, Scan
from plait.types.table import TableMachine
from tests.fakes import FakeClock, FakeLoglet, FakeState
from tests.lines import decoded, entry, get, group, put, running

FIRST, SECOND = Epoch(1, "a"), Epoch(2, "b")


async def test_a_proposal_learns_where_it_stands_and_what_failed() -> None:
    async with running() as replica:
        await replica.propose(group(put("a", 1)))
        outcome = await replica.propose(group(put("b", 1), put("a", 2, if_version=9)))
        assert outcome[:4] == (FIRST, 1, 0, 2)
        ((index, failed),) = outcome.failures
        assert (index, failed.code, failed.details["actual"]) == (1, "Conflict", 1)
        assert await get(replica, "b") == [2, 1]


async def test_groups_of_one_tick_share_an_entry() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        futures = [replica.propose(group(put(f"{n}", n), put("x", n))) for n in range(3)]
        outcomes = await asyncio.gather(*futures)
        assert [outcome[1:4] for outcome in outcomes] == [(0, 0, 1), (0, 2, 3), (0, 4, 5)]
        assert loglet.appends == 1


async def test_while_appends_are_under_way_batches_grow() -> None:
    loglet = FakeLoglet()
    loglet.gate = asyncio.Event()
    async with running(loglet) as replica:
        futures = []
        for n in range(20):
            futures.append(replica.propose(group(put(f"{n}", n))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        loglet.gate.set()
        await asyncio.gather(*futures)
        assert loglet.appends == proposer.APPENDS_MAX + 1


async def test_an_answer_later_than_the_application_is_not_missed() -> None:
    loglet = FakeLoglet()
    loglet.late = asyncio.Event()
    async with running(loglet) as replica:
        future = replica.propose(group(put("a", 1)))
        assert await get(replica, "a", after=1) == [1, 1]
        assert not future.done()
        loglet.late.set()
        assert (await future).position == 0


async def test_a_bad_group_is_refused_and_not_logged() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        for bad in (b"", b"\x01", group()):
            with pytest.raises(BadFrame):
                await replica.propose(bad)
        assert loglet.appends == 0


async def test_too_much_pending_is_busy_and_room_comes_back(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(proposer, "PENDING_BYTES_MAX", 50)
    async with running() as replica:
        first = replica.propose(group(put("a", "x" * 40)))
        with pytest.raises(Busy):
            replica.propose(group(put("b", 1)))
        await first
        await replica.propose(group(put("b", 1)))


async def test_what_the_loglet_refuses_reaches_every_group_of_the_entry() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.fail_with = NotLeader("not here", leader="n2")
        futures = [replica.propose(group(put("a", n))) for n in range(2)]
        for future in futures:
            with pytest.raises(NotLeader):
                await future
        loglet.fail_with = None
        await replica.propose(group(put("a", 1)))


async def test_a_caller_that_gives_up_hurts_nobody() -> None:
    async with running() as replica:
        given_up = replica.propose(group(put("a", 1)))
        other = replica.propose(group(put("b", 1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        given_up.cancel()
        assert (await other).offset == 1
        assert await get(replica, "a") == [1, 1]


async def test_a_retried_group_is_applied_once_even_after_a_restart() -> None:
    loglet, state = FakeLoglet(), FakeState()
    data = group(put("a", 1, if_version=0), put("b", 1, if_version=5), session=7, first=1)
    async with running(loglet, state) as replica:
        assert (await replica.propose(group(OpenSession(7)))).failures == ()
        original = await replica.propose(data)
    assert state.count(SESSIONS) == 1
    loglet.add(Entry(b"", records=0, kind=Kind.EPOCH))
    async with running(loglet, state) as replica:
        assert await replica.propose(data) == original
        mixed = await replica.propose(
            group(put("b", 2, if_version=5), put("c", 3), session=7, first=2)
        )
        assert [index for index, _ in mixed.failures] == [0]
        assert mixed.runs == (Run(0, 1, 1, 1, 3, FIRST), Run(1, 1, 4, 1, 7, FIRST))
        assert mixed[1:4] == (4, 1, 7)
        assert await get(replica, "c") == [7, 3]
        evicted = await replica.propose(group(put("c", 9), session=8, first=1))
        assert [failed.code for _, failed in evicted.failures] == ["SessionEvicted"]


async def test_restarted_replicas_go_on_from_their_checkpoint() -> None:
    loglet, state, clock = FakeLoglet(), FakeState(), FakeClock(5000)
    async with running(loglet, state, clock=clock) as replica:
        await replica.propose(group(put("a", 1)))
        await replica.flush()
        assert replica.flushed == 1
    loglet.head = 1
    clock.now_ms = 10
    async with running(loglet, state, clock=clock) as replica:
        assert (replica.applied, replica.time_ms) == (1, 5000)
        outcome = await replica.propose(group(put("b", 2)))
        assert (outcome.version, replica.time_ms) == (2, 5000)
        assert await get(replica, "a") == [1, 1]


async def test_a_flush_carries_rows_sessions_and_checkpoint_in_one_transaction() -> None:
    state = FakeState()
    async with running(state=state) as replica:
        await replica.propose(group(OpenSession(7)))
        await replica.propose(group(put("a", 1), Delete(1, "a", 9), session=7, first=1))
        await replica.flush()
        (changes,) = state.flushes
        assert [space for space, _, _ in changes] == [0, SESSIONS, INEFFECTIVE, row_space(1)]
        assert load_checkpoint(state).applied == 2


async def test_changes_are_flushed_after_a_while_by_themselves(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(flusher, "FLUSH_AGE_MIN_S", 0.0)
    state = FakeState()
    async with running(state=state) as replica:
        await replica.propose(group(put("a", 1)))
        async with asyncio.timeout(30):
            await state.flushed.wait()
        assert replica.flushed == 1
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(state.flushes) == 1, "an idle replica flushes nothing"


async def test_reads_see_everything_while_a_flush_runs_or_fails() -> None:
    state = FakeState()
    async with running(state=state) as replica:
        await replica.propose(group(put("a", 1)))
        state.hold, state.fail_with = True, DiskFull("no space left")
        flushing = asyncio.ensure_future(replica.flush())
        await replica.propose(group(put("b", 2)))
        query = [Scan(1, "", None, 10), Count(1)]
        assert decoded(await replica.read(query)) == [[[["a", 1, 1], ["b", 2, 2]], False], 2]
        state.hold = False
        state.release()
        with pytest.raises(DiskFull):
            await flushing
        assert decoded(await replica.read(query))[1] == 2
        state.fail_with = None
        await replica.flush()
        assert (replica.flushed, replica.flush_error) == (2, None)


async def test_scans_say_whether_there_is_more() -> None:
    async with running() as replica:
        await replica.propose(group(*(put(f"{n:03}", n) for n in range(600))))
        forward, backward, none = decoded(
            await replica.read(
                [Scan(1, "010", None, 2), Scan(1, "", "500", 400, True), Scan(2, "", None, 5)]
            )
        )
        assert ([row[0] for row in forward[0]], forward[1]) == (["010", "011"], True)
        assert [row[0] for row in backward[0]] == [f"{n:03}" for n in range(499, 99, -1)]
        assert none == [[], False]


async def test_counting_much_that_is_not_flushed_flushes_first() -> None:
    state = FakeState()
    async with running(state=state) as replica:
        await replica.propose(group(*(put(f"{n}", n) for n in range(1000))))
        assert decoded(await replica.read([Count(1)])) == [1000]
        assert len(state.flushes) == 1


async def test_a_read_waits_for_its_mark_or_is_too_stale() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.add(entry(put("a", 1)))
        reading = asyncio.ensure_future(replica.read([Get(1, "b")], (FIRST, 2), 5))
        await asyncio.sleep(0.01)
        assert not reading.done()
        loglet.add(entry(put("b", 2)))
        answered = await reading
        assert (answered.position, decoded(answered)) == (2, [[2, 2]])
        with pytest.raises(TooStale):
            await replica.read([Get(1, "b")], (FIRST, 3), 0.01)


async def test_a_mark_that_was_cut_is_lost_at_once_and_others_are_not() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.add(entry(put("a", 1)))
        waiting = asyncio.ensure_future(replica.read([Get(1, "a")], (FIRST, 4), 5))
        await asyncio.sleep(0.01)
        loglet.epoch = SECOND
        loglet.add(Entry(b"", records=0, kind=Kind.EPOCH))
        with pytest.raises(SessionLost):
            await waiting
        with pytest.raises(SessionLost):
            await replica.read([], (FIRST, 2), 1)
        await replica.read([], (FIRST, 1), 1)
        assert (await replica.read([], (SECOND, 2), 1)).epoch == SECOND


async def test_an_unflushed_replica_rebuilds_without_the_entries_that_were_cut() -> None:
    loglet, state = FakeLoglet(), FakeState()
    async with running(loglet, state) as replica:
        await replica.propose(group(put("a", 1)))
        await replica.flush()
        await replica.propose(group(put("a", 2), put("b", 2)))
        loglet.cut(1, SECOND)
        loglet.add(entry(put("c", 3)))
        assert await get(replica, "c", after=3) == [2, 3]
        assert await get(replica, "a") == [1, 1]
        assert await get(replica, "b") is None
        assert replica.epochs.spans == [(FIRST, 0), (SECOND, 1)]


async def test_a_flushed_replica_replays_the_whole_log_after_a_cut() -> None:
    loglet, state = FakeLoglet(), FakeState()
    async with running(loglet, state) as replica:
        await replica.propose(group(put("a", 1)))
        await replica.propose(group(put("b", 2)))
        await replica.flush()
        loglet.cut(1, SECOND)
        assert await get(replica, "a", after=2) == [1, 1]
        assert await get(replica, "b") is None


async def test_a_cut_below_the_checkpoint_of_a_trimmed_log_needs_a_snapshot() -> None:
    loglet, state = FakeLoglet(), FakeState()
    for n in range(3):
        loglet.add(entry(put("a", n)))
    other = FakeState()
    async with running(loglet, other) as replica:
        await replica.wait_applied(2, 5)
        await replica.flush()
    async with running(loglet, state) as replica:
        await replica.wait_applied(3, 5)
        await replica.flush()
        loglet.head = 1
        loglet.cut(2, SECOND)
        with pytest.raises(TooStale):
            await replica.read([Get(1, "a")], timeout=0.05)
        assert replica.needs_snapshot is not None
        other.write([(9, b"mark", b"")])
        snapshot = FakeState()
        base = FakeLoglet()
        for kept in loglet.entries[:2]:
            base.add(kept)
        async with running(base, snapshot) as source:
            await source.wait_applied(2, 5)
            await source.flush()
        await replica.install(snapshot, 0, 0)  # type: ignore[arg-type]
        assert await get(replica, "a", after=3) == [2, 1]
        assert replica.needs_snapshot is None


async def test_a_checkpoint_of_entries_that_were_cut_meanwhile_is_noticed_at_start() -> None:
    loglet, state = FakeLoglet(), FakeState()
    async with running(loglet, state) as replica:
        await replica.propose(group(put("a", 1)))
    loglet.cut(0, SECOND)
    loglet.add(entry(put("b", 2)))
    async with running(loglet, state) as replica:
        assert await get(replica, "b", after=2) == [1, 2]
        assert await get(replica, "a") is None


async def test_a_proposal_whose_place_another_entry_took_is_indefinite() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.gate = asyncio.Event()
        loglet.late = asyncio.Event()
        future = replica.propose(group(put("a", 1)))
        loglet.gate.set()
        await replica.wait_applied(1, 5)
        loglet.cut(0, SECOND)
        await replica.wait_applied(1, 5)
        loglet.late.set()
        with pytest.raises(Unavailable):
            await future


class BrokenMachine(TableMachine):
    """Raises on every command, as a bug would."""

    def apply_all(self, view: View, stamp: Stamp, commands: object) -> list[tuple[int, Failed]]:
        view.put(row_space(1), b"half", b"done")
        raise MemoryError("no memory left")

    def apply(self, view: View, stamp: Stamp, command: Command) -> Failed | None:
        raise AssertionError("apply_all is what replicas call")


async def test_a_machine_that_raises_halts_the_replica_and_nothing_is_flushed() -> None:
    state = FakeState()
    async with running(state=state, machine=BrokenMachine()) as replica:
        with pytest.raises(Unavailable, match="no memory left"):
            await replica.propose(group(put("a", 1)))
        assert replica.halted is not None
        with pytest.raises(Unavailable, match="halted"):
            await replica.read([Get(1, "a")])
        with pytest.raises(Unavailable, match="halted"):
            replica.propose(group(put("a", 1)))
    assert state.spaces == {}


async def test_an_entry_that_contradicts_the_record_count_halts_the_replica() -> None:
    loglet = FakeLoglet()
    async with running(loglet) as replica:
        loglet.add(entry(put("a", 1)))
        await replica.wait_applied(1, 5)
        loglet.entries.append(entry(put("b", 1)).stamped(FIRST, 7))
        loglet.add(entry(put("c", 1)))
        with pytest.raises(Unavailable, match="halted"):
            await replica.wait_applied(3, 5)
        assert Corrupt.__name__ in str(replica.halted)
