"""Moving a line to another engine while it is in use.

::

    look      would the next engine take it, and can what is here be ended?
    intend    the control line records where the line goes; from here on anybody may finish it
    seal      the present loglet takes nothing any more: it ends at T
    adopt     the control line records that the next one begins at T; every node goes over

Whoever leads a line whose move was begun and not finished, finishes it. Writers wait from the seal
until their node has gone over; nothing that they were told changes, and nothing is applied twice,
for sessions are part of the state. Where the present engine is dead a person may order more
(`plait.node.forcing`).

Source: the reconfiguration of Delos (OSDI '20), in `plait.engines.chain`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol

from plait.base.codec import encode
from plait.base.errors import BadSettings, NoSuchCollection, PlaitError, TooStale, Unavailable
from plait.engines.chain import Chain
from plait.engines.sharing import SCHEMES
from plait.line.chain import Configuration, Forced, Next
from plait.line.membership import Membership
from plait.line.quorum import CONSENSUS
from plait.node import lines
from plait.node.forcing import Order, force, report_of
from plait.node.laggards import Laggards
from plait.node.line_host import LineHost
from plait.node.segments import (
    MEMBERS,
    SHARED,
    GroupParams,
    SharedParams,
    group_of,
    log_name,
    place_of,
    shared_of,
)
from plait.node.versions import Versions
from plait.types.commands import CHAINS_SINCE
from plait.types.control import LineRecord

logger = logging.getLogger("plait.moves")

LOOK_S = 1.0
OWN_NAMES = ("raft", "primary", "sqlite", MEMBERS)  # what people call the nodes' own disks
WEAKER = ("leader", "any:1", "majority", CONSENSUS)  # rules that an engine's own is no weaker than


class Owner(lines.Owner, Protocol):
    """The node, as far as moving needs it."""

    versions: Versions
    lines: dict[str, LineHost]
    down: set[str]

    @property
    def membership(self) -> Membership: ...

    def not_leader(self, host: LineHost) -> PlaitError: ...

    def spawn(self, work: Any) -> None: ...


class Moves:
    """What one node does about it."""

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._unfinished: dict[str, float] = {}  # lines with an intent, since when it is known
        self._busy: dict[str, None] = {}  # lines that are seen to right now
        self._laggards = Laggards(node)

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]:
        """Move the line that `what` names, or that the collection `what` is on; see `Store.move`.

        Refuses before anything changes what could not work.
        """
        node, record = self._node, self.record(what)
        order = Order(forced_by, accept_loss)
        await node.versions.wait_for(CHAINS_SINCE, "moves")
        began = node.clock.monotonic()
        async with self._chain(record, order) as (host, chain):
            self._check(record, host, to)
            former = place_of(chain.configuration.last.loglet)
            forced = await self._moved(record, host, chain, to, timeout_s, order)
            segment = chain.configuration.last
        return {
            "line": record.line,
            "collections": self._collections(record.line),
            "from": former,
            "to": place_of(segment.loglet),
            "at": segment.base,
            "forced": report_of(forced),
            "took_s": round(node.clock.monotonic() - began, 4),
        }

    @contextlib.asynccontextmanager
    async def _chain(
        self, record: LineRecord, order: Order
    ) -> AsyncIterator[tuple[LineHost | None, Chain]]:
        """The line here, and its chain; to be forced, one of its own for a line that is shut, or
        that cannot go over to an engine which died as it was adopted."""
        node = self._node
        host = node.host(record.line) if record.line in node.lines or not order.by else None
        if host is not None and (not order.by or await _goes_over(chain_of(host))):
            yield host, chain_of(host)
            return
        chain = await lines.open_lost(node, record)
        try:
            yield host, chain
        finally:
            await chain.close()

    async def _moved(
        self,
        record: LineRecord,
        host: LineHost | None,
        chain: Chain,
        to: str,
        timeout_s: float,
        order: Order,
    ) -> Forced | None:
        """Move it; what had to be forced."""
        forced = None
        try:
            async with asyncio.timeout(timeout_s):
                await chain.refresh()
                while not _is_at(chain.configuration, to):
                    last = chain.configuration.last
                    following = self._next(record, chain.configuration, to)
                    try:  # its number is right behind `last` only
                        await chain.extend(following.engine, following.params, after=last)
                    except PlaitError as error:
                        with contextlib.suppress(PlaitError):  # what failed says more
                            await chain.refresh()
                        if _has(chain.configuration, following):
                            continue  # somebody who was asked the same was faster
                        if not order.by or chain.configuration.intent is None:
                            raise
                        forced = await force(self._node, record, host, chain, order, error)
                if host is not None:
                    await chain_of(host).refresh()
                    await host.go_over()
        except TimeoutError:
            raise Unavailable(
                f"{record.line} was not moved to {place(to)} within {timeout_s:g} s; if `status` "
                "shows it on its way it goes on by itself, and the same command waits for it"
            ) from None
        return forced

    def record(self, what: str) -> LineRecord:
        """The line of a table or a machine, or the line of that name."""
        machine, view = self._node.control_machine, self._node.control.replica.view
        table, user_machine = machine.table(view, what), machine.machine(view, what)
        line = what
        if table is not None or user_machine is not None:
            line = table.line if table is not None else user_machine.line  # type: ignore[union-attr]
        for record in machine.lines(view):
            if record.line == line:
                return record
        raise NoSuchCollection(f"there is no table, machine or line {what!r}", collection=what)

    def _collections(self, line: str) -> list[str]:
        """Whatever moves with the line."""
        machine, view = self._node.control_machine, self._node.control.replica.view
        tables = [each.name for each in machine.tables(view) if each.line == line]
        return tables + [each.name for each in machine.machines(view) if each.line == line]

    def _check(self, record: LineRecord, host: LineHost | None, to: str) -> None:
        """Raise whatever makes it useless to begin."""
        node = self._node
        if host is not None and host.group is not None and not host.leads:
            raise node.not_leader(host)
        own = "raft" if record.acks == CONSENSUS else "primary"
        if to in OWN_NAMES:
            if to == "sqlite" and len(node.membership.voters) > 1:
                raise BadSettings(
                    f"to='sqlite' is for a store of one node, and this one has "
                    f"{len(node.membership.voters)}: write {own!r}"
                )
            if to not in ("sqlite", MEMBERS, own):
                raise BadSettings(f"{record.line} can go to {own!r}, not to {to!r}: its rule stays")
            voters = node.membership.voters
            up = [name for name in voters if name == node.name or name not in node.down]
            if 2 * len(up) <= len(voters):
                raise Unavailable(f"only {', '.join(up)} of {', '.join(voters)} can be reached")
        elif to.partition("://")[0] not in SCHEMES or "://" not in to:
            schemes = ", ".join(f"{scheme}://…" for scheme in SCHEMES)
            raise BadSettings(f"to={to!r} is none of {', '.join(OWN_NAMES)}, {schemes}")
        elif record.acks not in WEAKER:
            raise BadSettings(
                f"{record.line} promises acks={record.acks}, which no shared engine can: it stays"
            )

    def _next(self, record: LineRecord, configuration: Configuration, to: str) -> Next:
        node = self._node
        number = 1 + max(number_of(segment.loglet) for segment in configuration.segments)
        if to not in OWN_NAMES:
            return Next(SHARED, encode(SharedParams(number, to)))
        membership, addresses = node.membership, dict(node.membership.addresses)
        members = {name: addresses.get(name, "") for name in membership.voters}
        params = GroupParams(
            number, members, membership.witnesses, node.name, node.control.replica.applied,
            dict(membership.zones),
        )  # fmt: skip
        return Next(MEMBERS, encode(params))

    # ------------------------------------------------------------------ finishing

    async def watch(self) -> None:
        """For as long as the node lives: go over as soon as the control line says so here, and
        finish what others began."""
        node = self._node
        while True:
            applied = node.control.replica.applied
            for host in list(node.lines.values()):
                chain = host.loglet
                if isinstance(chain, Chain):
                    self._laggards.look(host, chain)
                if (
                    isinstance(chain, Chain)
                    and host.line not in self._busy
                    and self._due(chain, host)
                ):
                    self._busy[host.line] = None
                    node.spawn(self._see_to(host, chain))
            try:
                await node.control.replica.wait_applied(applied + 1, LOOK_S)
            except PlaitError:
                await asyncio.sleep(LOOK_S / 10)

    def _told(self, line: str) -> tuple[int, bytes]:
        """Version and value of the line's chain, as far as the control line is known here."""
        version, data = self._node.control_machine.chain(self._node.control.replica.view, line)
        return version + 1, data

    def _due(self, chain: Chain, host: LineHost) -> bool:
        """Whether there is anything to do."""
        now = self._node.clock.monotonic()
        if chain.configuration.intent is None:
            self._unfinished.pop(host.line, None)
        elif now - self._unfinished.setdefault(host.line, now) >= LOOK_S and host.leads:
            return True
        return self._told(host.line)[0] > chain.version

    async def _see_to(self, host: LineHost, chain: Chain) -> None:
        try:
            while (told := self._told(host.line))[0] > chain.version:
                await chain.learn(*told)
                if isinstance(chain.configuration.intent, Next):
                    self._node.spawn(self._make_ready(host, chain.configuration.intent))
            if self._due(chain, host):
                await chain.finish()
        except PlaitError as error:
            logger.info("line %s is not moved yet: %s", host.line, error)
        finally:
            del self._busy[host.line]

    async def _make_ready(self, host: LineHost, following: Next) -> None:
        """Meet the engine that a line is going to before writers wait for it."""
        if following.engine == SHARED and host.folds:
            params = shared_of(following.params)
            with contextlib.suppress(PlaitError):  # told again when it is needed
                engine = await self._node.engines.get(params.url)
                await engine.prepare(log_name(host.line, params.number))


def chain_of(host: LineHost) -> Chain:
    """The chain of a line; `BadSettings` for the control line, which never moves."""
    if not isinstance(host.loglet, Chain):
        raise BadSettings(f"{host.line} never moves")
    if not host.folds:
        raise TooStale(f"this node keeps no state of {host.line}")
    return host.loglet


async def _goes_over(chain: Chain) -> bool:
    """Whether the line here can go where the control line says that it is."""
    try:
        await chain.refresh()
    except Unavailable:
        return False
    return True


def number_of(loglet: Next) -> int:
    """The number of a segment in its line."""
    if loglet.engine == SHARED:
        return shared_of(loglet.params).number
    return group_of(loglet.params).number


def place(to: str) -> str:
    """A destination as people may see it."""
    return MEMBERS if to in OWN_NAMES else place_of(Next(SHARED, encode(SharedParams(0, to))))


def _has(configuration: Configuration, loglet: Next) -> bool:
    return any(segment.loglet == loglet for segment in configuration.segments)


def _is_at(configuration: Configuration, to: str) -> bool:
    return configuration.intent is None and place_of(configuration.last.loglet) == place(to)
