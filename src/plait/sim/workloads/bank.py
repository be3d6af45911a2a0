"""Two banks, one of rows and one a machine: no money is made or lost, whatever fails.

Transfers are optimistic transactions over two tables of a line, or commands of a machine that
changes both sides before it looks whether it may. Every transfer leaves its token behind, so that
the balances can be computed anew from the transfers that are there.
"""

from collections.abc import Awaitable, Iterator, Mapping
from functools import partial
from random import Random
from typing import Any

import plait
from plait import CommandFailed, Consensus, StateMachine, command, query
from plait.check import check_history
from plait.check.models import Bank as BankModel
from plait.sim.config import Config
from plait.sim.workloads.deeds import Deed, accounts_for, history_of
from plait.sim.workloads.twofold import Twofold
from plait.sim.workloads.workload import JUDGE_S
from plait.sim.world import World

ACCOUNTS = ("a", "b", "c", "d")
EACH = 100
TOTAL = EACH * len(ACCOUNTS)
AMOUNT_MAX = 60
LAG_S = 2.0


class BankMachine(StateMachine):
    """Balances, and the transfers that made them."""

    def __init__(self) -> None:
        self.balances: dict[str, int] = dict.fromkeys(ACCOUNTS, EACH)
        self.transfers: list[list[Any]] = []

    @command
    def transfer(self, token: str, source: str, target: str, amount: int) -> None:
        """Move money; raises if there is too little, when it has moved already."""
        self.transfers.append([token, source, target, amount])
        self.balances[target] += amount
        self.balances[source] -= amount
        if self.balances[source] < 0:
            raise ValueError(f"{source} is overdrawn")

    @query
    def read(self) -> dict[str, int]:
        """All balances."""
        return self.balances

    @query
    def statement(self) -> list[Any]:
        """All balances, and all transfers, at one moment."""
        return [self.balances, self.transfers]


class Bank(Twofold["_Rows"]):
    """Transfers and reads of all balances."""

    machines = (BankMachine,)
    letter = "b"

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.balances: dict[str, dict[str, int]] = {}  # in the end, by bank
        self.transfers: dict[str, list[list[Any]]] = {}

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        accounts = await store.table("accounts", Consensus())
        await store.table("transfers", Consensus())
        await self.insist(partial(store.transact, _open_accounts, accounts))
        await store.machine("bank", BankMachine, Consensus())

    async def _open(self, store: plait.Store) -> tuple["_Rows", plait.Machine]:
        accounts = await self.insist(partial(store.table, "accounts"))
        transfers = await self.insist(partial(store.table, "transfers"))
        machine = await self.insist(partial(store.machine, "bank", BankMachine))
        return _Rows(store, accounts, transfers), machine

    async def _use(self, name: str, rows: "_Rows", machine: plait.Machine, random: Random) -> None:
        token, kind = self.record.token(name), random.random()
        key = random.choice(("rows", "machine"))
        use: Awaitable[Any]
        if kind < 0.5:
            source, target = random.sample(ACCOUNTS, 2)
            order = (source, target, random.randint(1, AMOUNT_MAX))
            bank = rows if key == "rows" else machine
            use = bank.transfer(token, *order)
            refusals = (CommandFailed,)
            await self.record.do(
                token, "transfer", use, key=key, argument=order, objections=refusals
            )
        elif kind < 0.8:
            use = rows.read(rows.accounts) if key == "rows" else machine.read()
            await self.record.do(token, "read", use, key=key)
        else:
            stale = rows.accounts.stale(LAG_S)
            use = rows.read(stale) if key == "rows" else machine.stale(LAG_S).read()
            await self.record.do(token, "read old", use, key=key)

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        rows, machine = await self._open(store)
        self.balances["rows"], self.transfers["rows"] = await self.insist(rows.statement)
        self.balances["machine"], self.transfers["machine"] = await self.insist(machine.statement)

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for deed in self.record.of("read", "read old"):
            if deed.fate == "acknowledged":
                yield from _wrong(deed.result, f"{deed.token}, a {deed.f} of {deed.key}")
        for key, balances in self.balances.items():
            deeds = self.record.of("transfer", key=key)
            transfers = self.transfers[key]
            yield from accounts_for(deeds, [token for token, *_ in transfers], key)
            yield from _wrong(balances, f"{key}, in the end")
            if balances != _computed(transfers):
                yield f"{key}: the balances {balances} are not those of the transfers"
            yield from self._explained(deeds, key)

    def _explained(self, transfers: list[Deed], key: str) -> Iterator[str]:
        deeds = [*transfers, *self.record.of("read", key=key)]
        model = BankModel(dict.fromkeys(ACCOUNTS, EACH))
        verdict = check_history(history_of(deeds, key), model, time_limit=JUDGE_S)
        if verdict.linearizable is False:
            yield f"{key}: not linearizable:\n{verdict.explain()}"


class _Rows:
    """The bank of rows, as one client uses it."""

    def __init__(self, store: plait.Store, accounts: plait.Table, transfers: plait.Table) -> None:
        self.accounts = accounts
        self._store = store
        self._transfers = transfers

    async def transfer(self, token: str, source: str, target: str, amount: int) -> None:
        """As the machine's; raises `CommandFailed` likewise."""

        async def move(t: plait.Transaction) -> bool:
            balance = await t.get(source)
            if balance < amount:
                return False
            t.put(source, balance - amount)
            t.put(target, await t.get(target) + amount)
            t.on(self._transfers).put(token, [source, target, amount])
            return True

        if not await self._store.transact(move, self.accounts):
            raise CommandFailed(f"{source} is short")

    async def read(self, accounts: plait.Table) -> dict[str, int]:
        """All balances, which are one page."""
        return {key: value async for key, value in accounts.scan()}

    async def statement(self) -> tuple[dict[str, int], list[list[Any]]]:
        """All balances, and all transfers, at one moment."""

        async def look(t: plait.Transaction) -> tuple[dict[str, int], list[list[Any]]]:
            balances = {key: value async for key, value in t.scan()}
            transfers = t.on(self._transfers).scan()
            return balances, [[token, *order] async for token, order in transfers]

        return await self._store.transact(look, self.accounts)


async def _open_accounts(t: plait.Transaction) -> None:
    if await t.get(ACCOUNTS[0]) is None:
        for account in ACCOUNTS:
            t.put(account, EACH)


def _wrong(balances: Mapping[str, int], where: str) -> Iterator[str]:
    if sum(balances.values()) != TOTAL:
        yield f"{where}: {balances} come to {sum(balances.values())}, not to {TOTAL}"
    if balances and min(balances.values()) < 0:
        yield f"{where}: {balances} are overdrawn"


def _computed(transfers: list[list[Any]]) -> dict[str, int]:
    balances = dict.fromkeys(ACCOUNTS, EACH)
    for _, source, target, amount in transfers:
        balances[source] -= amount
        balances[target] += amount
    return balances
