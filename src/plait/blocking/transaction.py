"""Transactions without ``await``."""

from collections.abc import Iterator
from typing import Any, NoReturn

from plait.api import transaction
from plait.api.port import Receipt
from plait.base.errors import UsageError
from plait.blocking.scopes import Entered
from plait.host.portal import Portal


class TransactionTable:
    """One table in a transaction."""

    def __init__(self, portal: Portal[Any], inner: transaction.TransactionTable) -> None:
        self._portal = portal
        self._inner = inner

    def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`; the same however often it is asked."""
        return self._portal.call(self._inner.get(key, default))

    def expect(self, key: str, version: int) -> None:
        """Commit only if the row has this version (0: if there is none), however it was learnt."""
        self._portal.call_plain(self._inner.expect, key, version)

    def put(self, key: str, value: Any) -> None:
        """Set a row at commit, to the value as it is now."""
        self._portal.call_plain(self._inner.put, key, value)

    def delete(self, key: str) -> None:
        """Remove a row at commit; removing one that is not there is no error."""
        self._portal.call_plain(self._inner.delete, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def __getitem__(self, key: str) -> NoReturn:
        raise UsageError("read with t.get(key), which knows what to say of a row that is not there")

    def scan(
        self, start: str | None = None, stop: str | None = None, *, prefix: str | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Pairs in key order, own writes included; what was given is validated at commit.

        A write made during the scan shows from the scan's next page of 1,000 rows on.
        """
        rows = self._portal.call_plain(self._inner.scan, start, stop, prefix=prefix)

        async def step() -> tuple[str, Any] | None:
            return await anext(rows, None)

        while (row := self._portal.call(step())) is not None:
            yield row

    def __repr__(self) -> str:
        return repr(self._inner)


class Transaction(Entered[transaction.Transaction], TransactionTable):
    """``with table.transaction() as t``. Ends at exit; `receipt` tells where it landed.

    Itself the view on its first table; `on` gives the others. `Conflict` is raised at exit.
    """

    _inner: transaction.Transaction

    @property
    def receipt(self) -> Receipt | None:
        """Where it landed; None before its end, and if there was nothing to commit."""
        return self._inner.receipt

    def on(self, table: transaction.Described) -> TransactionTable:
        """The view on another table of the same line, named before or not."""
        return TransactionTable(self._portal, self._portal.call_plain(self._inner.on, table))
