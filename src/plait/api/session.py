"""Sessions: reading one's own writes, on any node.

A session remembers, line by line, how far its writes and reads have seen (`plait.api.context`).
Its `token` carries that to another process or another node: a session that begins with it sees
at least as much. Sessions of one store know nothing of each other.
"""

import random as chance
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from plait.api.context import Context
from plait.api.documents import Conflict, Document, Documents, JsonDocument
from plait.api.machine import Machine
from plait.api.settings import Eventual, ReadFrom, ReadOptions, Settings
from plait.api.table import Table
from plait.api.transaction import ATTEMPTS, Described, Transaction, run_transaction
from plait.base.ports import Random
from plait.types.machines import describe
from plait.types.state_machine import StateMachine

T = TypeVar("T")
D = TypeVar("D", bound=Document)


class Session:
    """What one user of a store holds; made by `Store.session`."""

    def __init__(self, context: Context, random: Random | None = None) -> None:
        self._context = context
        self._random = random or chance.Random()

    @property
    def token(self) -> str:
        """What this session has seen, as text that is safe in URLs and headers."""
        return self._context.token

    async def table(
        self,
        name: str,
        settings: Settings | None = None,
        *,
        read: ReadFrom = "leader",
        max_lag: float | None = None,
    ) -> Table:
        """Open the table `name`; make it if `settings` are given and there is none.

        read: which replica answers reads, unless a read says otherwise.
        max_lag: how many seconds such a replica may be behind.
        Raises `NoSuchCollection`, or `BadSettings` if it exists with other settings.
        """
        self._context.check()
        options = ReadOptions(read, max_lag)
        info = await self._context.backend.open_table(name, settings)
        return Table(self._context, info, options)

    def bound(self, table: Table) -> Table:
        """The same table as this session writes and reads it, without asking for it again."""
        return Table(self._context, table.info, ReadOptions())

    async def machine(
        self,
        name: str,
        machine: type[StateMachine],
        settings: Settings | None = None,
    ) -> Machine:
        """Open the machine `name`, an instance of the class `machine`; make it if `settings` are
        given and there is none.

        On a store in this process the class is registered by this; servers are told by
        ``plait serve --machine`` and raise `MachineMissing` if they were not. Raises
        `BadMachine`, `NoSuchCollection`, `BadSettings` or `MachineVersion`, too.
        """
        self._context.check()
        described = describe(machine)
        info = await self._context.backend.open_machine(name, described, settings)
        return Machine(self._context, info, described, ReadOptions())

    @overload
    async def documents(
        self,
        name: str,
        kind: type[D],
        settings: Eventual | None = ...,
        *,
        author: str | None = ...,
        create: bool = ...,
    ) -> Documents[D]: ...

    @overload
    async def documents(
        self,
        name: str,
        kind: None = ...,
        settings: Eventual | None = ...,
        *,
        author: str | None = ...,
        create: bool = ...,
    ) -> Documents[JsonDocument]: ...

    async def documents(
        self,
        name: str,
        kind: type[D] | None = None,
        settings: Eventual | None = None,
        *,
        author: str | None = None,
        create: bool = True,
    ) -> Documents[Any]:
        """Open the collection of documents `name`; make it if there is none.

        kind: the class of its documents; without one they are free-form JSON.
        author: who is named in histories, conflicts and changes, for all of this process's
            writes to the collection; if nobody is named, the node is.
        create: False to find it only: where it is to come from another store through a folder,
            one that is made here would be another collection of that name (`WrongLineage`).
        Reading and writing documents are plain calls from here on. Raises `BadSettings` if it
        exists with other settings, `NoSuchCollection`, `BadDocument`, `Unavailable`.
        """
        self._context.check()
        replica = await self._context.backend.open_graph(
            name, settings or (Eventual() if create else None)
        )
        if author is not None:
            replica.author = author
        return Documents(replica, kind, author)

    async def conflicts(self, name: str | None = None) -> list[Conflict]:
        """What waits for a person's decision: in all collections of documents, or in one.

        Needs no document classes; values are plain. Over the network it fetches the collections.
        Raises `NoSuchCollection`.
        """
        self._context.check()
        backend = self._context.backend
        names = [name] if name is not None else [info.name for info in await backend.graphs()]
        found: list[Conflict] = []
        for one in names:
            found += Documents(await backend.open_graph(one, None)).conflicts()
        return found

    def transaction(self, *tables: Described) -> Transaction:
        """A transaction over tables of one line; the first is the one that `t[key]` means.

        `t.on(table)` is the view on another. Raises `BadSettings` for tables of several lines.
        """
        self._context.check()
        return Transaction(self._context, *(table.info for table in tables))

    async def transact(
        self,
        body: Callable[[Transaction], Awaitable[T]],
        *tables: Described,
        attempts: int = ATTEMPTS,
    ) -> T:
        """Run ``await body(t)`` in a transaction, again after each `Conflict`; what it returned.

        `body` may run several times, so what it does outside the transaction must not matter.
        Raises the last `Conflict` after so many attempts.
        """
        return await run_transaction(
            lambda: self.transaction(*tables), body, attempts, self._random
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._context!r}>"
