"""Two queues, one of rows and one a machine: values leave in the order in which they came, once.

Every dequeue leaves behind, under its token, what it took. So in the end it is known of each
operation whether it happened, also of those that were never answered, and the whole history can be
judged exactly.
"""

from collections.abc import Awaitable, Iterator
from functools import partial
from random import Random
from typing import Any

import msgspec

import plait
from plait import Consensus, StateMachine, command, query
from plait.check import check_history
from plait.sim.config import Config
from plait.sim.workloads.deeds import Deed, history_of
from plait.sim.workloads.twofold import Twofold
from plait.sim.workloads.workload import JUDGE_S
from plait.sim.world import World

_TAIL = "tail"  # the row with the number of the next value


class QueueMachine(StateMachine):
    """A queue, what ever came into it, and what each dequeue took."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self.came: list[str] = []
        self.taken: dict[str, str] = {}

    @command
    def enqueue(self, value: str) -> None:
        """Put a value at the end."""
        self.values.append(value)
        self.came.append(value)

    @command
    def dequeue(self, token: str) -> str | None:
        """Take the first value, if there is one."""
        if not self.values:
            return None
        self.taken[token] = self.values.pop(0)
        return self.taken[token]

    @query
    def all(self) -> list[Any]:
        """What came, and what was taken."""
        return [self.came, self.taken]


class Queues(Twofold["_Rows"]):
    """Enqueues and dequeues."""

    machines = (QueueMachine,)
    letter = "q"

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.came: dict[str, list[str]] = {}  # by queue, every value that is or was in it
        self.taken: dict[str, dict[str, str]] = {}  # by queue, what each dequeue took

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        await store.table("queue", Consensus())
        await store.table("taken", Consensus())
        await store.machine("queue", QueueMachine, Consensus())

    async def _open(self, store: plait.Store) -> tuple["_Rows", plait.Machine]:
        queue = await self.insist(partial(store.table, "queue"))
        taken = await self.insist(partial(store.table, "taken"))
        machine = await self.insist(partial(store.machine, "queue", QueueMachine))
        return _Rows(store, queue, taken), machine

    async def _use(self, name: str, rows: "_Rows", machine: plait.Machine, random: Random) -> None:
        token = self.record.token(name)
        key = random.choice(("rows", "machine"))
        queue = rows if key == "rows" else machine
        use: Awaitable[Any]
        if random.random() < 0.5:
            use = queue.enqueue(token)
            await self.record.do(token, "enqueue", use, key=key, argument=token)
        else:
            use = queue.dequeue(token)
            await self.record.do(token, "dequeue", use, key=key)

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        rows, machine = await self._open(store)
        self.came["rows"], self.taken["rows"] = await self.insist(rows.all)
        self.came["machine"], self.taken["machine"] = await self.insist(machine.all)

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for key in self.came:
            yield from self._judge_records(key)
            deeds = [found for deed in self.record.of("enqueue", "dequeue", key=key)
                     for found in self._resolved(deed)]  # fmt: skip
            verdict = check_history(history_of(deeds, key), "queue", time_limit=JUDGE_S)
            if verdict.linearizable is False:
                yield f"{key}: no queue:\n{verdict.explain()}"

    def _judge_records(self, key: str) -> Iterator[str]:
        """What stands there against what clients were told."""
        came, taken = self.came[key], self.taken[key]
        for value in sorted({value for value in came if came.count(value) > 1}):
            yield f"{key}: {value} came {came.count(value)} times"
        for deed in self.record.of("enqueue", "dequeue", key=key):
            happened = deed.token in (came if deed.f == "enqueue" else taken)
            if deed.fate == "refused" and happened:
                yield f"{key}: {deed.f} {deed.token} was refused for certain and happened"
            if deed.fate != "acknowledged":
                continue
            if deed.f == "enqueue" and not happened:
                yield f"{key}: {deed.token} was enqueued and never came"
            if deed.f == "dequeue" and deed.result != taken.get(deed.token):
                found = taken.get(deed.token)
                yield f"{key}: {deed.token} was given {deed.result}, but took {found}"

    def _resolved(self, deed: Deed) -> Iterator[Deed]:
        """The deed as it turned out in the end, if it happened."""
        came, taken = self.came[deed.key], self.taken[deed.key]
        if deed.fate == "acknowledged":
            yield deed
        elif deed.fate == "unknown" and deed.f == "enqueue" and deed.token in came:
            yield deed  # may have happened at any time since
        elif deed.fate == "unknown" and deed.f == "dequeue" and deed.token in taken:
            yield msgspec.structs.replace(
                deed, fate="acknowledged", result=taken[deed.token], returned=self.record.end
            )


class _Rows:
    """The queue of rows, as one client uses it."""

    def __init__(self, store: plait.Store, queue: plait.Table, taken: plait.Table) -> None:
        self._store = store
        self._queue = queue
        self._taken = taken

    async def enqueue(self, value: str) -> None:
        """As the machine's."""

        async def put(t: plait.Transaction) -> None:
            number = await t.get(_TAIL, 0)
            t.put(f"{number:06}", value)
            t.put(_TAIL, number + 1)

        await self._store.transact(put, self._queue)

    async def dequeue(self, token: str) -> str | None:
        """As the machine's."""

        async def take(t: plait.Transaction) -> str | None:
            async for key, value in t.scan(stop=_TAIL):
                t.delete(key)
                t.on(self._taken).put(token, value)
                return str(value)
            return None

        return await self._store.transact(take, self._queue)

    async def all(self) -> tuple[list[str], dict[str, str]]:
        """As the machine's; what was taken came, too."""

        async def look(t: plait.Transaction) -> tuple[list[str], dict[str, str]]:
            left = [value async for _, value in t.scan(stop=_TAIL)]
            taken = {token: value async for token, value in t.on(self._taken).scan()}
            return [*taken.values(), *left], taken

        return await self._store.transact(look, self._queue)
