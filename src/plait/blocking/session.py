"""Sessions without ``await``."""

import random as chance
import time
from collections.abc import Callable
from typing import Any, TypeVar

from plait.api import session
from plait.api.documents import Document
from plait.api.settings import Eventual, ReadFrom, Settings
from plait.api.transaction import ATTEMPTS, Described, back_offs_s
from plait.base.errors import Conflict
from plait.blocking.documents import Documents, Handle, handles
from plait.blocking.machine import Machine
from plait.blocking.table import Table
from plait.blocking.transaction import Transaction
from plait.host.portal import Portal
from plait.types.state_machine import StateMachine

T = TypeVar("T")


class Session:
    """What one user of a store holds; made by `Store.session`. Usable from any thread."""

    def __init__(self, portal: Portal[Any], inner: session.Session) -> None:
        self._portal = portal
        self._session = inner

    @property
    def token(self) -> str:
        """What this session has seen, as text that is safe in URLs and headers."""
        return self._session.token

    def table(
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
        opening = self._session.table(name, settings, read=read, max_lag=max_lag)
        return Table(self._portal, self._portal.call(opening))

    def bound(self, table: Table) -> Table:
        """The same table as this session writes and reads it, without asking for it again."""
        inner = self._portal.call_plain(self._session.bound, table._inner)
        return Table(self._portal, inner)

    def machine(
        self, name: str, machine: type[StateMachine], settings: Settings | None = None
    ) -> Machine:
        """Open the machine `name`, an instance of the class `machine`; make it if `settings` are
        given and there is none.

        Raises `BadMachine`, `NoSuchCollection`, `BadSettings`, `MachineMissing` or
        `MachineVersion`.
        """
        opening = self._session.machine(name, machine, settings)
        return Machine(self._portal, self._portal.call(opening))

    def documents(
        self,
        name: str,
        kind: type[Document] | None = None,
        settings: Eventual | None = None,
        *,
        author: str | None = None,
        create: bool = True,
    ) -> Documents:
        """Open the collection of documents `name`; make it if there is none. See
        `plait.Session.documents`."""
        opening = self._session.documents(name, kind, settings, author=author, create=create)
        return Documents(self._portal, self._portal.call(opening))

    def conflicts(self, name: str | None = None) -> list[Handle]:
        """What waits for a person's decision: in all collections of documents, or in one. See
        `plait.Session.conflicts`."""
        found = self._portal.call(self._session.conflicts(name))
        return handles(self._portal, found)

    def transaction(self, *tables: Described) -> Transaction:
        """A transaction over tables of one line; the first is the one that `t[key]` means.

        `t.on(table)` is the view on another. Raises `BadSettings` for tables of several lines.
        """
        inner = self._portal.call_plain(self._session.transaction, *tables)
        return Transaction(self._portal, inner)

    def transact(
        self, body: Callable[[Transaction], T], *tables: Described, attempts: int = ATTEMPTS
    ) -> T:
        """Run ``body(t)`` in a transaction, again after each `Conflict`; what it returned.

        `body` runs in the caller's thread, perhaps several times, so what it does outside the
        transaction must not matter. Raises the last `Conflict` after so many attempts.
        """
        pauses = back_offs_s(attempts, chance.Random())
        while True:
            try:
                with self.transaction(*tables) as transaction:
                    return body(transaction)
            except Conflict:
                pause_s = next(pauses, None)
                if pause_s is None:
                    raise
            time.sleep(pause_s)

    def __repr__(self) -> str:
        return repr(self._session)
