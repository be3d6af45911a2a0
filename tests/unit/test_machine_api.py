"""A machine's handle: what its methods say to the backend, and what they give back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from plait.api.infos import MachineInfo
from plait.api.machine import Machine
from plait.api.messages import Applied
from plait.api.pipeline import resolve
from plait.api.port import Answers, Mark, Receipt
from plait.api.settings import Consensus, ReadOptions
from plait.api.store import Store
from plait.base.errors import BadCall, BadMachine, BadValue, Closed, CommandFailed
from plait.engines.replica import Replica
from plait.types.commands import encode_group
from plait.types.machines import MachineClass
from plait.types.queries import Query
from tests.lines import running
from tests.machines import Bank
from tests.machines import machine as fold


class ReplicaBackend:
    """The part of `Backend` that machines need, over one replica."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.opened: list[tuple[Any, ...]] = []
        self.reads: list[tuple[ReadOptions, Mark | None]] = []

    async def open_machine(self, name: str, machine: MachineClass, settings: Any) -> MachineInfo:
        self.opened.append((name, machine.name.name, settings))
        return MachineInfo(name, f"machine/{name}", settings or Consensus(), machine.name)

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        return self._submit(line, command)

    async def _submit(self, line: str, command: bytes) -> Receipt:
        outcome = await self.replica.propose(encode_group(0, 0, 0, [command]))
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        resolve([future], line, Applied.of(0, outcome, "consensus"))
        return await future

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        self.reads.append((options, after))
        answered = await self.replica.read(queries, after, 5)
        return Answers(answered.epoch, answered.position, 0.0, answered.answers)

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        if not self.replica.covers(after):
            return None
        answered = self.replica.answer(queries)
        return Answers(answered.epoch, answered.position, 0.0, answered.answers)

    async def close(self) -> None: ...


@pytest.fixture
async def backend() -> AsyncIterator[ReplicaBackend]:
    async with running(machine=fold()) as replica:
        yield ReplicaBackend(replica)


@pytest.fixture
async def store(backend: ReplicaBackend) -> Store:
    return Store(backend)  # type: ignore[arg-type]


@pytest.fixture
async def bank(store: Store) -> Machine:
    return await store.machine("bank", Bank, Consensus())


async def test_commands_and_queries_are_methods_that_are_awaited(bank: Machine) -> None:
    assert await bank.deposit("a", amount=5) == 5
    assert await bank.transfer("a", "b", 2) is None
    assert (await bank.balance("b"), await bank.total()) == (2, 5)
    drawn = await bank.draw(["x"])
    assert drawn == {"winner": "x", "now": "1970-01-01T00:00:01+00:00"}


async def test_opening_passes_the_class_and_settings_on(
    store: Store, backend: ReplicaBackend
) -> None:
    bank = await store.machine("bank", Bank, Consensus())
    assert backend.opened == [("bank", "Bank", Consensus())]
    assert (bank.name, bank.line, bank.settings) == ("bank", "machine/bank", Consensus())
    assert bank.info.class_name.origin == "tests.machines:Bank"


async def test_what_a_command_or_query_raises_is_a_typed_error(bank: Machine) -> None:
    with pytest.raises(CommandFailed, match="overdrawn") as caught:
        await bank.transfer("a", "b", 2)
    assert (caught.value.type, caught.value.text) == ("ValueError", "a is overdrawn")
    with pytest.raises(CommandFailed, match=r"balance\(\) raised KeyError"):
        await bank.balance("a")
    assert await bank.total() == 0


async def test_a_mistake_is_raised_before_anything_is_sent(bank: Machine) -> None:
    with pytest.raises(BadCall, match="missing a required argument: 'amount'"):
        await bank.deposit("a")
    with pytest.raises(BadValue, match="argument amount"):
        await bank.deposit("a", "five")
    with pytest.raises(BadValue, match="cannot be sent"):
        await bank.deposit("a", object())


async def test_an_unknown_method_is_an_attribute_error_at_once(bank: Machine) -> None:
    with pytest.raises(AttributeError, match=r"no command or query 'deposits'; did you mean 'dep"):
        bank.deposits  # noqa: B018
    with pytest.raises(AttributeError, match="it has balance, deposit, draw"):
        bank.q  # noqa: B018
    assert not hasattr(bank, "balances")
    assert "deposit" in dir(bank)


async def test_a_stale_handle_asks_the_nearest_replica_within_the_lag(
    bank: Machine, backend: ReplicaBackend
) -> None:
    await bank.deposit("a", 5)
    await bank.total()
    assert await bank.stale(1.5).total() == 5
    default, stale = (options for options, _ in backend.reads)
    assert (default, stale) == (ReadOptions(), ReadOptions("nearest", 1.5))


async def test_a_session_reads_what_its_commands_did(
    bank: Machine, backend: ReplicaBackend
) -> None:
    await bank.deposit("a", 5)
    await bank.total()
    assert [after and after[1] for _, after in backend.reads] == [1]


async def test_the_handle_shows_what_it_is(bank: Machine) -> None:
    assert repr(bank) == "<Machine 'bank': Bank version 1 on 'machine/bank'>"
    assert repr(bank.stale(2)).endswith("on 'machine/bank' at most 2 s old>")


async def test_a_closed_store_and_a_class_that_is_none_are_refused(
    bank: Machine, store: Store
) -> None:
    with pytest.raises(BadMachine):
        await store.machine("bank", int)  # type: ignore[arg-type]
    await store.close()
    with pytest.raises(Closed):
        await bank.deposit("a", 1)
    with pytest.raises(Closed):
        await bank.total()
