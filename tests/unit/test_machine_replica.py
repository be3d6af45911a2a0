"""Machines at replicas: restarts, snapshots, cuts, retries, and classes that are missing or old."""

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.base.errors import (
    CommandFailed,
    DiskFull,
    MachineMissing,
    MachineState,
    MachineVersion,
    Unavailable,
)
from plait.engines import flusher
from plait.engines.replica import Replica
from plait.line.entry import Entry, Epoch
from plait.types import user_machine
from plait.types.commands import Call, Command, OpenSession, encode_payload, seed_of
from plait.types.keys import MACHINE
from plait.types.machines import Machines
from plait.types.state_machine import StateMachine, command, query
from plait.types.user_machine import UserMachine
from tests.fakes import FakeClock, FakeLoglet, FakeState
from tests.lines import decoded, group, running
from tests.machines import Bank, NewBank, ask, call, machine

SECOND = Epoch(2, "b")


def state_of(replica: Replica) -> dict[str, Any]:
    fold = replica.machine
    assert isinstance(fold, UserMachine)
    return vars(fold._instance)


def logged(*commands: Command, time_ms: int = 0, seed: int = 9) -> Entry:
    return Entry(encode_payload([group(*commands)], seed), len(commands), time_ms=time_ms)


async def do(replica: Replica, *calls: Call) -> list[Any]:
    outcome = await replica.propose(group(*calls))
    failed = {index: failure.code for index, failure in outcome.failures}
    return [failed.get(index) for index in range(len(calls))]


async def total(replica: Replica) -> int:
    (found,) = decoded(await replica.read([ask("total")], timeout=5))
    return int(found)


# ------------------------------------------------------------------ the law

NAMES = st.sampled_from(["a", "b", "c"])
CALLS = st.one_of(
    st.tuples(st.just("deposit"), NAMES, st.integers(0, 9)),
    st.tuples(st.just("transfer"), NAMES, NAMES, st.integers(0, 9)),
    st.tuples(st.just("withdraw"), NAMES, st.integers(0, 9)),
    st.tuples(st.just("draw"), st.just(["x", "y"])),
)
STEPS = st.one_of(CALLS, st.sampled_from(["flush", "restart", "install", "cut", "reload"]))


class Model:
    """A plain Bank and the calls that made it; a call that raised is forgotten by replaying."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, tuple[Any, ...]]] = []

    def bank(self, log: list[Entry]) -> dict[str, Any]:
        """What the log makes of a Bank that is used as a plain object."""
        bank, kept = Bank(), list[tuple[Any, ...]]()
        for entry, (name, *arguments) in zip(log, self.entries, strict=True):
            seed = seed_of(entry.payload) << 20
            step = (name, arguments, entry.time_ms, seed)
            try:
                _play(bank, *step)
                kept.append(step)
            except Exception:
                bank = Bank()
                for again in kept:
                    _play(bank, *again)
        return vars(bank)


def _play(bank: Bank, name: str, arguments: list[Any], time_ms: int, seed: int) -> None:
    copies = [list(each) if isinstance(each, list) else each for each in arguments]
    bank._plait_context = user_machine.CommandContext(time_ms, 1, seed)
    getattr(bank, name)(*copies)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_a_machine_is_a_plain_object_whatever_happens_to_its_replica(steps: list[Any]) -> None:
    asyncio.run(_whatever_happens(steps))


async def _whatever_happens(steps: list[Any]) -> None:
    loglet, state, clock, model = FakeLoglet(), FakeState(), FakeClock(), Model()
    fold = machine()
    replica = await _started(loglet, state, clock, fold)
    for step in steps:
        clock.now_ms += 3
        match step:
            case "flush":
                await replica.flush()
            case "reload":
                await replica.reload()
            case "restart":
                await replica.close()
                replica = await _started(loglet, state, clock, fold := machine(seed=5))
            case "install":
                await replica.flush()
                copy = FakeState()
                copy.spaces = {space: dict(rows) for space, rows in state.spaces.items()}
                await replica.install(copy, 0, 0)  # type: ignore[arg-type]
            case "cut":
                position = max(loglet.committed - 3, 0)
                del loglet.entries[position:], model.entries[position:]
                await replica.rewind(position)
            case (name, *arguments):
                model.entries.append(step)
                await do(replica, call(name, *arguments))
    await replica.wait_applied(loglet.committed, 5)
    assert state_of(replica) == model.bank(loglet.entries)
    await replica.close()
    other = await _started(loglet, FakeState(), clock, machine(seed=6))
    await other.wait_applied(loglet.committed, 5)
    assert state_of(other) == state_of(replica)
    assert fold is replica.machine
    await other.close()


async def _started(
    loglet: FakeLoglet, state: FakeState, clock: FakeClock, fold: UserMachine
) -> Replica:
    replica = Replica("machine/bank", loglet, fold, state, clock)  # type: ignore[arg-type]
    await replica.start()
    return replica


# ------------------------------------------------------------------ equal replicas


async def test_replicas_that_raised_and_undid_save_equal_states_of_equal_logs() -> None:
    loglet, states = FakeLoglet(), (FakeState(), FakeState())
    async with running(loglet, states[0], machine()) as replica:
        await do(replica, call("deposit", "a", 5), call("transfer", "a", "b", 9))
        await do(replica, call("draw", ["x", "y", "z"]), call("draw", ["x", "y", "z"]))
    async with running(loglet, states[1], machine(seed=99)) as other:
        await other.wait_applied(loglet.committed, 5)
    assert states[0].spaces[MACHINE] == states[1].spaces[MACHINE]


async def test_what_a_command_returns_and_raises_reaches_its_caller() -> None:
    async with running(machine=machine()) as replica:
        outcome = await replica.propose(
            group(call("deposit", "a", 5), call("transfer", "a", "b", 9), call("withdraw", "a", 5))
        )
        assert outcome.returns == ((0, b"\x05"), (2, b"\x00"))
        ((index, failed),) = outcome.failures
        assert (index, failed.code) == (1, "CommandFailed")


async def test_a_retried_command_returns_its_first_reply_even_after_a_restart() -> None:
    loglet, state = FakeLoglet(), FakeState()
    data = group(call("deposit", "a", 5), call("transfer", "a", "b", 9), session=7, first=1)
    async with running(loglet, state, machine()) as replica:
        await replica.propose(group(OpenSession(7)))
        first = await replica.propose(data)
        assert (first.returns, len(first.failures)) == (((0, b"\x05"),), 1)
        assert await replica.propose(data) == first
    async with running(loglet, state, machine()) as replica:
        assert await replica.propose(data) == first
        rest = group(call("transfer", "a", "b", 9), call("deposit", "a", 1), session=7, first=2)
        mixed = await replica.propose(rest)
        assert ([index for index, _ in mixed.failures], mixed.returns) == ([0], ((1, b"\x06"),))
        assert [run.position for run in mixed.runs] == [first.position, mixed.position]
        assert await total(replica) == 6


async def test_reads_after_a_reload_never_go_back() -> None:
    loglet = FakeLoglet()
    async with running(loglet, machine=machine()) as replica:
        await do(replica, call("deposit", "a", 5))
        await replica.reload()
        assert await total(replica) == 5


# ------------------------------------------------------------------ saving


async def test_a_machine_is_saved_when_as_much_log_was_applied_as_its_state_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_machine, "SAVE_BYTES_MIN", 3000)
    monkeypatch.setattr(flusher, "FLUSH_AGE_MIN_S", 0.0)
    state = FakeState()
    async with running(state=state, machine=machine()) as replica:
        for _ in range(20):
            await do(replica, call("deposit", "a", 1))
        assert state.flushes == []
        await do(replica, call("deposit", "x" * 4000, 1))
        await asyncio.wait_for(state.flushed.wait(), 5)
        assert replica.flushed == 21
        assert state.count(MACHINE) == 2


async def test_a_machine_is_saved_in_a_while_even_if_little_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flusher, "WHOLE_AGE_S", 0.01)
    state = FakeState()
    async with running(state=state, machine=machine()) as replica:
        await do(replica, call("deposit", "a", 1))
        await asyncio.wait_for(state.flushed.wait(), 5)


async def test_a_save_that_failed_is_made_good() -> None:
    loglet, state = FakeLoglet(), FakeState()
    async with running(loglet, state, machine()) as replica:
        await do(replica, call("deposit", "a", 1))
        state.fail_with = DiskFull("full")
        with pytest.raises(DiskFull):
            await replica.flush()
        state.fail_with = None
        await replica.flush()
        assert state.count(MACHINE) == 2
    async with running(loglet, state, machine()) as replica:
        assert await total(replica) == 1


async def test_a_state_that_cannot_be_saved_stops_the_line_and_says_which_attribute() -> None:
    class Hoarder(StateMachine):
        def __init__(self) -> None:
            self.things: list[Any] = []

        @command
        def keep(self) -> None:
            self.things.append({1, 2})

        @query
        def count(self) -> int:
            return len(self.things)

    state = FakeState()
    async with running(state=state, machine=machine(Hoarder)) as replica:
        await do(replica, call("keep"))
        with pytest.raises((MachineState, Unavailable)):
            await replica.flush()
        with pytest.raises(MachineState, match=r"Hoarder\.things is a set"):
            await replica.read([ask("count")], timeout=5)
    assert state.spaces == {}


# ------------------------------------------------------------------ classes missing or too old


async def test_a_line_without_its_class_stops_and_goes_on_once_it_is_registered() -> None:
    loglet, machines = FakeLoglet(), Machines(Random(0))
    loglet.add(logged(call("deposit", "a", 5)))
    async with running(loglet, machine=UserMachine("bank", "Bank", machines)) as replica:
        with pytest.raises(MachineMissing, match="no class Bank is registered"):
            replica.propose(group(call("deposit", "a", 1)))
        with pytest.raises(MachineMissing):
            await replica.read([ask("total")], timeout=5)
        await replica.flush()  # nothing that could be: other lines must not hear of it
        machines.add(Bank)
        await replica.reload()
        await replica.wait_applied(1, 5)
        assert await total(replica) == 5


async def test_a_command_of_a_newer_version_stops_the_line_until_the_class_is_there() -> None:
    loglet, state, machines = FakeLoglet(), FakeState(), Machines(Random(0), (Bank,))
    async with running(loglet, state, UserMachine("bank", "Bank", machines)) as replica:
        await do(replica, call("deposit", "a", 5))
        with pytest.raises(MachineVersion):
            replica.propose(group(call("charge", "a", 1, version=2)))
        loglet.add(logged(call("deposit", "a", 1), call("charge", "a", 1, version=2)))
        with pytest.raises(MachineVersion, match="needs version 2 of Bank"):
            await replica.wait_applied(2, 5)
        machines.add(NewBank)
        await replica.reload()
        await replica.wait_applied(2, 5)
        assert await total(replica) == 5


async def test_what_was_logged_when_the_line_stopped_may_have_happened() -> None:
    loglet, machines = FakeLoglet(), Machines(Random(0), (Bank,))
    async with running(loglet, machine=UserMachine("bank", "Bank", machines)) as replica:
        loglet.gate = asyncio.Event()
        logged_later = replica.propose(group(call("deposit", "a", 1)))
        await asyncio.sleep(0)
        loglet.add(logged(call("charge", "a", 1, version=2)))
        with pytest.raises(MachineVersion):
            await replica.wait_applied(1, 5)
        with pytest.raises(Unavailable):
            await logged_later


async def test_a_query_that_fails_fails_alone() -> None:
    async with running(machine=machine()) as replica:
        with pytest.raises(CommandFailed, match="KeyError"):
            await replica.read([ask("balance", "nobody")], timeout=5)
        assert await total(replica) == 0
