"""Lines move between the nodes' own disks and two shared engines, while they are in use.

Operators move one line after another to wherever chance says, and care little for the answer: what
was begun goes on by itself, or another move finds it. Under the moves run the counters and the
feeds of other workloads, with collections of their own, some of which begin on an engine, and the
judges of those: nothing acknowledged is lost or counted twice, and a feed goes on without a gap.

In some worlds an engine is left by all lines and switched off for ever, and who was away meanwhile
must do without; a move to it that had begun is sent elsewhere, by order if need be. In the end no
move is under way, and all nodes have the same chain and state.
Absent: moves of lines that others' workloads use.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial

import plait
from plait import Consensus, Leader
from plait.base.errors import PlaitError
from plait.engines.chain import Chain
from plait.line.chain import Configuration, Next
from plait.node.line_host import LineHost
from plait.node.segments import place_of
from plait.sim.chance import exponential
from plait.sim.config import Config
from plait.sim.engine import URLS
from plait.sim.network import SimNetwork
from plait.sim.workloads.counters import Counters
from plait.sim.workloads.feeds import Feeds
from plait.sim.workloads.workload import LIMITS, Program, Workload
from plait.sim.world import World

NATS, POSTGRESQL = URLS["nats"], URLS["postgresql"]
OPERATORS = 2
MOVE_S = 1.0  # between two moves of an operator, on average
TRY_S = 6.0
SETTLE_S = 45.0
LOOK_S = 0.25

COUNTERS: dict[str, Consensus | Leader] = {
    "moved-hits": Consensus(),
    "moved-visits": Leader(),
    "engine-hits": Consensus(engine=NATS),
}
TABLES: dict[str, Consensus | Leader] = {
    "moved-agreed": Consensus(line="own"),
    "moved-led": Leader(line="own"),
    "engine-news": Consensus(line="own", engine=POSTGRESQL),
}


class MovedCounters(Counters):
    """Exactly-once increments on machines whose lines move."""

    counters = COUNTERS
    prefix = "mc"


class MovedFeeds(Feeds):
    """Feeds of tables whose lines move."""

    tables = TABLES
    prefix = "m"
    watchers = (
        ("moved-agreed", "", True),
        ("moved-led", "", True),
        ("engine-news", "", True),
        ("moved-led", "a", False),
    )


class Moves(Workload):
    """Operators, and everybody who must not notice."""

    machines = Counters.machines
    records = 4
    engines = tuple(URLS)

    def __init__(self, world: World, config: Config) -> None:
        self._inner: tuple[Workload, ...] = ()
        self._over, self._moves = False, 0
        super().__init__(world, config)
        self._feeds = MovedFeeds(world, config)
        self._inner = MovedCounters(world, config), self._feeds
        self.unsettled = ""
        self._retired = ""  # where nobody moves to any more
        self._gone = False  # it is switched off
        self._latest = next(iter(COUNTERS))  # what was last moved, by whomever
        self._at: dict[str, str] = {}  # where each collection's line is, as operators were told

    # Whoever sets these sets those of the workloads inside.

    @property
    def over(self) -> bool:
        """See `Workload`."""
        return self._over

    @over.setter
    def over(self, over: bool) -> None:
        """The work is over for those within, too."""
        self._over = over
        for workload in self._inner:
            workload.over = over

    @property
    def operations(self) -> int:
        """See `Workload`."""
        return self._moves + sum(workload.operations for workload in self._inner)

    @operations.setter
    def operations(self, operations: int) -> None:
        self._moves = operations

    async def prepare(self, store: plait.Store) -> None:
        """See `Workload`."""
        for workload in self._inner:
            await workload.prepare(store)

    def programs(self) -> Mapping[str, Program]:
        """See `Workload`."""
        programs: dict[str, Program] = {}
        for number in range(OPERATORS):
            programs[f"mover{number}"] = partial(self._operate, f"mover{number}")
        programs["retirer"] = partial(self._retire, "retirer")
        for workload in self._inner:
            programs |= workload.programs()
        return programs

    # ------------------------------------------------------------------ the operators

    async def _operate(self, name: str, network: SimNetwork) -> None:
        random, settings = self.random(name), COUNTERS | TABLES
        async with self.world.store(network, LIMITS) as store:
            while not self.over:
                await asyncio.sleep(exponential(random, MOVE_S))
                if random.random() < 0.5:  # else where somebody else may be at it
                    self._latest = random.choice(list(settings))
                what = self._latest
                places = [_own(settings[what]), NATS, POSTGRESQL]
                places = [to for to in places if to not in (self._at.get(what), self._retired)]
                to = random.choice(places)
                for _ in range(random.choice((1, 1, 3))):
                    if await self._move(store, name, what, to):
                        break

    async def _move(
        self, store: plait.Store, name: str, what: str, to: str, forced_by: str = ""
    ) -> bool:
        self.world.trace.note("invoke", name, f"move {what} to {to}")
        try:
            report = await store.move(
                what, to, timeout_s=TRY_S, forced_by=forced_by, accept_loss=bool(forced_by)
            )
        except PlaitError as error:
            self.world.trace.note("error", name, f"{type(error).__name__}: {error}")
            return False
        self.world.trace.note("ok", name, f"{what} is at {report['to']} from {report['at']} on")
        self._at[what] = to
        self._moves += 1
        return True

    async def _retire(self, name: str, network: SimNetwork) -> None:
        """In some worlds an engine is left, and switched off once most nodes have what it had."""
        random = self.random(name)
        scheme = random.choice((*URLS, None, None))
        await asyncio.sleep(random.uniform(0.3, 0.9) * self.config.work_s)
        if scheme is None:
            return
        self._retired = URLS[scheme]
        async with self.world.store(network, LIMITS) as store:
            while any(self._still_at(self._retired)) or not self._is_left(self._retired):
                await asyncio.sleep(LOOK_S)
                for what in self._still_at(self._retired):
                    others = [url for url in URLS.values() if url != self._retired]
                    own = _own((COUNTERS | TABLES)[what])
                    await self._move(store, name, what, random.choice((own, *others)))
        self._feeds.unreadable = self._gone = True
        self.world.engines[scheme].retire()

    async def _send_back(self, store: plait.Store) -> None:
        """What began to move to that engine before goes elsewhere: nothing can stand there yet."""
        for what, configuration in list(self._newest()):
            there = place_of(configuration.last.loglet) == self._retired
            intent = configuration.intent
            if there or (isinstance(intent, Next) and place_of(intent) == self._retired):
                by = "finish" if there else ""
                await self._move(store, "finish", what, _own((COUNTERS | TABLES)[what]), by)

    def _still_at(self, url: str) -> Iterator[str]:
        """The lines that an up-to-date node would say to be there, or on their way."""
        for what, configuration in self._newest():
            if configuration.intent is not None or place_of(configuration.last.loglet) == url:
                yield what

    def _newest(self) -> Iterator[tuple[str, Configuration]]:
        """Where each line is, as far as any node that is up knows."""
        nodes = [machine.node for machine in self.world.up()]
        hosts = [host for node in nodes if node for host in node.lines.values()]
        for what in COUNTERS | TABLES:
            found = [host.loglet for host in hosts if _collection(host) == what]
            chains = [loglet for loglet in found if isinstance(loglet, Chain)]
            if chains:
                yield what, max(chains, key=lambda chain: chain.version).configuration

    def _is_left(self, url: str) -> bool:
        """Whether most nodes have on their disks all that any line had there, and go on there."""
        machines, settled = list(self.world.nodes.values()), 0
        for machine in machines:
            lines = {} if machine.node is None else machine.node.lines
            found = [host for host in lines.values() if _collection(host) in COUNTERS | TABLES]
            left = all(_has_left(host, url) for host in found)
            settled += left and len(found) == len(COUNTERS | TABLES)
        return 2 * settled > len(machines)

    # ------------------------------------------------------------------ the end

    async def finish(self, store: plait.Store) -> None:
        """See `Workload`."""
        until = self.world.now() + SETTLE_S
        while (unsettled := "; ".join(self._unsettled())) and self.world.now() < until:
            await asyncio.sleep(LOOK_S)
            if self._gone:
                await self._send_back(store)
        self.unsettled = unsettled
        for workload in self._inner:
            await workload.finish(store)

    def _unsettled(self) -> Iterator[str]:
        """What is not yet as it must become."""
        nodes = {machine.name: machine.node for machine in self.world.nodes.values()}
        for name in COUNTERS | TABLES:
            hosts: dict[str, LineHost] = {}
            for who, node in nodes.items():
                found = node and [host for host in node.lines.values() if _collection(host) == name]
                if found:
                    hosts[who] = found[0]
                else:
                    yield f"{who} has no {name}"
            yield from _different(name, hosts)

    def judge(self) -> Iterator[str]:
        """See `Workload`."""
        if self.unsettled:
            yield f"{SETTLE_S:g} s after everything was mended: {self.unsettled}"
        for workload in self._inner:
            yield from workload.judge()


def _own(settings: Consensus | Leader) -> str:
    return "raft" if isinstance(settings, Consensus) else "primary"


def _collection(host: LineHost) -> str:
    return host.line.rpartition("/")[2]


def _has_left(host: LineHost, url: str) -> bool:
    assert isinstance(host.loglet, Chain)
    configuration = host.loglet.configuration
    elsewhere = place_of(configuration.last.loglet) != url and configuration.intent is None
    return elsewhere and bool(host.status()["gone_over"])


def _different(name: str, hosts: Mapping[str, LineHost]) -> Iterator[str]:
    """In what the nodes that carry a line are not all alike."""
    seen: dict[str, list[str]] = {}
    for who, host in hosts.items():
        chain, replica = host.loglet, host.replica
        assert isinstance(chain, Chain)
        if chain.configuration.intent is not None:
            yield f"{name} is on its way at {who}: {chain.configuration.intent}"
        if replica.halted is not None:
            yield f"{name} halted at {who}: {replica.halted}"
        state = replica.ledger.hash.hex(), replica.machine.digest().hex()
        where = chain.version, len(chain.configuration.segments), replica.applied, *state
        seen.setdefault(str(where), []).append(who)
    if len(seen) > 1:
        yield f"{name}: version, segments, applied and state are not the same: {seen}"
