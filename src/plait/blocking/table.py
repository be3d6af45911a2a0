"""Tables without ``await``."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from plait import sinks
from plait.api import table
from plait.api.consumer import TAKEOVER_S
from plait.api.infos import TableInfo
from plait.api.port import Receipt
from plait.api.settings import ReadFrom, Settings
from plait.api.table import PUTS_IN_FLIGHT, TableRow
from plait.api.values import PAGE_ROWS
from plait.api.watch import Where
from plait.blocking.consumer import Consumer
from plait.blocking.transaction import Transaction
from plait.blocking.watch import Watch
from plait.host.portal import Portal
from plait.sinks import Sink


class Table:
    """A handle on one table, through one session; usable from any thread."""

    def __init__(self, portal: Portal[Any], inner: table.Table) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def info(self) -> TableInfo:
        """What the cluster knows of the table: id, line and settings."""
        return self._inner.info

    @property
    def name(self) -> str:
        """The table's name."""
        return self._inner.name

    @property
    def settings(self) -> Settings:
        """How its copies agree."""
        return self._inner.settings

    @property
    def line(self) -> str:
        """The line it lives on; transactions can span the tables of one line."""
        return self._inner.line

    def stale(self, max_lag: float) -> "Table":
        """The same table, read from any replica that is at most `max_lag` seconds behind."""
        return Table(self._portal, self._inner.stale(max_lag))

    # ------------------------------------------------------------------ writing

    def put(
        self, key: str, value: Any, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Set a row. Returns when the line's rule (or the stricter `acks`) is met.

        if_version: only if the row has this version (0: if there is none), else `Conflict`.
        """
        return self._portal.call(self._inner.put(key, value, if_version=if_version, acks=acks))

    def delete(
        self, key: str, *, if_version: int | None = None, acks: str | None = None
    ) -> Receipt:
        """Remove a row; removing one that is not there is no error."""
        return self._portal.call(self._inner.delete(key, if_version=if_version, acks=acks))

    def cas(self, key: str, expected: Any, value: Any, *, acks: str | None = None) -> Receipt:
        """Compare and set: if the row's value equals `expected`, make it `value`.

        `plait.ABSENT` on either side means no row. Raises `Conflict` if it was different.
        """
        return self._portal.call(self._inner.cas(key, expected, value, acks=acks))

    def clear(self, *, acks: str | None = None) -> Receipt:
        """Remove every row."""
        return self._portal.call(self._inner.clear(acks=acks))

    def put_many(
        self, rows: Mapping[str, Any] | Iterable[tuple[str, Any]], *, acks: str | None = None
    ) -> int:
        """Set many rows, many in flight at once; how many.

        Not atomic: if one fails its error is raised once the others are answered, and rows
        before it may or may not be set. Rows of equal keys are set in order.
        """
        # Iterated here: what gives the rows may itself be a scan, or slow.
        pairs = iter(rows.items() if isinstance(rows, Mapping) else rows)
        count = 0
        while portion := list(islice(pairs, PUTS_IN_FLIGHT)):
            count += self._portal.call(self._inner.put_many(portion, acks=acks))
        return count

    # ------------------------------------------------------------------ reading

    def get(
        self,
        key: str,
        default: Any = None,
        *,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> Any:
        """The value under `key`, or `default`."""
        return self._portal.call(self._inner.get(key, default, read=read, max_lag=max_lag))

    def get_row(
        self, key: str, *, read: ReadFrom | None = None, max_lag: float | None = None
    ) -> TableRow | None:
        """The row under `key` with its version, or None."""
        return self._portal.call(self._inner.get_row(key, read=read, max_lag=max_lag))

    def get_many(
        self, keys: Iterable[str], *, read: ReadFrom | None = None, max_lag: float | None = None
    ) -> dict[str, Any]:
        """The values of those keys that have one, all from one state; at most 10,000 keys."""
        return self._portal.call(self._inner.get_many(list(keys), read=read, max_lag=max_lag))

    def scan(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> Iterator[tuple[str, Any]]:
        """Pairs (key, value) with start <= key < stop, in key order (descending if `reverse`).

        Read in pages of 1,000 rows: each page is of one state, later pages may be of later ones.
        A transaction's `scan` is validated as a whole.
        """
        for page in self.scan_pages(
            start, stop, prefix=prefix, reverse=reverse, limit=limit, read=read, max_lag=max_lag
        ):
            yield from page

    def scan_pages(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int | None = None,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> Iterator[list[tuple[str, Any]]]:
        """What `scan` gives, a page of at most 1,000 pairs at a time, each of one state."""
        pages = self._inner.scan_pages(
            start, stop, prefix=prefix, reverse=reverse, limit=limit, read=read, max_lag=max_lag
        )

        async def step() -> list[tuple[str, Any]] | None:
            return await anext(pages, None)

        while (page := self._portal.call(step())) is not None:
            yield page

    def page(
        self,
        start: str | None = None,
        stop: str | None = None,
        *,
        prefix: str | None = None,
        reverse: bool = False,
        limit: int = PAGE_ROWS,
        read: ReadFrom | None = None,
        max_lag: float | None = None,
    ) -> tuple[list[TableRow], bool]:
        """At most 1,000 rows of one state, with their versions, and whether there are more behind.

        Go on with ``start=rows[-1].key + "\0"``, or, in reverse, with ``stop=rows[-1].key``.
        """
        page = self._inner.page(
            start, stop, prefix=prefix, reverse=reverse, limit=limit, read=read, max_lag=max_lag
        )
        return self._portal.call(page)

    def count(self, *, read: ReadFrom | None = None, max_lag: float | None = None) -> int:
        """How many rows there are."""
        return self._portal.call(self._inner.count(read=read, max_lag=max_lag))

    # ------------------------------------------------------------------ more

    def transaction(self) -> Transaction:
        """``with table.transaction() as t``: all or nothing, `Conflict` at exit."""
        return Transaction(self._portal, self._portal.call_plain(self._inner.transaction))

    def keep_before(self, on: bool = True) -> None:
        """Tell what rows were, `Change.before`, in every watch of this table; or stop that."""
        self._portal.call(self._inner.keep_before(on))

    def watch(
        self,
        start: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        prefix: str | None = None,
        where: Where | None = None,
    ) -> Watch:
        """Committed changes in order, from now on, or from behind `start`, a change's `cursor`.

        ``"0.0"`` is the beginning of the log. Ask `cursor` before a scan to watch from there on.
        first, last, prefix: only keys with first <= key < last, or with the prefix.
        where: only changes of which this is true. `Watch.batches` gives whole transactions.
        Raises `HistoryTrimmed` if the log no longer has what came next, `SessionLost` if what
        was shown has been cut.
        """
        inner = self._portal.call_plain(
            self._inner.watch, start, first=first, last=last, prefix=prefix, where=where
        )
        return Watch(self._portal, inner)

    def consumer(
        self,
        group: str,
        start: str | None = None,
        *,
        first: str | None = None,
        last: str | None = None,
        prefix: str | None = None,
        where: Where | None = None,
        owner: str = "",
        takeover_s: float = TAKEOVER_S,
    ) -> Consumer:
        """Committed changes for a group of consumers, of which one at a time gets them.

        `plait.Table.consumer` says what the arguments are.
        """
        inner = self._portal.call_plain(
            self._inner.consumer, group, start, first=first, last=last, prefix=prefix,
            where=where, owner=owner, takeover_s=takeover_s,
        )  # fmt: skip
        return Consumer(self._portal, inner)

    def cursor(self) -> str:
        """Where a watch has to start that is to see all that a read from now on might not."""
        return self._portal.call(self._inner.cursor())

    def __repr__(self) -> str:
        return repr(self._inner)


def deliver(table: Table, group: str, sink: Sink, start: str | None = None, **options: Any) -> int:
    """Deliver a table's changes into a sink: see `plait.sinks.deliver`, whose options it takes.

    For ever, or until ``limit=`` changes are there; how many.
    """
    return table._portal.call(sinks.deliver(table._inner, group, sink, start, **options))
