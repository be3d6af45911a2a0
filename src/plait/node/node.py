"""A node: one folder, the lines on it, and links to the other members.

The *control line*, a consensus group, says which tables and lines exist; the node keeps its set
of open lines equal to that (`reconcile`). Its membership is who the nodes are and where they are
found: links follow it. Messages between members are routed by the line that they name.

Absent: stores and clients; `local` serves the one, `service` the other.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from plait.base.codec import encode
from plait.base.errors import BadSettings, Closed, NotLeader, PlaitError
from plait.base.ports import Clock, Network, Random, Storage
from plait.host.memory import resident_bytes
from plait.line.membership import Membership
from plait.line.outcome import Outcome
from plait.node.audit import AuditReport, Audits, CopyWanted
from plait.node.choices import Choices, elsewhere
from plait.node.config import MEMBERS_MAX, NodeConfig
from plait.node.control_metastore import order
from plait.node.degradation import Degradation
from plait.node.distrust import begin_anew, remembers_others
from plait.node.engines import Engines
from plait.node.failover import Failover, Report
from plait.node.failures import raise_failure
from plait.node.followers import Followers
from plait.node.graphs import Graphs
from plait.node.history import History
from plait.node.lease import Lease
from plait.node.lending import Lending
from plait.node.line_host import LineHost
from plait.node.line_opening import LineOpening
from plait.node.lines import CONTROL, open_control
from plait.node.moves import Moves
from plait.node.pasts import Pasts
from plait.node.peers import Link, greeting
from plait.node.placement import Placement
from plait.node.relays import Relays
from plait.node.reopening import Reopening
from plait.node.rescue import Rescue
from plait.node.rights import Rights
from plait.node.roster import Roster
from plait.node.rounds import Rounds
from plait.node.said import ChainWanted, GraphSaid, TailTold, TailWanted
from plait.node.segments import line_of
from plait.node.sources import Sources
from plait.node.space import Space
from plait.node.tails import Tails
from plait.node.tasks import Tasks
from plait.node.versions import Versions
from plait.node.zones import NodeZones
from plait.types.commands import Command, encode_group
from plait.types.control import ControlMachine
from plait.types.machines import Machines

RECONCILE_S = 0.25
LEAD_S = 5.0


class Node:
    """One process of a store."""

    def __init__(
        self,
        config: NodeConfig,
        storage: Storage,
        network: Network | None,
        clock: Clock,
        random: Random,
        cluster: str,
        folder: str = "",
    ) -> None:
        self.config = config
        self.cluster, self.folder = cluster, folder
        self.name = config.name
        self.storage = storage
        self.clock = clock
        self.rescue = Rescue(storage.log)
        self.control_machine = ControlMachine()
        self.machines = Machines(random, config.machines)
        self.control: LineHost
        self.address = config.listen
        self.doors: dict[str, str] = {}  # where else it is found, by what is spoken there
        self.started = clock.monotonic()
        self.links: dict[str, Link] = {}
        self.on_members: Callable[[], None] = lambda: None  # nodes came or went
        self._met: dict[str, str] = {}  # who dialled, and where they are found
        self.lines: dict[str, LineHost] = {}
        self.closed = False
        self._network = network
        self.random = random
        self._tasks = Tasks()
        self.opening = asyncio.Lock()  # of lines; held by whoever opens or closes some
        self.line_opening = LineOpening(self)
        self._degradation = Degradation(self)
        self.lease = Lease(self)
        self.failover = Failover(self)
        self.versions = Versions(self)
        self.rights = Rights(self)
        self.audits = Audits(self)
        self.followers = Followers(self)
        self.choices = Choices(self)
        self.sources = Sources(self)
        self.graphs = Graphs(self)
        self.refused: BadSettings | None = None  # why this is no node of its store
        self.roster = Roster(self)
        self.zones = NodeZones(self)
        self.engines = Engines(self)
        self.relays = Relays(self)
        self.moves = Moves(self)
        self.tails = Tails(self)
        self.reopening = Reopening(self)
        self.history = History(self)
        self.pasts = Pasts(self)
        self.lending = Lending(self)
        self.room: Callable[[], tuple[int, int] | None] = lambda: None  # free on the disk, and all
        self.space = Space(self)
        self._rounds = Rounds(
            self._tasks.report, self._degradation, Placement(self), self.failover, self.lease,
            self.versions, self.audits, self.roster, self.space, self.zones, self.followers,
            self.rights, self.sources, self.choices,
        )  # fmt: skip
        self.down: set[str] = set()  # peers whose connections broke
        self.memory_bytes: Callable[[], int] = resident_bytes  # of this process

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Open what the folder holds and link up with the other members."""
        others = not self.config.alone or remembers_others(self.storage, self.name)
        if self.storage.log.suspect is not None and others:
            await begin_anew(self.storage)
        await self.open_control()
        await self.reconcile()
        if self.alone and self.storage.log.read_only is None:
            for host in self.hosts():
                await host.led(LEAD_S)  # nobody else can: an open store is ready to be written
        self.spawn(self._follow_control())
        self.spawn(self.reopening.watch())
        self.spawn(self.moves.watch())
        self._rounds.start()
        self.history.start()
        if self.config.engine and self.name not in self.membership.witnesses:
            self.relays.of_cluster(self.config.engine, self.cluster)

    async def open_control(self) -> None:
        """Open the line that says which others there are."""
        self.control = await open_control(self)
        raft = self.control.raft
        if raft is not None:
            raft.driver.on_members = self.members_changed
            self._link_up()
        await self.control.start()
        self.rights.unsettled.begin(self.storage.log, self.control, self.spawn)
        if raft is None:
            await self.control.caught_up()
            await self.roster.enlist()
            self._link_up()
        self.versions.check_folder()
        if raft is not None and self.config.first_leader == self.name and not raft.committed:
            raft.stand()  # a new cluster need not wait for the first doubt
        if self.alone and not self.storage.log.suspect:
            await self.control.replica.wait_applied(self.control.loglet.committed)

    def members_changed(self) -> None:
        """Nodes came or went."""
        self._link_up()
        self.on_members()

    def _link_up(self) -> None:
        """Dial whom the control line names, and who dialled; hang up on who left."""
        if self._network is None:
            return
        retired = self.membership.retired
        met = {peer: address for peer, address in self._met.items() if peer not in retired}
        members = met | self.members
        for peer in [name for name in self.links if name not in members]:
            self.spawn(self.links.pop(peer).close())
        for peer, address in sorted(members.items()):
            known = self.links.get(peer)
            if peer == self.name or (known is not None and known.address == address):
                continue
            if known is not None:
                self.spawn(known.close())
            link = self.dial(peer, address, self._peer_up, self.peer_down)
            assert link is not None
            self.links[peer] = link

    def dial(
        self, peer: str, address: str, up: Callable[[str], None], down: Callable[[str], None]
    ) -> Link | None:
        """Keep up a connection to a node; None if this one has no network."""
        if self._network is None:
            return None
        here = self.members.get(self.name, self.address)
        hello = greeting(self.cluster, self.config, self.name, here, self.versions.reads)
        return Link(
            peer, address, hello, self._network, self.clock, self.random, up, down,
            self.config.limits.peer_unsent_bytes_max, lambda: self.zones.crosses(peer),
        )  # fmt: skip

    def meet(self, peer: str, address: str) -> None:
        """A member dialled: it is answered even by whoever does not know it, or anybody, yet."""
        if address and self._met.get(peer) != address and len(self._met) < MEMBERS_MAX:
            self._met[peer] = address
            if peer not in self.members:
                self._link_up()

    # ------------------------------------------------------------------ members

    @property
    def membership(self) -> Membership:
        """Who the nodes of the cluster are, as this node knows it."""
        return self.control.membership if self.control.group else self.roster.membership

    @property
    def member_names(self) -> tuple[str, ...]:
        """The nodes that vote, in a fixed order."""
        return self.membership.voters

    @property
    def members(self) -> dict[str, str]:
        """Every node and its address, learners too."""
        return dict(self.membership.addresses)

    @property
    def alone(self) -> bool:
        """Whether there is no other node."""
        return self.membership.members == (self.name,)

    async def close(self) -> None:
        """Stop: flush states, close lines, hang up."""
        if self.closed:
            return
        for copies in (self.pasts, self.lending, self.history):
            await copies.close()
        self.closed = True
        self._rounds.stop()
        await self.relays.close()
        await self._tasks.close()
        await self.close_lines()
        await self.engines.close()
        for link in self.links.values():
            await link.close()
        await self.storage.close()

    async def close_lines(self) -> None:
        """Close everything that stands on the folder, and leave the folder open."""
        await self.graphs.close()
        control = getattr(self, "control", None)  # none where it could not be opened
        for host in [*self.lines.values(), *([control] if control else [])]:
            await host.close()
        self.lines.clear()

    def spawn(self, work: Any) -> None:
        """Run something for as long as the node lives."""
        self._tasks.spawn(work)

    def report(self, message: str, error: BaseException) -> None:
        """Note an error that nobody waits for."""
        self._tasks.report(message, error)

    def adopt_rules(self) -> None:
        """Count on every line what the control line says."""
        self._degradation.adopt()

    # ------------------------------------------------------------------ lines

    async def _follow_control(self) -> None:
        while True:
            replica, applied = self.control.replica, self.control.replica.applied
            try:
                await self.reconcile()
                # a look now and then, for being admitted is no entry of the log
                await replica.wait_applied(applied + 1, timeout=RECONCILE_S)
            except PlaitError:
                await asyncio.sleep(RECONCILE_S / 10)

    async def reconcile(self) -> None:
        """Open every line that the control line knows."""
        async with self.opening:
            if self.reopening.shut or self.control.fresh:
                return  # once admitted it is known which lines an older disk may have had
            await self.line_opening.open_all()
            await self.graphs.reconcile()

    def host(self, line: str) -> LineHost:
        """The line at this node; `TooStale` if it is not known here (yet), `NotLeader` if it is
        not followed."""
        if line == CONTROL:
            return self.control
        host = self.lines.get(line)
        if host is None:
            raise self.line_opening.absence(line)
        return host

    def folded(self, line: str) -> LineHost:
        """The line at this node, where it keeps the state; `NotLeader` at a witness."""
        host = self.host(line)
        if not host.folds:
            raise self.no_state(host)
        return host

    def no_state(self, host: LineHost) -> PlaitError:
        """The refusal of a witness: it names the leader, or somebody else who keeps the state."""
        what = f"{self.name} is a witness: it keeps the log of {host.line} and no state"
        return self.located(host.line, NotLeader(what, leader=elsewhere(self, host.leader)))

    def hosts(self) -> list[LineHost]:
        """Every open line, the control line first."""
        return [self.control, *self.lines.values()]

    def hear(self, peer: str, message: Any) -> None:
        """A member said something."""
        self.down.discard(peer)
        match message:
            case Report():
                self.failover.hear(peer, message)
            case AuditReport() | CopyWanted():
                self.audits.hear(peer, message)
            case GraphSaid():
                self.graphs.hear(peer, message)
            case ChainWanted():
                self.spawn(order(self, message))
            case TailWanted() | TailTold():
                self.tails.hear(peer, message)
            case _:
                line = line_of(message.line)
                host = self.control if line == CONTROL else self.lines.get(line)
                if host is not None:
                    host.hear(peer, message)

    def send(self, peer: str, message: Any) -> None:
        """Say something to a member; it may be lost."""
        link = self.links.get(peer)
        if link is not None:
            link.send(message)

    def _peer_up(self, peer: str) -> None:
        self.down.discard(peer)
        if peer in self.links:
            self.versions.note(peer, self.links[peer].reads)
        for host in self.hosts():
            host.peer_up(peer)
        self.graphs.peer_up(peer)

    def peer_down(self, peer: str) -> None:
        """A connection with a member broke: lines that it leads need not wait for its silence."""
        if not self.closed:
            self.down.add(peer)
            if peer not in self.links or not self.links[peer].up:  # else only theirs to us broke
                self.graphs.peer_down(peer)
            for host in self.hosts():
                host.peer_down(peer)

    # ------------------------------------------------------------------ ordering, addresses

    async def command(self, line: str, command: Command) -> Outcome:
        """Order one command on a line led here; its failure is raised."""
        group = encode_group(0, 0, 0, [encode(command)])
        try:
            outcome = await self.host(line).propose(group)
        except PlaitError as error:
            raise self.located(line, error) from None
        raise_failure(outcome)
        return outcome

    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Every member and where clients find it."""
        return tuple(sorted((self.members | {self.name: self.address}).items()))

    def located(self, line: str, error: PlaitError) -> PlaitError:
        """A refusal with the leader's address in it."""
        if not isinstance(error, NotLeader):
            return error
        leader = error.leader
        address = dict(self.addresses()).get(leader or "")
        return NotLeader(error.message, leader=leader, address=address)

    def not_leader(self, host: LineHost) -> PlaitError:
        """The refusal of a line that is led elsewhere."""
        refusal = NotLeader(f"{self.name} does not lead {host.line}", leader=host.leader)
        return self.located(host.line, refusal)

    async def knows_all(self) -> None:
        """Return once this node can say what there is not: it leads the control line, and has
        applied what was decided before it led. `NotLeader` at any other."""
        if not self.control.leads:
            raise self.not_leader(self.control)
        await self.control.caught_up()

    def check_open(self) -> None:
        """Raise `Closed` after the end, or why this is no node of its store."""
        if self.closed:
            raise Closed("the store was closed")
        if self.refused is not None:
            raise self.refused
