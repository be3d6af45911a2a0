"""A bank in a consensus table: tellers transfer money, readers look, and all of it is recorded.

Every teller and reader is a client of its own and one process of the history. A reader keeps to
one node, and asks it for nothing less than a linearizable read. All balances are read from one
state, so their sum must be the same whenever anybody looks.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable
from typing import Any, TypeVar

from plait import entry
from plait.api.port import Receipt
from plait.api.settings import Consensus
from plait.api.store import Store
from plait.api.table import Table
from plait.base.errors import Conflict, PlaitError
from plait.check import Recorder
from plait.cli.demo.reigns import Reigns
from plait.cli.demo.stage import ATTEMPT_S, Stage
from plait.client.limits import ClientLimits

ACCOUNTS = ("ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hana")
OPENING = 1_000  # on each account
TOTAL = OPENING * len(ACCOUNTS)
TELLERS = 4
AMOUNT_MAX = 20
PAUSE_S = 0.01  # between two operations of a client: what is judged stays small
READ_S = 1.0  # for one read; the reader of a dead node tries again

_Answer = TypeVar("_Answer")


class Bank:
    """The accounts, and what its clients were told."""

    def __init__(self, stage: Stage, recorder: Recorder) -> None:
        self._stage = stage
        self._recorder = recorder
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.reigns = Reigns()
        self.line = ""
        self.transfers = 0  # acknowledged
        self.reads = dict.fromkeys(stage.cluster.names, 0)  # answered, by node
        self.wrong_totals: list[int] = []
        self.balances: dict[str, Any] = {}  # as the last reader found them

    async def open(self, store: Store) -> None:
        """Make the accounts."""
        accounts = await store.table("accounts", Consensus())
        await accounts.put_many(dict.fromkeys(ACCOUNTS, OPENING))
        self.line = accounts.line

    async def look_everywhere(self) -> None:
        """One read at each node, one after another."""
        for node in self._stage.cluster.names:
            async with self._stage.at(node) as store:
                await self._look(node, f"visitor at {node}", await _for_reading(store))

    def start(self) -> None:
        """Tellers and readers begin."""
        work = [self._teller(number) for number in range(TELLERS)]
        work += [self._reader(node) for node in self._stage.cluster.names]
        self._tasks = [asyncio.create_task(one) for one in work]

    async def stop(self) -> None:
        """Everybody finishes what they are doing, and leaves."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def abort(self) -> None:
        """Everybody leaves at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ----------------------------------------------------------------------------- clients

    async def _teller(self, number: int) -> None:
        process, chance = f"teller {number + 1}", random.Random(number)
        limits = ClientLimits(attempt_s=ATTEMPT_S)
        async with entry.connect(self._stage.cluster.url, only=True, limits=limits) as store:
            accounts = await store.table("accounts")
            while not self._stopping:
                await self._transfer(process, accounts, chance)
                await asyncio.sleep(PAUSE_S)

    async def _transfer(self, process: str, accounts: Table, chance: random.Random) -> None:
        source, target = chance.sample(ACCOUNTS, 2)
        amount = chance.randint(1, AMOUNT_MAX)
        self._recorder.invoke(process, "transfer", value=[source, target, amount])
        try:
            receipt = await self._outcome(process, transfer(accounts, source, target, amount))
        except PlaitError:
            return
        if receipt is None:
            self._recorder.fail(process, error="too little money")
            return
        self._recorder.ok(process)
        self.transfers += 1
        self.reigns.note(receipt.epoch)

    async def _reader(self, node: str) -> None:
        async with self._stage.at(node, ClientLimits(read_s=READ_S)) as store:
            accounts = await _for_reading(store)
            while not self._stopping:
                with contextlib.suppress(PlaitError):  # the node is dead; it is recorded
                    await self._look(node, f"reader at {node}", accounts)
                await asyncio.sleep(PAUSE_S)

    async def _look(self, node: str, process: str, accounts: Table) -> None:
        self._recorder.invoke(process, "read")
        found = await self._outcome(process, accounts.get_many(ACCOUNTS))
        self._recorder.ok(process, found)
        self.reads[node] += 1
        self.balances = found
        if sum(found.values()) != TOTAL:
            self.wrong_totals.append(sum(found.values()))

    async def _outcome(self, process: str, answer: Awaitable[_Answer]) -> _Answer:
        """Await an operation; if it fails, record what is known of it."""
        try:
            return await answer
        except PlaitError as error:
            if error.definite:
                self._recorder.fail(process, error=error.code)
            else:
                self._recorder.info(process, error=error.code)
            raise


async def transfer(accounts: Table, source: str, target: str, amount: int) -> Receipt | None:
    """Move money in a transaction, again after each `Conflict`; None if there is too little."""
    while True:
        try:
            async with accounts.transaction() as t:
                has = await t.get(source)
                if has < amount:
                    return None
                t[source], t[target] = has - amount, await t.get(target) + amount
            return t.receipt
        except Conflict:
            continue


async def _for_reading(store: Store) -> Table:
    """The accounts, read at the only node that `store` knows; linearizable all the same."""
    return await store.table("accounts", read="nearest")
