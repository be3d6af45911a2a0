"""A node: one folder, the lines on it, links to the other members; serves stores in this process.

The *control line* says which tables and lines exist; the node keeps its set of open lines equal
to that (`_reconcile`). Alone, the control line is a plain durable log; with members it is itself
leader–follower with a majority rule. Messages between members are routed by the line they name.

Implements `plait.api.port.Backend`. What a node can answer only about itself ends in `_here`.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

from plait.api.messages import PROTOCOL, Applied, FeedItem, Located, Query, TableInfo
from plait.api.pipeline import Pipeline, reject, resolve
from plait.api.port import Answers, Mark, Receipt
from plait.api.settings import Leader, ReadOptions
from plait.base.codec import encode
from plait.base.errors import (
    BadSettings,
    Closed,
    Indefinite,
    NoSuchCollection,
    NotLeader,
    PlaitError,
    TooStale,
    Unavailable,
    from_code,
)
from plait.base.ids import collection_name
from plait.base.ports import Clock, DropRescued, Network, Random, Storage
from plait.engines import feed
from plait.line.entry import NO_EPOCH
from plait.line.outcome import Failed, Outcome
from plait.line.primary.messages import Message
from plait.line.quorum import AckRule
from plait.node.config import NodeConfig
from plait.node.degradation import Degradation
from plait.node.line_host import LineHost
from plait.node.lines import CONTROL, open_control, open_line
from plait.node.peers import Link, PeerHello
from plait.node.rescue import Rescue
from plait.node.takeover import keep_place, promote_lines
from plait.types.commands import (
    ClearTable,
    Command,
    CreateTable,
    DropTable,
    encode_group,
)
from plait.types.control import ControlMachine, TableRecord

logger = logging.getLogger("plait.node")

READ_TIMEOUT_S = 10.0
RECOVER_S = 2.0
RECONCILE_S = 0.25


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
    ) -> None:
        self.config = config
        self.cluster = cluster
        self.name = config.name
        self.storage = storage
        self.clock = clock
        self.rescue = Rescue(storage.log)
        self.control_machine = ControlMachine()
        self.control: LineHost
        self.address = config.listen
        self._network = network
        self._random = random
        self._lines: dict[str, LineHost] = {}
        self._links: dict[str, Link] = {}
        self._pipelines: dict[str, Pipeline] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opening = asyncio.Lock()
        self._degradation = Degradation(self)
        self._started = clock.monotonic()
        self._closed = False

    # ------------------------------------------------------------------ life

    async def start(self) -> None:
        """Open what the folder holds and link up with the other members."""
        self._link_up()
        await self._open_all()
        self._spawn(self._follow_control())
        self._spawn(self._watch_storage())
        self._spawn(self._degradation.watch())

    async def _open_all(self) -> None:
        self.control = open_control(self)
        await self.control.start()
        keep_place(self, self.control, self.config.first_leader)
        if self.config.alone and not self.storage.log.suspect:
            await self.control.replica.wait_applied(self.control.loglet.committed)
        await self._reconcile()

    def _link_up(self) -> None:
        if self._network is None:
            return
        hello = PeerHello(PROTOCOL, self.cluster, self.name)
        for peer, address in sorted(self.config.members.items()):
            if peer != self.name:
                self._links[peer] = Link(
                    peer, address, hello, self._network, self.clock, self._random,
                    self._peer_up, self.config.limits.peer_unsent_bytes_max,
                )  # fmt: skip

    async def close(self) -> None:
        """Stop: flush states, close lines, hang up."""
        if self._closed:
            return
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pipeline in self._pipelines.values():
            pipeline.close(Closed("the store was closed"))
        await self._close_lines()
        for link in self._links.values():
            await link.close()
        await self.storage.close()

    async def _close_lines(self) -> None:
        for host in [*self._lines.values(), self.control]:
            await host.close()
        self._lines.clear()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            error = task.exception()
            assert error is not None
            self.report(f"a task ended: {type(error).__name__}: {error}", error)

    def report(self, message: str, error: BaseException) -> None:
        """Note an error that nobody waits for."""
        logger.error(message, exc_info=error)

    def adopt_rules(self) -> None:
        """Count on every line what the control line says."""
        self._degradation.adopt()

    def spawn(self, work: Any) -> None:
        """Run something for as long as the node lives."""
        self._spawn(work)

    # ------------------------------------------------------------------ lines

    async def _follow_control(self) -> None:
        while True:
            replica = self.control.replica
            applied = replica.applied
            await self._reconcile()
            try:
                # a look now and then, for being admitted is no entry of the log
                await replica.wait_applied(applied + 1, timeout=RECONCILE_S)
            except PlaitError:
                await asyncio.sleep(RECONCILE_S / 10)

    async def _reconcile(self) -> None:
        """Open every line that the control line knows."""
        async with self._opening:
            primary = self.control.primary
            if primary is not None and primary.core.member.fresh:
                return  # once admitted it is known which lines an older disk may have had
            for record in self.control_machine.lines(self.control.replica.view):
                if record.line not in self._lines:
                    host = open_line(self, record)
                    await host.start()
                    self._lines[record.line] = host
                    keep_place(self, host, record.leader)

    def host(self, line: str) -> LineHost:
        """The line at this node; `TooStale` if it is not known here (yet)."""
        if line == CONTROL:
            return self.control
        host = self._lines.get(line)
        if host is None:
            raise TooStale(f"line {line!r} is not known at {self.name} yet")
        return host

    def hosts(self) -> list[LineHost]:
        """Every open line, the control line first."""
        return [self.control, *self._lines.values()]

    def hear(self, peer: str, message: Message) -> None:
        """A member said something."""
        host = self.control if message.line == CONTROL else self._lines.get(message.line)
        if host is not None:
            host.hear(peer, message)

    def send(self, peer: str, message: Message) -> None:
        """Say something to a member; it may be lost."""
        link = self._links.get(peer)
        if link is not None:
            link.send(message)

    def _peer_up(self, peer: str) -> None:
        for host in self.hosts():
            if host.primary is not None:
                host.primary.peer_up(peer)

    async def _watch_storage(self) -> None:
        """Leave read-only mode when the disk allows it again."""
        while True:
            await asyncio.sleep(RECOVER_S)
            halted = any(h.primary and h.primary.driver.halted for h in self.hosts())
            if self.storage.log.read_only is None and not halted:
                continue
            if self.storage.log.suspect is not None and self.config.alone:
                continue  # a person must decide
            try:
                await self.storage.recover()
            except PlaitError as error:
                logger.info("still read-only: %s", error)
                continue
            async with self._opening:
                await self._close_lines()
            await self._open_all()
            logger.warning("writing again")

    # ------------------------------------------------------------------ tables

    async def open_table(self, name: str, settings: Leader | None) -> TableInfo:
        """Find a table, or create it with `settings`."""
        collection_name(name)
        self._check_open()
        record = self._table(name)
        if record is not None and (settings is None or _same(record, settings, name)):
            await self._line_is_open(record.line)
            return _info(record)
        if settings is None:
            if not self.control.leads:
                raise self.located(CONTROL, self._not_leader(self.control))
            raise NoSuchCollection(f"there is no table {name!r}", table=name)
        AckRule.parse(settings.acks).followers_needed(len(self.config.member_names))
        line = settings.line_name(name)
        leader = self.control.leader or self.name
        create = CreateTable(name, settings.acks, settings.degrade, line, leader)
        await self.command(CONTROL, create)
        await self._reconcile()
        record = self._table(name)
        assert record is not None
        await self._line_is_open(record.line)
        return _info(record)

    async def _line_is_open(self, line: str) -> None:
        """Wait a little for a line that was just made to have a leader."""
        until = self.clock.monotonic() + READ_TIMEOUT_S
        while line not in self._lines or self._lines[line].leader is None:
            if self.clock.monotonic() > until or self._closed:
                return
            if self.storage.log.read_only is not None:
                return
            await asyncio.sleep(0.005)

    def _table(self, name: str) -> TableRecord | None:
        return self.control_machine.table(self.control.replica.view, name)

    async def tables(self) -> list[TableInfo]:
        """Every table that is known here."""
        return [_info(r) for r in self.control_machine.tables(self.control.replica.view)]

    async def drop_table(self, name: str) -> None:
        """Remove every row, then the name."""
        record = self._table(name)
        if record is None:
            if not self.control.leads:
                raise self.located(CONTROL, self._not_leader(self.control))
            raise NoSuchCollection(f"there is no table {name!r}", table=name)
        await self.command(record.line, ClearTable(record.table))
        await self.command(CONTROL, DropTable(name))

    async def command(self, line: str, command: Command) -> Outcome:
        """Order one command on a line led here; its failure is raised."""
        group = encode_group(0, 0, 0, [encode(command)])
        try:
            outcome = await self.host(line).propose(group)
        except PlaitError as error:
            raise self.located(line, error) from None
        for _, failed in outcome.failures:
            raise _error(failed)
        return outcome

    # ------------------------------------------------------------------ reading, writing

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """Order one encoded command from this process."""
        self._check_open()
        if acks is not None:
            return self._submit_stricter(line, command, acks)
        pipeline = self._pipelines.get(line)
        if pipeline is None:
            pipeline = self._pipelines[line] = self._pipeline(line)
        return pipeline.submit(command)

    def _pipeline(self, line: str) -> Pipeline:
        def send(commands: list[bytes], futures: "list[asyncio.Future[Receipt]]") -> None:
            try:
                host = self.host(line)
                ordered = host.propose(encode_group(0, 0, 0, commands))
            except PlaitError as error:
                reject(futures, error)
                pipeline.group_done()
                return

            def done(future: "asyncio.Future[Outcome]") -> None:
                _settle(line, host, future, futures)
                pipeline.group_done()

            ordered.add_done_callback(done)

        pipeline = Pipeline(send)
        return pipeline

    async def _submit_stricter(self, line: str, command: bytes, acks: str) -> Receipt:
        group = encode_group(0, 0, 0, [command])
        outcome, met = await self.propose_stricter(line, group, acks, 30.0)
        for _, failed in outcome.failures:
            raise _error(failed)
        return Receipt(line, outcome.epoch, outcome.position, outcome.offset, outcome.version, met)

    async def propose_stricter(
        self, line: str, group: bytes, acks: str | None, timeout_s: float
    ) -> tuple[Outcome, str]:
        """Order a group and wait for more acknowledgements than the rule's."""
        try:
            return await self.host(line).propose_stricter(group, acks, timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"committed, but acks={acks!r} was not reached within {timeout_s} s"
            ) from None
        except PlaitError as error:
            raise self.located(line, error) from None

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """Answer from this node."""
        return await self.read_here(line, queries, options, after, READ_TIMEOUT_S)

    async def read_here(
        self,
        line: str,
        queries: Sequence[Query],
        options: ReadOptions,
        after: Mark | None,
        timeout_s: float,
    ) -> Answers:
        """Answer from this node's applied state, if it may."""
        self._check_open()
        host = self.host(line)
        if self.config.alone:
            if not host.leads and self.storage.log.read_only is None:
                await host.led(timeout_s)  # it is opening its epoch
        else:
            try:
                host.check_freshness(options.source, options.max_lag_s, self.name)
            except NotLeader as error:
                raise self.located(line, error) from None
        answered = await host.read(queries, after, timeout_s)
        return Answers(answered.epoch, answered.position, host.lag_s(), answered.answers)

    async def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        """The changes of a table."""
        async for items in feed.follow(self.host(line).replica, table, start):
            yield items

    async def flush(self) -> None:
        """Fold everything applied into the states on disk."""
        for host in self.hosts():
            await host.replica.flush()

    # ------------------------------------------------------------------ who leads

    def addresses(self) -> tuple[tuple[str, str], ...]:
        """Every member and where clients find it."""
        if self.config.alone:
            return ((self.name, self.address),)
        return tuple(sorted(self.config.members.items()))

    def where(self, id_: int, line: str) -> Located:
        """Who leads a line, as far as this node knows; the line "" only asks for an answer."""
        if not line:
            return Located(id_, None, None, NO_EPOCH)
        host = self.host(line)
        leader = self.name if host.leads else host.leader
        return Located(id_, leader, dict(self.addresses()).get(leader or ""), host.epoch)

    def located(self, line: str, error: PlaitError) -> PlaitError:
        """A refusal with the leader's address in it."""
        if not isinstance(error, NotLeader):
            return error
        leader = error.leader
        address = dict(self.addresses()).get(leader or "")
        return NotLeader(error.message, leader=leader, address=address)

    def _not_leader(self, host: LineHost) -> NotLeader:
        return NotLeader(f"{self.name} does not lead {host.line}", leader=host.leader)

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """Promote this node (a store in this process speaks for it alone)."""
        self._only_here(node)
        return await self.promote_here(line, accept_loss, timeout_s)

    async def promote_here(
        self, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """Make this node the leader of a line, or of all: the control line first."""
        return await promote_lines(self, line, accept_loss, timeout_s)

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """Hand over what is led here."""
        return await self.hand_over_here(target, line, timeout_s)

    async def hand_over_here(
        self, target: str, line: str | None, timeout_s: float
    ) -> dict[str, Any]:
        """Hand the lines that are led here to `target`, without loss."""
        if target not in self.config.member_names:
            raise BadSettings(f"{target!r} is no member of the cluster")
        wanted = self.hosts() if line is None else [self.host(line)]
        led = [host for host in wanted if host.primary is not None and host.leads]
        if not led or target == self.name:
            raise NotLeader(f"{self.name} leads nothing that could be handed to {target}")
        report: dict[str, Any] = {}
        for host in led:
            assert host.primary is not None
            promotion = await host.primary.hand_over(target, timeout_s)
            report[host.line] = {"ok": promotion.won, "why": promotion.why}
        return {"target": target, "lines": report}

    def _only_here(self, node: str | None) -> None:
        if node not in (None, self.name):
            raise NoSuchCollection(f"this store is node {self.name}; connect to reach {node!r}")

    # ------------------------------------------------------------------ rescued

    async def rescued(self) -> list[dict[str, Any]]:
        """What was cut away here and is kept."""
        return [{"node": self.name} | row for row in self.rescue.suffixes()]

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """One suffix with its records."""
        self._only_here(node)
        names = {info.table: info.name for info in await self.tables()}
        shown = self.rescue.show(rescued)
        for record in shown["shown"]:
            if "table" in record:
                record["table"] = names.get(record["table"], record["table"])
        return {"node": self.name} | shown

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Propose a suffix again, here; its line must be led here."""
        self._only_here(node)
        counts: dict[str, Any] = {"applied": 0, "failed": []}
        for item in self.rescue.groups(rescued):
            outcome = await self.host(item["line"]).propose(item["group"])
            failed = [f"{failure.code}: {failure.message}" for _, failure in outcome.failures]
            counts["failed"] += failed
            counts["applied"] += 1
        return counts

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget a suffix."""
        self._only_here(node)
        self.rescue.show(rescued)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def dropped(error: PlaitError | None) -> None:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        self.storage.log.submit((DropRescued(rescued),), dropped)
        await done

    # ------------------------------------------------------------------ status

    async def status(self) -> dict[str, Any]:
        """The status of this node, in the shape that a cluster's has."""
        return {"nodes": {self.name: self.status_here()}}

    def status_here(self) -> dict[str, Any]:
        """Everything that people want to know of this node."""
        reason = self.storage.log.read_only
        rescued: dict[str, int] = {}
        for suffix in self.storage.log.rescued():
            rescued[suffix.line] = rescued.get(suffix.line, 0) + 1
        lines = {}
        for host in self.hosts():
            status = host.status()
            status["leader"] = self.name if host.leads else status["leader"]
            status["rescued"] = rescued.get(host.line, 0)
            lines[host.line] = status
        return {
            "node": self.name,
            "cluster": self.cluster,
            "address": self.address,
            "members": dict(self.addresses()),
            "links": {peer: link.refused or link.up for peer, link in self._links.items()},
            "uptime_s": round(self.clock.monotonic() - self._started, 3),
            "read_only": None if reason is None else str(reason),
            "suspect": self.storage.log.suspect,
            "memory_bytes": _memory_bytes(),
            "lines": lines,
            "tables": [
                {"name": r.name, "line": r.line, "acks": r.acks, "degrade": r.degrade}
                for r in self.control_machine.tables(self.control.replica.view)
            ],
        }

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the store was closed")


def _settle(
    line: str,
    host: LineHost,
    future: "asyncio.Future[Outcome]",
    futures: "list[asyncio.Future[Receipt]]",
) -> None:
    if future.cancelled():
        reject(futures, Unavailable("the node was closed before the outcome was known"))
        return
    error = future.exception()
    if error is None:
        outcome = future.result()
        applied = Applied(
            0, outcome.epoch, outcome.position, outcome.offset, outcome.version, host.rule(),
            outcome.failures,
        )  # fmt: skip
        resolve(futures, line, applied)
    elif isinstance(error, PlaitError):
        reject(futures, error)
    else:
        reject(futures, Indefinite(f"{type(error).__name__}: {error}"))


def _info(record: TableRecord) -> TableInfo:
    own = "own" if record.line.startswith("own/") else None
    settings = Leader(record.acks, record.degrade, "own" if own else None)
    return TableInfo(record.name, record.table, record.line, settings)


def _same(record: TableRecord, settings: Leader, name: str) -> bool:
    same = (record.acks, record.degrade, record.line) == (
        settings.acks, settings.degrade, settings.line_name(name),
    )  # fmt: skip
    if not same:
        raise BadSettings(
            f"table {name!r} exists with acks={record.acks!r}, degrade={record.degrade}, "
            f"on line {record.line!r}"
        )
    return True


def _error(failed: Failed) -> PlaitError:
    return from_code(failed.code, failed.message, failed.details)


def _memory_bytes() -> int:
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
