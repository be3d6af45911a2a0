"""Tellers who transfer money without pause, and the books that they keep of what they were told.

One kind works on a table, in transactions that write the transfer's own row beside the two
accounts; the other kind calls commands of `bank.Bank`. Afterwards `audit` compares what a node has
with the books: nothing acknowledged is missing, nothing was done twice, nothing that was refused
was done, and the balances are exactly the sum of what was done.
"""

import asyncio
import random
from functools import partial
from itertools import count
from typing import NamedTuple

from bank import ACCOUNTS, OPENING, Bank
from faults import FaultyNodes

import plait
from plait import Consensus
from plait.base.errors import PlaitError

TOTAL = ACCOUNTS * OPENING
TELLERS = 3  # of each kind


class Transfer(NamedTuple):
    """Money that goes from one account to another."""

    source: str
    target: str
    amount: int


class Books:
    """What the tellers of one kind asked for, and what they were told."""

    def __init__(self, kind: str) -> None:
        self.asked: dict[str, Transfer] = {}
        self.acknowledged: set[str] = set()
        self.refused: set[str] = set()  # certainly not done
        self._kind = kind
        self._numbers = count()

    def ask(self, chance: random.Random) -> tuple[str, Transfer]:
        """A new transfer and its name."""
        source, target = chance.sample([f"a{number}" for number in range(ACCOUNTS)], 2)
        name = f"{self._kind}{next(self._numbers)}"
        self.asked[name] = Transfer(source, target, chance.randint(1, 50))
        return name, self.asked[name]

    def failed(self, name: str, error: PlaitError) -> None:
        """A transfer was answered with an error."""
        if error.definite:
            self.refused.add(name)

    def audit(self, balances: dict[str, int], times: dict[str, int], where: str) -> None:
        """Compare with what a node has."""
        lost = self.acknowledged - set(times)
        doubled = {name: n for name, n in times.items() if n != 1}
        assert not lost, f"{where} lost {len(lost)} acknowledged transfers: {sorted(lost)[:5]}"
        assert not doubled, f"{where} did transfers more than once: {doubled}"
        assert not self.refused & set(times), f"{where} did what it had refused"
        expected = {f"a{number}": OPENING for number in range(ACCOUNTS)}
        for name in times:
            source, target, amount = self.asked[name]
            expected[source] -= amount
            expected[target] += amount
        assert balances == expected, f"{where}: the balances are not the sum of the transfers"
        assert sum(balances.values()) == TOTAL


class Tellers:
    """All of them, on one cluster."""

    def __init__(self, nodes: FaultyNodes, seed: int) -> None:
        self.table_books = Books("t")
        self.machine_books = Books("m")
        self.audits = 0  # totals that were right while the bank was open
        self.lines: tuple[str, str] = ("", "")  # of table and machine, once opened
        self._nodes = nodes
        self._seed = seed
        self._stop = False

    @property
    def acknowledged(self) -> int:
        """Transfers of both kinds."""
        return len(self.table_books.acknowledged) + len(self.machine_books.acknowledged)

    def stop(self) -> None:
        """Let everybody finish what they are doing."""
        self._stop = True

    async def more(self, before: int, count: int = 20) -> None:
        """Return once so many more transfers were acknowledged than `before`."""
        async with asyncio.timeout(90):
            while self.acknowledged < before + count:
                await asyncio.sleep(0.02)

    async def open(self) -> None:
        """Make the accounts."""
        async with plait.connect(self._nodes.url) as store:
            accounts = await store.table("accounts", Consensus())
            await store.table("transfers", Consensus())
            await accounts.put_many({f"a{number}": OPENING for number in range(ACCOUNTS)})
            bank = await store.machine("bank", Bank, Consensus())
            self.lines = (accounts.line, bank.line)

    async def run(self) -> None:
        """Until `stop`. Each teller is a client of its own, with its own exactly-once session."""
        async with asyncio.TaskGroup() as group:
            for number in range(TELLERS):
                group.create_task(self._at_table(random.Random(f"{self._seed} t{number}")))
                group.create_task(self._at_machine(random.Random(f"{self._seed} m{number}")))
            group.create_task(self._auditor())

    async def _at_table(self, chance: random.Random) -> None:
        async with plait.connect(self._nodes.url) as store:
            accounts, transfers = await store.table("accounts"), await store.table("transfers")
            while not self._stop:
                name, transfer = self.table_books.ask(chance)
                body = partial(_move, transfers, name, transfer)
                try:
                    await store.transact(body, accounts, transfers, attempts=1000)
                except plait.Reject:
                    self.table_books.refused.add(name)
                except PlaitError as error:
                    self.table_books.failed(name, error)
                else:
                    self.table_books.acknowledged.add(name)

    async def _at_machine(self, chance: random.Random) -> None:
        async with plait.connect(self._nodes.url) as store:
            bank = await store.machine("bank", Bank)
            while not self._stop:
                name, transfer = self.machine_books.ask(chance)
                try:
                    await bank.transfer(name, *transfer)
                except PlaitError as error:
                    self.machine_books.failed(name, error)
                else:
                    self.machine_books.acknowledged.add(name)

    async def _auditor(self) -> None:
        """Whoever looks, whenever: the money is all there."""
        names = [f"a{number}" for number in range(ACCOUNTS)]
        async with plait.connect(self._nodes.url) as store:
            accounts, bank = await store.table("accounts"), await store.machine("bank", Bank)
            while not self._stop:
                try:
                    balances = await accounts.get_many(names)
                    total = await bank.total()
                except PlaitError:
                    continue
                assert sum(balances.values()) == total == TOTAL
                self.audits += 1
                await asyncio.sleep(0.02)

    async def audit(self) -> None:
        """Compare every node's own state with the books, and with each other's."""
        await self._nodes.level(*self.lines)
        states = []
        for name in self._nodes.addresses:
            async with plait.connect(self._nodes.only(name), only=True) as store:
                accounts = (await store.table("accounts")).stale(60.0)
                transfers = (await store.table("transfers")).stale(60.0)
                balances = {key: value async for key, value in accounts.scan()}
                times = {key: value async for key, value in transfers.scan()}
                bank = (await store.machine("bank", Bank)).stale(60.0)
                machine = (await bank.accounts(), await bank.times())
            self.table_books.audit(balances, times, f"the table at {name}")
            self.machine_books.audit(*machine, f"the machine at {name}")
            states.append((balances, times, machine))
        assert all(state == states[0] for state in states)


async def _move(
    transfers: plait.Table, name: str, transfer: Transfer, t: plait.Transaction
) -> None:
    """One transfer, as a transaction on the accounts."""
    source, target, amount = transfer
    has = await t.get(source)
    if has < amount:
        raise plait.Reject
    t[source], t[target] = has - amount, await t.get(target) + amount
    done = t.on(transfers)
    done[name] = await done.get(name, 0) + 1
