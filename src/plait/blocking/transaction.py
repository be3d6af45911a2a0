"""Transactions without ``await``."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from plait.api import transaction
from plait.api.port import Receipt
from plait.blocking.table import Table
from plait.host.portal import Portal


class TransactionTable:
    """One table in a transaction."""

    def __init__(self, portal: Portal[Any], inner: transaction.TransactionTable) -> None:
        self._portal = portal
        self._inner = inner

    def get(self, key: str, default: Any = None) -> Any:
        """The value under `key`, or `default`; the same however often it is asked."""
        return self._portal.call(self._inner.get(key, default))

    def put(self, key: str, value: Any) -> None:
        """Set a row at commit, to the value as it is now."""
        self._portal.call_plain(self._inner.put, key, value)

    def delete(self, key: str) -> None:
        """Remove a row at commit; removing one that is not there is no error."""
        self._portal.call_plain(self._inner.delete, key)
