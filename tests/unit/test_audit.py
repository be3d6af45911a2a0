"""The ledger of a replica: equal hashes for equal folds, and verdicts on those that differ."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from plait.base.codec import encode
from plait.base.errors import Diverged
from plait.engines import audit
from plait.engines.audit import Point
from plait.engines.checkpoint import load_checkpoint
from plait.engines.replica import Replica
from plait.line.entry import Epoch
from plait.types.commands import Audit, ClearTable, Command, Delete, OpenSession, Verdict
from plait.types.fold import Failed, Stamp, View
from plait.types.keys import META, row_space
from plait.types.state_machine import StateMachine
from plait.types.state_machine import command as logged
from plait.types.table import TableMachine
from tests.fakes import FIRST_EPOCH, FakeLoglet, FakeState
from tests.lines import entry, get, put, running
from tests.machines import call, machine


def log(*entries: Sequence[Command]) -> FakeLoglet:
    loglet = FakeLoglet()
    for commands in entries:
        loglet.add(entry(*commands))
    return loglet


async def points_of(loglet: FakeLoglet, state: FakeState | None = None) -> list[Point]:
    async with running(loglet, state) as replica:
        await replica.wait_applied(loglet.committed, 5)
        return replica.ledger.points


class Forgetful(TableMachine):
    """A fold that now and then writes something else."""

    def apply_all(
        self, view: View, stamp: Stamp, commands: Sequence[Command]
    ) -> list[tuple[int, Failed]]:
        if stamp.position == 1:
            view.put(row_space(1), b"chance", b"12345678\x01")
        return super().apply_all(view, stamp, commands)


WRITES: list[Sequence[Command]] = [
    [put("a", 1), put("b", 2)],
    [put("a", 3, if_version=1), put("c", 1, if_version=7)],
    [Delete(1, "b"), OpenSession(5)],
]


async def test_replicas_of_one_log_note_equal_hashes_and_of_others_do_not() -> None:
    points = await points_of(log(*WRITES, [Audit()]))
    assert [(point.position, point.fold) for point in points] == [(3, 0)]
    assert points == await points_of(log(*WRITES, [Audit()]))
    for changed in range(3):
        writes = list(WRITES)
        writes[changed] = [put("a", 9, if_version=changed)]
        assert await points_of(log(*writes, [Audit()])) != points


async def test_restarts_and_flushes_in_between_change_no_hash() -> None:
    whole = await points_of(log(*WRITES, [Audit()]))
    loglet, state = log(), FakeState()
    for commands in [*WRITES, [Audit()]]:
        async with running(loglet, state) as replica:
            loglet.add(entry(*commands))
            await replica.wait_applied(loglet.committed, 5)
    assert load_checkpoint(state).audits == whole


async def test_a_verdict_stops_who_noted_another_hash_and_nobody_else() -> None:
    (point,) = await points_of(log(*WRITES, [Audit()]))
    verdict = Verdict(point.epoch, 3, point.fold, point.hash)
    loglet = log(*WRITES, [Audit()], [put("later", 1)], [verdict], [put("last", 1)])
    async with running(loglet) as replica:
        assert await get(replica, "last", after=7) == [10, 1]
    async with running(loglet, machine=Forgetful()) as replica:
        with pytest.raises(Diverged, match="position 3"):
            await replica.wait_applied(7, 5)
        assert isinstance(replica.halted, Diverged)
        await replica.flush()  # the other lines of its node go on


async def test_a_verdict_is_remembered_over_a_restart_for_the_log_has_it() -> None:
    (point,) = await points_of(log(*WRITES, [Audit()]))
    loglet, state = log(*WRITES, [Audit()]), FakeState()
    async with running(loglet, state, machine=Forgetful()) as replica:
        await replica.wait_applied(4, 5)
    loglet.add(entry(Verdict(point.epoch, 3, point.fold, point.hash)))
    async with running(loglet, state) as replica:  # what it has noted is in its checkpoint
        with pytest.raises(Diverged):
            await replica.wait_applied(5, 5)


async def test_a_verdict_on_another_fold_or_epoch_or_an_audit_long_ago_binds_nobody() -> None:
    audits: list[Sequence[Command]] = [[Audit()]] * (audit.POINTS_MAX + 1)
    loglet = log(
        *audits,
        [Verdict(FIRST_EPOCH, 0, 0, b"else")],
        [Verdict(FIRST_EPOCH, 3, 1, b"else")],
        [Verdict(Epoch(9, "z"), 3, 0, b"else")],
        [put("a", 1)],
    )
    async with running(loglet) as replica:
        await replica.wait_applied(loglet.committed, 5)
        assert [point.position for point in replica.ledger.points] == [*range(1, 9)]


async def test_what_rotted_on_disk_is_noticed_when_a_command_reads_it() -> None:
    loglet, state = log([put("a", 1)]), FakeState()
    async with running(loglet, state) as replica:
        await replica.wait_applied(1, 5)
    state.spaces[row_space(1)][b"a"] = (1).to_bytes(8, "big") + encode(2)
    loglet.add(entry(put("a", 3, if_version=1)))  # the version is right: so is the outcome
    loglet.add(entry(Audit()))
    rotten = await points_of(loglet, state)
    assert rotten[0].hash != (await points_of(loglet))[0].hash


async def test_a_copy_of_a_sound_state_ends_the_quarantine() -> None:
    sound = FakeState()
    (point,) = await points_of(log(*WRITES, [Audit()]), sound)
    loglet = log(*WRITES, [Audit()], [Verdict(point.epoch, 3, 0, point.hash)], [put("last", 1)])
    async with running(loglet, machine=Forgetful()) as replica:
        with pytest.raises(Diverged):
            await replica.wait_applied(6, 5)
        await replica.install(sound, 0, 0)  # type: ignore[arg-type]
        await replica.reload()
        assert await get(replica, "last", after=6) == [9, 1]
        assert replica.ledger.points == [point]


async def test_a_checkpoint_older_than_audits_has_no_hash_until_one_begins_anew() -> None:
    loglet, state = log(*WRITES), FakeState()
    async with running(loglet, state) as replica:
        await replica.wait_applied(3, 5)
    old = msgspec.msgpack.decode(state.spaces[META][b"replica"])
    state.spaces[META][b"replica"] = encode(old[:4])
    other = log(*WRITES)
    for fourth, each in ((Verdict(FIRST_EPOCH, 3, 0, b"else"), loglet), (put("b", 1), other)):
        for command in (Audit(), fourth, Audit(True), put("a", 1), Audit()):
            each.add(entry(command))
    known, unknown = await points_of(other), await points_of(loglet, state)
    assert unknown[0].hash == b""
    assert [point.hash for point in known[1:]] == [point.hash for point in unknown[1:]]


async def test_clearing_a_large_table_notes_it_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EFFECTS_MAX", 100)
    rows = [put(f"{n:04}", n) for n in range(3000)]
    loglet = log(rows, [ClearTable(1)], [Audit()])
    held = 0

    def most(replica: Replica) -> int:
        return len(replica.ledger.view._effects)

    async with running(loglet) as replica:
        await replica.wait_applied(3, 5)
        held = most(replica)
        points = replica.ledger.points
    assert held == 0
    assert points == await points_of(loglet)
    assert points != await points_of(log(rows[:-1], [ClearTable(1)], [Audit()]))


class Seen(StateMachine):
    """Remembers words in a set, whose order depends on the process."""

    seen: set[str]

    def __init__(self) -> None:
        self.seen = set()
        self.luck = 0

    @logged
    def see(self, word: str) -> None:
        self.seen.add(word)


async def seen(words: list[str], luck: int = 0) -> Point:
    """What a machine comes to that was told words in the given order, of which luck is a bug."""
    loglet, fold = FakeLoglet(), machine(Seen)
    for word in words:
        loglet.add(entry(call("see", word)))
    async with running(loglet, machine=fold) as replica:
        await replica.wait_applied(loglet.committed, 5)
        fold._instance.luck = luck
        loglet.add(entry(Audit()))
        await replica.wait_applied(loglet.committed, 5)
        await asyncio.sleep(0)
        return replica.ledger.points[0]


async def test_a_machine_is_compared_by_its_state_whatever_the_order_of_its_sets() -> None:
    words = [f"w{n}" for n in range(50)]
    assert await seen(words) == await seen(words[::-1])
    assert (await seen(words)).fold == 1
    assert await seen(words) != await seen(words, luck=1)
