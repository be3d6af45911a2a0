"""A backend in memory: what the commands mean, said once more with dicts.

It shares no code with the fold. Each command is an entry of its own. A test can script it:
`fail_with` fails commands by number, `hold` leaves them in the air, `reads` tells what was asked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import msgspec

from plait.api.infos import TableInfo
from plait.api.messages import Count, FeedItem, Get, Query, Row, Scan
from plait.api.port import Answers, Mark, Receipt
from plait.api.settings import Leader, ReadOptions
from plait.base.errors import Conflict, NoSuchCollection, PlaitError
from plait.line.entry import Epoch
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    Put,
    Transact,
    decode_group,
    encode_group,
)

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


class FakeBackend:
    """Implements `plait.api.port.Backend`; every line is led here, in one epoch."""

    def __init__(self) -> None:
        self.epoch = Epoch(1, "n1")
        self.infos: dict[str, TableInfo] = {}
        self.rows: dict[int, dict[str, tuple[int, bytes]]] = {}
        self.positions: dict[str, int] = {}  # the next entry's, by line
        self.versions: dict[str, int] = {}  # of the last command, by line
        self.feeds: dict[int, list[FeedItem]] = {}
        self.submitted: list[tuple[str, Command, str | None]] = []
        self.reads: list[tuple[str, tuple[Query, ...], ReadOptions, Mark | None]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.fail_with: dict[int, PlaitError] = {}  # commands, by how many came before
        self.fail_reads: list[PlaitError] = []  # the next reads
        self.hold = False
        self.in_air: list[asyncio.Future[Receipt]] = []  # of held commands
        self.in_air_max = 0
        self.feeds_open = 0
        self.closed = False
        self._news = asyncio.Event()  # replaced whenever it is set

    # ------------------------------------------------------------------ tables

    async def open_table(self, name: str, settings: Leader | None) -> TableInfo:
        if name not in self.infos:
            if settings is None:
                raise NoSuchCollection(f"no table {name!r}")
            table = len(self.infos) + 1
            self.infos[name] = TableInfo(name, table, settings.line_name(name), settings)
            self.rows[table], self.feeds[table] = {}, []
        return self.infos[name]

    async def tables(self) -> list[TableInfo]:
        return list(self.infos.values())

    async def keep_before(self, name: str, on: bool) -> None:
        self.calls.append(("keep_before", name, on))

    async def drop_table(self, name: str) -> None:
        del self.infos[name]

    # ------------------------------------------------------------------ writing

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        (decoded,) = decode_group(encode_group(0, 0, 0, [command])).commands
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        error = self.fail_with.get(len(self.submitted))
        self.submitted.append((line, decoded, acks))
        if error is not None:
            future.set_exception(error)
            return future
        position = self.positions.get(line, 0)
        version = self.versions.get(line, 0) + 1
        self.positions[line], self.versions[line] = position + 1, version
        try:
            changes = self._apply(decoded, version)
        except Conflict as conflict:
            future.set_exception(conflict)
            return future
        self._feed(changes, position, version)
        receipt = Receipt(line, self.epoch, position, 0, version, acks or "majority")
        self.in_air.append(future)
        self.in_air_max = max(self.in_air_max, len(self.in_air))
        if not self.hold:
            asyncio.get_running_loop().call_soon(self._land, future, receipt)
        return future

    def _land(self, future: "asyncio.Future[Receipt]", receipt: Receipt) -> None:
        self.in_air.remove(future)
        if not future.done():
            future.set_result(receipt)

    def _version(self, table: int, key: str) -> int:
        return self.rows[table].get(key, (0, b""))[0]

    def _set(self, table: int, key: str, value: bytes | None, version: int) -> None:
        if value is None:
            self.rows[table].pop(key, None)
        else:
            self.rows[table][key] = (version, value)

    def _apply(self, command: Command, version: int) -> list[tuple[int, str, bytes | None]]:
        """Check and apply one command; (table, key, value) of each row that it wrote."""
        match command:
            case Put(table, key, value, if_version):
                changes = [(table, key, bytes(value))]
                self._check(if_version in (None, self._version(table, key)), key)
            case Delete(table, key, if_version):
                changes = [(table, key, None)]
                self._check(if_version in (None, self._version(table, key)), key)
            case CompareAndSet(table, key, expected, value):
                row = self.rows[table].get(key)
                was = None if row is None else (_decode(row[1]),)
                self._check(was == (None if expected is None else (_decode(expected[0]),)), key)
                changes = [(table, key, None if value is None else bytes(value[0]))]
            case Transact(reads, ranges, writes):
                for read in reads:
                    self._check(self._version(read.table, read.key) == read.version, read.key)
                for scanned in ranges:
                    found = [
                        row[0]
                        for key, row in self.rows[scanned.table].items()
                        if scanned.start <= key and (scanned.stop is None or key < scanned.stop)
                    ]
                    same = len(found) == scanned.count and max(found, default=0) <= scanned.version
                    self._check(same, scanned.start)
                changes = [
                    (w.table, w.key, None if w.value is None else bytes(w.value[0])) for w in writes
                ]
            case ClearTable(table):
                self.rows[table].clear()
                return [(table, "", None)]
            case _:
                raise AssertionError(f"{command} is no command of a table")
        for table, key, data in changes:
            self._set(table, key, data, version)
        return changes

    def _check(self, holds: bool, key: str) -> None:
        if not holds:
            raise Conflict(f"{key!r} is not as expected", key=key)

    # ------------------------------------------------------------------ reading

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        self.reads.append((line, tuple(queries), options, after))
        if self.fail_reads:
            raise self.fail_reads.pop(0)
        values = tuple(msgspec.Raw(_encode(self._answer(query))) for query in queries)
        return Answers(self.epoch, self.positions.get(line, 0), 0.0, values)

    def _answer(self, query: Query) -> Any:
        rows = self.rows[query.table]
        match query:
            case Get(_, key):
                row = rows.get(key)
                return None if row is None else (row[0], msgspec.Raw(row[1]))
            case Scan(_, start, stop, limit, reverse):
                keys = sorted(k for k in rows if start <= k and (stop is None or k < stop))
                keys = keys[::-1] if reverse else keys
                found = [Row(k, rows[k][0], msgspec.Raw(rows[k][1])) for k in keys[:limit]]
                return found, len(keys) > limit
            case Count():
                return len(rows)

    # ------------------------------------------------------------------ feeds

    def _feed(
        self, changes: list[tuple[int, str, bytes | None]], position: int, version: int
    ) -> None:
        for table in {table: None for table, _, _ in changes}:
            mine = [(key, value) for changed, key, value in changes if changed == table]
            for rank, (key, value) in enumerate(mine, 1):
                present = None if value is None else (msgspec.Raw(value),)
                item = FeedItem(position, 0, version, 1000, key, present, rank == len(mine))
                self.feeds[table].append(item)
        self._news.set()
        self._news = asyncio.Event()

    async def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        self.calls.append(("follow", line, table, start))
        place = (self.positions.get(line, 0), 0) if start is None else start
        self.feeds_open += 1
        try:
            while True:
                items = [i for i in self.feeds[table] if (i.position, i.offset) >= place]
                if items:
                    place = (items[-1].position, items[-1].offset + 1)
                    yield items
                else:
                    await self._news.wait()
        finally:
            self.feeds_open -= 1

    # ------------------------------------------------------------------ operating

    async def status(self) -> dict[str, Any]:
        return {"nodes": {"n1": {}}}

    async def flush(self) -> None:
        self.calls.append(("flush",))

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        self.calls.append(("promote", node, line, accept_loss, timeout_s))
        return {"node": node}

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        self.calls.append(("switch_over", target, line, timeout_s))
        return {"target": target}

    async def rescued(self) -> list[dict[str, Any]]:
        return [{"rescued": 1}]

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        return {"node": node, "rescued": rescued}

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        return {"replayed": rescued}

    async def drop_rescued(self, node: str, rescued: int) -> None:
        self.calls.append(("drop_rescued", node, rescued))

    async def close(self) -> None:
        self.closed = True
