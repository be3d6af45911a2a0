"""Leader–follower tables under every ack rule, while leaders fail, are promoted and switched over.

Every put has a key of its own, and a read is of a whole generation of keys. So reads are sets of
tokens that grow, and the versions of the rows in the end say in which order.

What is asked of a line: what was acknowledged is there in the end; with ``acks="leader"``, or
after an operator accepted loss, it is at least among the rescued records. Every read is a beginning
of the line, as fresh as was asked for, and covers what its session had seen.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from random import Random

import msgspec

import plait
from plait import Leader
from plait.api.settings import READ_FROM
from plait.base.errors import PlaitError, SessionLost
from plait.node.config import MEMBERS_MAX, Limits
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.network import SimNetwork
from plait.sim.workloads.deeds import Deed, Record, is_prefix
from plait.sim.workloads.workload import GIVE_UP_S, LIMITS, Program, Workload
from plait.sim.world import World

LEVELS = ("leader", "any:1", "majority", "all")
GENERATION = 40  # puts that one read looks for
LAGS_S = (None, None, 0.5, 3.0)
SLACK_S = 3.0  # beyond the lag and the lease, which clocks of their own measure
RESCUE_S = 30.0  # until a deposed leader has cut what nobody else has
# Faults, acts and workloads that take machines or disks away, and what was rescued on them.
FORGETTING = ("leave", "lost_voter", "members", "new_disk", "rotten_log", "wipe")


class Suffix(msgspec.Struct):
    """Records that a promotion cut."""

    level: str
    tokens: list[str]
    failed: int = 0  # of its commands, when it was replayed


class Catalogue(Workload):
    """Puts, reads of a generation, and an operator."""

    def __init__(self, world: World, config: Config) -> None:
        super().__init__(world, config)
        self.record = Record(world)
        random = world.stream("catalogue")
        struck = (*config.faults, *config.workloads, *(step.do for step in config.script))
        self.forgetful = any(name in FORGETTING for name in struck)
        # ``any:1`` survives the loss of one disk, and waits for a person if a second one is lost.
        lasting = 1 < config.nodes < (5 if self.forgetful else MEMBERS_MAX + 1)
        self.levels = [level for level in LEVELS if lasting or level != "any:1"]
        self.risked = [level for level in self.levels if random.random() < 0.3]
        self.accepted: dict[str, None] = {}  # lines that somebody accepted loss on
        self.operated_s = random.choice((1e9, 2.0, 4.0))
        self.versions: dict[str, dict[str, int]] = {}  # in the end, by level and token
        self.suffixes: list[Suffix] = []
        self.replayed: dict[str, list[str]] = {}  # what was there once suffixes were replayed
        self._puts = 0

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for level in self.levels:
            await store.table(_name(level), Leader(level, line="own"))

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        names = [f"l{number}" for number in range(self.config.clients)]
        clients: dict[str, Program] = {name: partial(self._client, name) for name in names}
        return clients | {"operator": self._operator}

    # ------------------------------------------------------------------ clients

    async def _client(self, name: str, network: SimNetwork) -> None:
        async with self.world.store(network, LIMITS) as store:
            await self.each(name, partial(self._use, _Visitor(name, store)))

    async def _use(self, visitor: "_Visitor", random: Random) -> None:
        level = random.choice(self.levels)
        try:
            table = await visitor.table(level)
            if random.random() < 0.6:
                await self._put(visitor, table, level, random)
            else:
                await self._read(visitor, table, level, random)
        except SessionLost:
            visitor.begin()
            raise

    async def _put(
        self, visitor: "_Visitor", table: plait.Table, level: str, random: Random
    ) -> None:
        token = self.record.token(visitor.name)
        generation = self._generation()
        self._puts += 1
        acks = random.choice(("majority", "all")) if random.random() < 0.2 else None
        put = table.put(f"{generation}/{token}", token, acks=acks)
        await self.record.do(
            token, "put", put, key=level, argument=(generation, acks), who=visitor.session_name
        )

    async def _read(
        self, visitor: "_Visitor", table: plait.Table, level: str, random: Random
    ) -> None:
        token = self.record.token(visitor.name)
        generation = self._generation()
        source, lag_s = random.choice(READ_FROM), random.choice(LAGS_S)

        async def read() -> list[str]:
            pairs = table.scan(prefix=f"{generation}/", read=source, max_lag=lag_s)  # type: ignore[arg-type]
            return [value async for _, value in pairs]

        await self.record.do(
            token, "read", read(), key=level, argument=(generation, source, lag_s),
            who=visitor.session_name,
        )  # fmt: skip

    def _generation(self) -> str:
        return f"{self._puts // (GENERATION * len(self.levels)):04}"

    # ------------------------------------------------------------------ the operator

    async def _operator(self, network: SimNetwork) -> None:
        random = self.random("operator")
        async with self.world.store(network, LIMITS) as store:
            while not self.over:
                await asyncio.sleep(min(exponential(random, self.operated_s), 5.0))
                if self.over or self.operated_s > self.config.work_s:
                    continue
                try:
                    async with asyncio.timeout(GIVE_UP_S):
                        await self._operate(store, random)
                except (PlaitError, TimeoutError) as error:
                    self.world.trace.note("error", "operator", f"{type(error).__name__}: {error}")

    async def _operate(self, store: plait.Store, random: Random) -> None:
        level, target = random.choice(self.levels), random.choice(list(self.world.nodes))
        line = (await store.table(_name(level))).line
        if random.random() < 0.4:
            self.world.trace.note("switch over", "operator", line, target)
            await store.switch_over(target, line, GIVE_UP_S)
            return
        accepts = level in self.risked and random.random() < 0.5
        if accepts:
            self.accepted[level] = None
        node = random.choice((target, None))
        self.world.trace.note("promote", "operator", f"{line} {accepts}", node or "")
        await store.promote(node, line, accepts, GIVE_UP_S)

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        tables = {}
        for level in self.levels:
            tables[level] = await self.insist(partial(store.table, _name(level)))
            self.versions[level] = await self.insist(partial(_versions, tables[level]))
        until = self.world.now() + RESCUE_S
        places = await self.insist(partial(self._rescue, store, tables))
        while any(self._gone(level) for level in self.levels) and self.world.now() < until:
            await asyncio.sleep(1.0)
            places = await self.insist(partial(self._rescue, store, tables))
        for suffix, (node, number) in zip(self.suffixes, places, strict=True):
            counts = await self.insist(partial(store.replay_rescued, node, number))
            suffix.failed = len(counts["failed"])
        for level, table in tables.items():
            self.replayed[level] = list(await self.insist(partial(_versions, table)))

    async def _rescue(
        self, store: plait.Store, tables: dict[str, plait.Table]
    ) -> list[tuple[str, int]]:
        """Look for rescued suffixes; (node, number) of each."""
        levels = {table.line: level for level, table in tables.items()}
        found, places = [], []
        for row in await store.rescued():
            if row["line"] in levels:
                places.append((row["node"], row["rescued"]))
                shown = (await store.show_rescued(*places[-1]))["shown"]
                tokens = [record["value"] for record in shown if record["command"] == "put"]
                found.append(Suffix(levels[row["line"]], tokens))
        self.suffixes = found
        return places

    def _rescued(self, level: str) -> dict[str, None]:
        suffixes = [suffix for suffix in self.suffixes if suffix.level == level]
        return {token: None for suffix in suffixes for token in suffix.tokens}

    def _gone(self, level: str) -> list[Deed]:
        """What was acknowledged and is neither there nor rescued."""
        kept = self._rescued(level) | dict.fromkeys(self.versions[level])
        return [deed for deed in self.record.answered("put", key=level) if deed.token not in kept]

    # ------------------------------------------------------------------ the judge

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        for level in self.levels:
            yield from self._judge_puts(level)
            yield from self._judge_reads(level)
            yield from self._judge_sessions(level)
        for suffix in self.suffixes:
            there = self.replayed[suffix.level]
            lacking = [token for token in suffix.tokens if token not in there]
            if len(lacking) > suffix.failed:
                yield f"{suffix.level}: replayed, and not there: {', '.join(lacking)}"

    def _lossless(self, level: str) -> bool:
        return level != "leader" and level not in self.accepted

    def _judge_puts(self, level: str) -> Iterator[str]:
        versions = self.versions[level]
        for deed in self.record.answered("put", key=level):
            stricter = deed.argument[1] is not None and level not in self.accepted
            if deed.token not in versions and (stricter or self._lossless(level)):
                yield f"{level}: {deed.token} was acknowledged and is lost"
        for deed in [] if self.forgetful else self._gone(level):
            yield f"{level}: {deed.token} was acknowledged, is lost and was not rescued"
        for token in versions:
            found = self.record.deeds.get(token)
            if found is None or found.fate == "refused":
                yield f"{level}: {token} was refused for certain, or never asked for, and is there"

    def _judge_reads(self, level: str) -> Iterator[str]:
        versions, rescued = self.versions[level], self._rescued(level)
        order = sorted((token for token in versions if token not in rescued), key=versions.get)  # type: ignore[arg-type]
        puts = self.record.answered("put", key=level)
        for read in self.record.answered("read", key=level):
            generation, *_ = read.argument
            where = f"{level}: read {read.token} of {read.argument}"
            whole = [t for t in order if self.record.deeds[t].argument[0] == generation]
            if not is_prefix([token for token in whole if token in read.result], whole):
                yield f"{where} saw {read.result}, which begins no line of {whole}"
            for token in read.result:
                cut = token in rescued or self.forgetful
                if token not in versions and (self._lossless(level) or not cut):
                    yield f"{where} saw {token}, which was never committed"
                elif self.record.deeds[token].fate == "refused":
                    yield f"{where} saw {token}, which was refused for certain"
            for put in puts:
                if (
                    put.argument[0] == generation
                    and put.token not in read.result
                    and put.token in whole
                    and self._too_late(put, read)
                ):
                    yield f"{where} lacks {put.token}, acknowledged at {put.ended_s:.3f} s"

    def _too_late(self, put: Deed, read: Deed) -> bool:
        """Whether `put` was acknowledged so long ago that `read` must show it."""
        _, source, lag_s = read.argument
        if put.key in self.accepted or (lag_s is None and source != "leader"):
            return False
        lease_s = self.config.limits.get("lease_s", Limits().lease_s)
        assert put.ended_s is not None
        return put.ended_s < read.started_s - (lag_s or 0.0) - lease_s - SLACK_S

    def _judge_sessions(self, level: str) -> Iterator[str]:
        """A session reads its own writes, and sees nothing disappear."""
        seen: dict[tuple[str, str], dict[str, str]] = {}  # why a session must see what it must
        for deed in self.record.of("put", "read", key=level):
            must = seen.setdefault((deed.who, deed.argument[0]), {})
            if deed.error == SessionLost.__name__ and self._lossless(level):
                yield f"{level}: {deed.who} was lost, though nothing may be cut"
            if deed.fate != "acknowledged":
                continue
            if deed.f == "put":
                must[deed.token] = "its own put"
                continue
            for token, why in must.items():
                if token not in deed.result:
                    yield f"{level}: {deed.who} reads {deed.token} without {token}, {why}"
            must.update(dict.fromkeys(deed.result, f"seen by {deed.token}"))


class _Visitor:
    """A client, with one session after another."""

    def __init__(self, name: str, store: plait.Store) -> None:
        self.name = name
        self._store = store
        self._sessions = 0
        self.begin()

    def begin(self) -> None:
        """A new session, which has seen nothing."""
        self._sessions += 1
        self._session = self._store.session()
        self._tables: dict[str, plait.Table] = {}

    @property
    def session_name(self) -> str:
        """Of the session that goes on."""
        return f"{self.name}/{self._sessions}"

    async def table(self, level: str) -> plait.Table:
        """A table, through the session."""
        if level not in self._tables:
            self._tables[level] = await self._session.table(_name(level))
        return self._tables[level]


def _name(level: str) -> str:
    return "catalogue-" + level.replace(":", "-")


async def _versions(table: plait.Table) -> dict[str, int]:
    """What is there, with the versions that tell the order."""
    keys = [key async for key, _ in table.scan()]
    rows = await asyncio.gather(*(table.get_row(key) for key in keys))
    return {row.value: row.version for row in rows if row is not None}
