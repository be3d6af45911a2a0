"""The cluster as a client knows it: members, links to them, and who leads which line.

Members are learned from every welcome, which nodes repeat when members come or go; links are opened
when somebody needs them and shared. Who leads a line is asked for (`Where`), told by refusals
(`NotLeader`), remembered, and forgotten as soon as an attempt at that node fails. A line whose
leader failed once is *doubted*: the next search asks every member that can be reached and believes
the highest epoch, since a deposed leader may believe in itself for a while.

Invariant: at most one live link a node, at most one dial an address. Absent: retries.
"""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

from plait.api.messages import Located, Welcome, Where
from plait.api.port import Here
from plait.base.errors import (
    BadCertificate,
    Closed,
    NotLeader,
    NotSignedIn,
    PlaitError,
    Unavailable,
)
from plait.base.ports import Clock, Network, Random
from plait.client.address import ClusterAddress
from plait.client.attempts import Attempts, is_transient
from plait.client.limits import ClientLimits
from plait.client.link import Link
from plait.line.entry import NO_EPOCH

MEMBERS_MAX = 1024
WHERE_S = 0.25


class Cluster:
    """Links to the nodes of one cluster."""

    def __init__(
        self,
        network: Network,
        address: ClusterAddress,
        random: Random,
        clock: Clock,
        limits: ClientLimits,
        name: str = "",
        only: bool = False,
        zone: str = "",
        token: str = "",
        past: str = "",
    ) -> None:
        self.limits = limits
        self.random = random
        self.clock = clock
        self.members: dict[str, str] = {}  # name to client address
        self.zone = zone  # where this client is, if it was told
        self.zones: dict[str, str] = {}  # where members are, of those that have a zone
        self._network = network
        self._seeds = address.addresses
        self._cluster = address.cluster  # the id that every node must have, once known
        self._name = name
        self._token = token
        self._past = past  # what one node offered to serve; "": the present
        self._only = only  # keep to the seeds
        self._links: dict[str, Link] = {}  # by node name; live ones only
        self._dials: dict[str, asyncio.Task[Link]] = {}  # by address
        self._leaders: dict[str, str] = {}  # line to node name
        self._answered: dict[str, None] = {}  # addresses that a node was found at
        self._doubted: dict[str, None] = {}  # lines whose leader failed since it was found
        self._unwelcome: PlaitError | None = None  # what the latest node said that let nobody in
        self._turn = count()
        self._closed = False

    async def start(self) -> None:
        """Connect to any node, within `start_s`; else `Unavailable` that names each failure."""
        attempts = self.attempts(self.limits.start_s)
        while True:
            try:
                await self.any_link()
                return
            except Unavailable as error:
                attempts.note("connect", error)
            if not attempts.left_s:
                raise attempts.gave_up("connecting to the cluster")
            await attempts.pause()

    def of_past(self, node: str, past: str) -> "Cluster":
        """The one node that offered a past, and that alone, as another cluster."""
        address = ClusterAddress((self.members[node],))
        return Cluster(
            self._network, address, self.random, self.clock, self.limits, self._name, True,
            self.zone, self._token, past,
        )  # fmt: skip

    def attempts(self, timeout_s: float) -> Attempts:
        """A fresh set of attempts with this client's limits."""
        return Attempts(self.limits, self.random, timeout_s)

    def live(self) -> list[Link]:
        """Every live link, in order of connecting."""
        return [link for link in self._links.values() if link.live]

    @property
    def here(self) -> Here:
        """The node that was connected to first, of those that answer; `Unavailable` if none."""
        for link in self.live():
            who = link.welcome.who if link.welcome else ""
            return Here(link.node, self._cluster, who)
        raise Unavailable("no node can be reached")

    def nearby(self, link: Link) -> bool:
        """Whether a node is in this client's own zone."""
        return bool(self.zone) and self.zones.get(link.node) == self.zone

    def known_leader(self, line: str) -> str | None:
        """The node that leads the line, as far as is remembered."""
        return self._leaders.get(line)

    # ------------------------------------------------------------------------------ links

    async def link_to(self, node: str) -> Link:
        """The link to a member, opened if need be."""
        link = self._links.get(node)
        if link is not None and link.live:
            return link
        if self._only and node not in self.members:
            await self.reach_all()  # a seed's name is known once it has answered
        address = self.members.get(node)
        if address is None:
            raise Unavailable(f"no address is known for node {node!r}", node=node)
        link = await self._dial(address)
        if link.node != node:
            raise Unavailable(f"{address} is node {link.node!r} now, not {node!r}", node=node)
        return link

    async def any_link(self, avoid: Sequence[str] = ()) -> Link:
        """A live link, each in its turn; not to nodes in `avoid` if there are others."""
        links = self.live()
        if not links or all(link.node in avoid for link in links):
            await self._dial_until_one(avoid)
            links = self.live()
        others = [link for link in links if link.node not in avoid]
        if not (others or links):
            raise Unavailable("no node can be reached")
        return self.take_turn(others or links)

    def take_turn(self, links: Sequence[Link]) -> Link:
        """One of `links`, round robin."""
        return links[next(self._turn) % len(links)]

    async def reach_all(self, others: Sequence[str] = ()) -> list[Link]:
        """The live links after giving every other member, and `others`, a moment to connect."""
        addresses = dict.fromkeys((*self._unlinked(), *others))
        dials = [self._start_dial(address) for address in addresses]
        if dials:
            patience_s = self.limits.patience_s if self._links else self.limits.connect_s
            await asyncio.wait(dials, timeout=patience_s)  # the rest go on in the background
        return self.live()

    # ---------------------------------------------------------------------------- leaders

    async def leader(self, line: str) -> Link:
        """The link to the line's leader; `NotLeader` or `Unavailable` if there is none now."""
        node = self._leaders.get(line)
        if node is None:
            node = await self.locate(line)
        try:
            return await self.link_to(node)
        except PlaitError:
            self.doubt(line)
            raise

    async def locate(self, line: str) -> str:
        """Ask who leads the line, and remember it."""
        links = self.live()
        if not links or line in self._doubted:
            links = await self.reach_all()
        if not links and self._unwelcome is not None:
            raise self._unwelcome
        found = await self._ask_where(line, links)
        if found is None and (len(links) < len(self.members) or self._strangers()):
            found = await self._ask_where(line, await self.reach_all(self._strangers()))
        if found is None or found.leader is None:
            raise NotLeader(f"no node that can be reached knows a leader of line {line!r}")
        self._add_member(found.leader, found.address)
        self._leaders[line] = found.leader
        return found.leader

    def learn(self, line: str, refuser: str, error: PlaitError) -> bool:
        """Take what a failed attempt at the leader teaches; True if it named another one.

        A refusal is believed only while the line was not in doubt: two nodes that name each
        other, from old knowledge, must not keep us from asking the rest.
        """
        doubted = line in self._doubted
        self.doubt(line)
        node = self.pointed_at(error)
        if doubted or node is None or node == refuser:
            return False
        self._leaders[line] = node
        return True

    def pointed_at(self, error: PlaitError) -> str | None:
        """The node that a refusal names as the leader; its address is remembered."""
        if not isinstance(error, NotLeader) or error.leader is None:
            return None
        address = error.details.get("address")
        self._add_member(error.leader, address if isinstance(address, str) else None)
        return error.leader

    def doubt(self, line: str) -> None:
        """Forget who leads the line, and ask every member next time."""
        self._leaders.pop(line, None)
        self._doubted[line] = None

    def confirm(self, line: str) -> None:
        """The remembered leader acted as one."""
        self._doubted.pop(line, None)

    # ------------------------------------------------------------------------------ close

    async def close(self) -> None:
        """Close every link."""
        self._closed = True
        dials = list(self._dials.values())
        for dial in dials:
            dial.cancel()
        await asyncio.gather(*dials, return_exceptions=True)
        for link in list(self._links.values()):
            link.close()

    # ---------------------------------------------------------------------------- helpers

    async def _ask_where(self, line: str, links: Sequence[Link]) -> Located | None:
        """The answer of the highest epoch that names a leader."""
        best: Located | None = None
        asked = [
            asyncio.ensure_future(link.ask(Where, line, timeout_s=self.limits.connect_s))
            for link in links
        ]
        waiting: set[asyncio.Future[Any]] = set(asked)
        try:
            while waiting:
                # once somebody named a leader, whoever hangs is not waited for
                patience_s = None if best is None else WHERE_S
                done, waiting = await asyncio.wait(
                    waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    break
                for answer in [one for one in asked if one in done]:
                    found = None if answer.exception() is not None else answer.result()
                    if (
                        isinstance(found, Located)
                        and found.leader is not None
                        and found.epoch >= (best.epoch if best else NO_EPOCH)
                    ):
                        best = found
        finally:
            for late in asked:
                late.cancel()
        return best

    def _add_member(self, node: str, address: str | None) -> None:
        if self._only:
            return
        if address and (node in self.members or len(self.members) < MEMBERS_MAX):
            self.members[node] = address

    def _learn_members(self, welcome: Welcome) -> None:
        self.zones = dict(welcome.zones)
        for name, address in welcome.members:
            self._add_member(name, address)

    def _unlinked(self) -> list[str]:
        """Addresses that no live link leads to: members first, seeds while no member is known."""
        if self._only:
            linked_addresses = [self.members[link.node] for link in self.live()]
            return [seed for seed in self._seeds if seed not in linked_addresses]
        if not self.members:
            return list(self._seeds)
        linked = {link.node for link in self.live()}
        return [address for node, address in self.members.items() if node not in linked]

    def _strangers(self) -> list[str]:
        """Seeds that never answered: a linked node may not know of theirs, while it joins, say."""
        return [seed for seed in self._seeds if seed not in self._answered]

    async def _dial_until_one(self, avoid: Sequence[str]) -> None:
        """Open links one after another, beginning anywhere, until one outside `avoid` is live.

        All members may have moved while nobody looked: without a live link, the seeds are tried,
        and in the end those in `avoid`.
        """
        unwanted = {self.members[node] for node in avoid if node in self.members}
        seeds = self._strangers() if self.live() else self._seeds
        known = dict.fromkeys((*self._unlinked(), *seeds))
        addresses = [address for address in known if address not in unwanted]
        first = self.random.getrandbits(31) % len(addresses) if addresses else 0
        last = [] if self.live() else [address for address in known if address in unwanted]
        failures: list[PlaitError] = []
        for address in addresses[first:] + addresses[:first] + last:
            try:
                if (await self._dial(address)).node not in avoid:
                    return
            except PlaitError as error:
                failures.append(error)
        if not self.live():
            # A node of another cluster or version explains more than one that is down.
            for failure in failures:
                if not is_transient(failure):
                    raise failure
            reasons = "; ".join(failure.message for failure in failures)
            raise Unavailable(reasons or "no node can be reached")

    async def _dial(self, address: str) -> Link:
        # Shielded: several wait for one dial, and one that leaves must not end it for the others.
        return await asyncio.shield(self._start_dial(address))

    def _start_dial(self, address: str) -> "asyncio.Task[Link]":
        if self._closed:
            raise Closed("this client was closed")
        dial = self._dials.get(address)
        if dial is None:
            dial = asyncio.get_running_loop().create_task(self._open(address))
            self._dials[address] = dial
            dial.add_done_callback(lambda done: self._dialled(address, done))
        return dial

    def _dialled(self, address: str, dial: "asyncio.Task[Link]") -> None:
        self._dials.pop(address, None)
        if not dial.cancelled():
            error = dial.exception()  # seen, even if whoever asked has left
            if isinstance(error, NotSignedIn | BadCertificate):
                self._unwelcome = error
            elif error is None:
                self._unwelcome = None

    async def _open(self, address: str) -> Link:
        link = await Link.open(
            self._network, address, self._cluster, self._name, self.limits, self._lost,
            self._token, self._past,
        )  # fmt: skip
        assert link.welcome is not None
        self._cluster = self._cluster or link.welcome.cluster
        self._learn_members(link.welcome)
        link.on_welcome = self._learn_members
        self._answered[address] = None
        self.members[link.node] = address  # this one is known to work from here
        known = self._links.get(link.node)
        if known is not None and known.live:
            link.close("a second link to one node")
            return known
        self._links[link.node] = link
        return link

    def _lost(self, link: Link) -> None:
        if self._links.get(link.node) is link:
            del self._links[link.node]
