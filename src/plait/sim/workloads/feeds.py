"""Feeds of tables: every committed change once and in order, wherever they are followed.

Watchers follow a table at one node after another, stop anywhere, also in the middle of a
transaction, and go on from their cursor. In the end one watch from the beginning of the log is
compared with what writers were told, with the rows that are there, and with what each watcher saw.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, ClassVar, TypeAlias

import msgspec

import plait
from plait import Change, Consensus, Leader, Receipt
from plait.api.watch import decode_cursor
from plait.base.errors import HistoryTrimmed, PlaitError, SessionLost
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Deed, Record, is_prefix, out_of_order
from plait.sim.workloads.workload import GIVE_UP_S, LIMITS, Program, Workload
from plait.sim.world import World

Shown: TypeAlias = tuple[str, Any, bool, int]  # of a change, what every watch must agree on

TABLES: dict[str, Consensus | Leader] = {"news-agreed": Consensus(), "news-led": Leader()}
WATCHERS = (  # table, prefix, and whether from the beginning
    ("news-agreed", "", True),
    ("news-led", "", True),
    ("news-agreed", "a", False),
)
KEYS = ("a1", "a2", "b1", "b2")
BEGINNING = "0.0"
END = "a end "  # prefix of the keys that writers set when they are done
MARK = "mark"  # the key that is written together with the last look at the rows
TRIMMED_MAX = 20  # refusals by nodes that have too little of the log, until a watcher gives in


class Segment(msgspec.Struct):
    """What one watcher saw without a gap."""

    watcher: str
    table: str
    prefix: str
    start: str  # cursor
    changes: list[Change] = []


class Feeds(Workload):
    """Writers and watchers."""

    tables: ClassVar[Mapping[str, Consensus | Leader]] = TABLES
    watchers: ClassVar[Sequence[tuple[str, str, bool]]] = WATCHERS
    prefix: ClassVar[str] = ""  # of its clients' names

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        self.segments: list[Segment] = []
        self.unreadable = False  # some of the log is gone for ever, and no node can say so
        self.lost: list[str] = []  # watchers that were told that what they saw was cut
        self.all: dict[str, list[Change]] = {}  # by table, if its log still has everything
        self.rows: dict[str, dict[str, Any]] = {}  # in the end

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name, settings in self.tables.items():
            await store.table(name, settings)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        watchers = range(len(self.watchers))
        programs: dict[str, Program] = {name: partial(self._write, name) for name in self._writers}
        return programs | {
            f"{self.prefix}v{number}": partial(self._watch, number) for number in watchers
        }

    @property
    def _writers(self) -> list[str]:
        return [f"{self.prefix}w{number}" for number in range(self.config.clients)]

    # ------------------------------------------------------------------ writing

    async def _write(self, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            tables = [await self.insist(partial(store.table, table)) for table in self.tables]
            await self.each(name, partial(self._use, name, store, tables))
            for table in tables:
                await self.insist(partial(table.put, END + name, None))

    async def _use(
        self, name: str, store: plait.Store, tables: list[plait.Table], random: Random
    ) -> None:
        table, token, kind = random.choice(tables), self.record.token(name), random.random()
        keys = random.sample(KEYS, random.randint(2, len(KEYS)))
        use: Awaitable[Any]
        if kind < 0.5:
            f, keys, use = "put", keys[:1], table.put(keys[0], token)
        elif kind < 0.6:
            f, keys, use = "delete", keys[:1], table.delete(keys[0])
        elif kind < 0.7:  # a value that nobody ever set
            f, keys, use = "cas", keys[:1], table.cas(keys[0], "?", token)
        else:
            f, use = "transaction", _put_all(store, table, keys, token)
        await self.record.do(token, f, use, key=table.name, argument=keys)

    # ------------------------------------------------------------------ watching

    async def _watch(self, number: int, network: SimNetwork) -> None:
        name, (table, prefix, begins) = f"{self.prefix}v{number}", self.watchers[number]
        random = self.random(name)
        nodes = list(self.world.nodes)
        ends = {END + writer for writer in self._writers}
        segment = Segment(name, table, prefix, BEGINNING)
        trimmed = 0
        async with contextlib.AsyncExitStack() as stack:
            stores = [
                await stack.enter_async_context(self.world.store(network, LIMITS, *only))
                for only in ((), (nodes[number % len(nodes)],), (nodes[-1],))
            ]
            if begins:
                self.segments.append(segment)
            else:
                segment = await self.insist(partial(self._skip, stores[0], segment, ends))
            while ends:
                store = random.choice(stores)
                try:
                    async with asyncio.timeout(GIVE_UP_S):  # its node may be gone for ever
                        followed = await store.table(table)
                    await self._follow(followed, segment, ends, random)
                except HistoryTrimmed:
                    trimmed += 1
                    if trimmed >= TRIMMED_MAX:
                        trimmed = 0
                        segment = await self.insist(partial(self._skip, stores[0], segment, ends))
                except SessionLost as error:
                    self.lost.append(f"{name}: {error}")
                    segment = await self.insist(partial(self._skip, stores[0], segment, ends))
                except (PlaitError, TimeoutError) as error:
                    self.world.trace.note("error", name, f"{type(error).__name__}: {error}")
                    await asyncio.sleep(0.5)
                    if self.unreadable:
                        segment = await self.insist(partial(self._skip, stores[0], segment, ends))

    async def _skip(self, store: plait.Store, segment: Segment, ends: set[str]) -> Segment:
        """Go on from now."""
        table = await store.table(segment.table)
        token = self.record.token(segment.watcher)
        start = await self.record.do(token, "cursor", table.cursor(), key=segment.table)
        async for key, _ in table.scan(prefix=END):
            ends.discard(key)
        self.segments.append(msgspec.structs.replace(segment, start=start, changes=[]))
        return self.segments[-1]

    async def _follow(
        self, table: plait.Table, segment: Segment, ends: set[str], random: Random
    ) -> None:
        """Take changes for a while; only whole transactions are kept."""
        start = segment.changes[-1].cursor if segment.changes else segment.start
        part: list[Change] = []
        stops = random.random() < 0.5
        async with contextlib.AsyncExitStack() as stack:
            watch = table.watch(start, prefix=segment.prefix or None)
            stack.push_async_callback(watch.aclose)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(exponential(random, 2.0)):
                    async for change in watch:
                        note = f"{change.key} {change.version} {change.cursor}"
                        self.world.trace.note("change", segment.watcher, note)
                        part.append(change)
                        if change.last:
                            segment.changes += part
                            ends -= {seen.key for seen in part}
                            part = []
                        if not ends or (stops and random.random() < 0.1):
                            return

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        for name in self.tables:
            table = await self.insist(partial(store.table, name))
            self.rows[name] = await self.insist(partial(store.transact, _mark, table))
            whole = partial(_from_the_beginning, table)
            found = None if self.unreadable else await self.insist(whole)
            if found is not None:
                self.all[name] = found

    # ------------------------------------------------------------------ the judge

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        yield from [f"cut, though nothing may be: {text}" for text in self.lost]
        for table, changes in self.all.items():
            yield from self._judge_writes(table, changes)
            if _folded(changes) != self.rows[table]:
                yield f"{table}: its changes make {_folded(changes)}, its rows {self.rows[table]}"
        for segment in self.segments:
            where = f"{segment.watcher} from {segment.start} of {segment.table}"
            yield from _backwards(segment.changes, where)
            expected = [
                _shown(change)
                for change in self.all.get(segment.table, ())
                if _is_behind(change, segment.start) and change.key.startswith(segment.prefix)
            ]
            seen = [_shown(change) for change in segment.changes]
            if segment.table in self.all and not is_prefix(seen, expected):
                yield f"{where}: saw {_first_difference(seen, expected)}"

    def _judge_writes(self, table: str, changes: list[Change]) -> Iterator[str]:
        yield from _backwards(changes, table)
        keys: dict[int, list[str]] = {}  # that were written, by version
        values: dict[str, int] = {}  # the version that wrote a token
        for change in changes:
            keys.setdefault(change.version, []).append(change.key)
            if isinstance(change.value, str):
                before = values.setdefault(change.value, change.version)
                if before != change.version:
                    yield f"{table}: {change.value} came with {before} and {change.version}"
                if self.record.deeds[change.value].fate == "refused":
                    yield f"{table}: {change.value} was refused for certain and came"
        deeds = self.record.of("put", "cas", "transaction", key=table)
        for deed in deeds:
            version = values.get(deed.token)
            if isinstance(deed.result, Receipt) and deed.result.version != version:
                yield f"{table}: {deed.f} {deed.token} came with {version}, not {deed.result}"
            if version is not None and sorted(keys[version]) != sorted(deed.argument):
                yield f"{table}: {deed.token} wrote {deed.argument}, {keys[version]} came"
        written = [deed for deed in self.record.deeds.values() if deed.key == table]
        yield from out_of_order(written, _places(written, self.tables[table]), table)


async def _put_all(
    store: plait.Store, table: plait.Table, keys: list[str], token: str
) -> Receipt | None:
    async with store.transaction(table) as t:
        for key in keys:
            t.put(key, token)
    return t.receipt


def _places(deeds: list[Deed], settings: Consensus | Leader) -> dict[str, float]:
    """Where in the log writes stand, and cursors that show all of it."""
    places = {}
    for deed in deeds:
        if isinstance(deed.result, Receipt):
            places[deed.token] = _place(deed.result.position, deed.result.offset + 1)
        elif deed.f == "cursor" and deed.result and isinstance(settings, Consensus):
            places[deed.token] = _place(*decode_cursor(deed.result))
    return places


def _place(position: int, offset: int) -> float:
    return position + offset * 1e-6


async def _mark(t: plait.Transaction) -> dict[str, Any]:
    """All rows, and at the same moment a change that ends what is looked at."""
    rows = {key: value async for key, value in t.scan() if key != MARK}
    t.put(MARK, await t.get(MARK, 0) + 1)
    return rows


async def _from_the_beginning(table: plait.Table) -> list[Change] | None:
    """Every change up to the mark, None if the log has been trimmed."""
    marks = await table.get(MARK)
    found: list[Change] = []
    with contextlib.suppress(HistoryTrimmed):
        async with table.watch(BEGINNING) as watch:
            async for change in watch:
                if change.key == MARK and change.value == marks:
                    return found
                found.append(change)
    return None


def _backwards(changes: Sequence[Change], where: str) -> Iterator[str]:
    """Commands that come twice or out of order: each has one run of changes, ended by its last."""
    version, ended = -1, True
    for change in changes:
        if change.version < version or (ended and change.version == version):
            yield f"{where}: {change} comes again, or too late, behind version {version}"
        elif not ended and change.version != version:
            yield f"{where}: {change} comes in the middle of version {version}"
        version, ended = change.version, change.last


def _folded(changes: Sequence[Change]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for change in changes:
        if change.deleted:
            rows.pop(change.key, None)
        elif change.key != MARK:
            rows[change.key] = change.value
    return rows


def _is_behind(change: Change, cursor: str) -> bool:
    """Whether a watch from `cursor` shows the change: in a transaction its cursor repeats it."""
    here, start = decode_cursor(change.cursor), decode_cursor(cursor)
    return here > start or (here == start and not change.last)


def _shown(change: Change) -> Shown:
    return change.key, change.value, change.deleted, change.version


def _first_difference(seen: list[Shown], expected: list[Shown]) -> str:
    pairs = zip(seen, expected, strict=False)
    place = next((number for number, (a, b) in enumerate(pairs) if a != b), len(expected))
    wanted = expected[place] if place < len(expected) else "nothing more"
    return f"{seen[place]} where all changes have {wanted}"
