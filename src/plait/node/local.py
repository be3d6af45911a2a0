"""The store of this process: the `Backend` port over a node, without a network between.

What a node can answer only about itself ends in `_here`; `service` answers clients with the same.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import partial
from typing import Any

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages import Applied, FeedItem, Located
from plait.api.pipeline import Pipeline, reject, resolve, without_malformed
from plait.api.port import Receipt
from plait.api.settings import Eventual, Settings
from plait.base.errors import (
    BadFrame,
    Closed,
    Indefinite,
    NoSuchCollection,
    NotLeader,
    PlaitError,
    Unavailable,
)
from plait.base.ports import DropRescued
from plait.engines import feed
from plait.engines.graph import Replica as GraphReplica
from plait.line.entry import NO_EPOCH
from plait.line.outcome import Outcome
from plait.node.examination import examine
from plait.node.failures import raise_failure
from plait.node.line_host import LineHost
from plait.node.local_copies import LocalCopies
from plait.node.local_followers import LocalFollowers
from plait.node.local_links import LocalLinks
from plait.node.local_reading import LocalReading
from plait.node.machines import MachineRoom, machine_info
from plait.node.members import Members
from plait.node.node import Node
from plait.node.pasts import Past
from plait.node.status import status_of
from plait.node.tables import Tables
from plait.node.takeover import promote_lines
from plait.node.written import written
from plait.types.commands import decode_group, encode_group
from plait.types.machines import ClassName, MachineClass
from plait.types.rights_commands import RightsCommand

WRITE_TIMEOUT_S = 30.0


class Local(LocalReading, LocalFollowers, LocalCopies, LocalLinks):
    """Implements `plait.api.port.Backend` on a node; owned by whoever started the node.

    past: what the node is of, and goes with this; None if it is of the present.
    """

    def __init__(self, node: Node, past: Past | None = None) -> None:
        self.node = node
        self._past = past
        self._tables = Tables(node)
        self._members = Members(node)
        self.places = node.zones
        self._machines = MachineRoom(node)
        self._pipelines: dict[str, Pipeline] = {}

    # ------------------------------------------------------------------ tables

    async def open_table(self, name: str, settings: Settings | None) -> TableInfo:
        """Find a table, or create it with `settings`."""
        self._check_no_witness()
        return await self._tables.open(name, settings)

    async def tables(self) -> list[TableInfo]:
        """Every table that is known here."""
        return self._tables.list()

    async def drop_table(self, name: str, cleared_at: int = -1) -> None:
        """Remove a table and its rows, unless these went at `cleared_at` of its line."""
        await self._tables.drop(name, cleared_at)

    async def keep_before(self, name: str, on: bool) -> None:
        """Begin, or end, to note what the table's rows were before each change."""
        await self._tables.keep_before(name, on)

    def _check_no_witness(self) -> None:
        """Whoever is to read must ask a node that keeps states."""
        node = self.node
        if node.name in node.membership.witnesses:
            raise node.no_state(node.control)

    # ------------------------------------------------------------------ machines

    async def open_machine(
        self, name: str, machine: MachineClass, settings: Settings | None
    ) -> MachineInfo:
        """Register the class in this process; find the machine, or create it."""
        await self._machines.register(machine)
        return await self.open_machine_here(name, machine.name, settings)

    async def open_machine_here(
        self, name: str, class_name: ClassName, settings: Settings | None
    ) -> MachineInfo:
        """Find a machine, or create it, of a class that is registered here."""
        self._check_no_witness()
        info = machine_info(await self._machines.open(name, class_name, settings))
        await self._tables.led(info.line)
        return info

    # ------------------------------------------------------------------ graphs

    async def open_graph(self, name: str, settings: Eventual | None) -> GraphReplica:
        """Find a collection of documents, or create it: this node's replica of it."""
        self.node.check_open()
        if self._past is not None:
            self._past.check_documents(name)
        return await self.node.graphs.open(name, settings)

    async def open_graph_here(self, name: str, settings: Eventual | None) -> GraphInfo:
        """The same, for a client that is to have a replica of its own."""
        await self.open_graph(name, settings)
        return next(info for info in self.node.graphs.infos() if info.name == name)

    async def graphs(self) -> list[GraphInfo]:
        """Every collection of documents that is known here."""
        return self.node.graphs.infos()

    async def drop_graph(self, name: str) -> None:
        """Remove a collection of documents, everywhere."""
        await self.node.graphs.drop(name)

    # ------------------------------------------------------------------ reading, writing

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """Order one encoded command from this process."""
        self.node.check_open()
        if acks is not None:
            return self._submit_stricter(line, command, acks)
        pipeline = self._pipelines.get(line)
        if pipeline is None:
            pipeline = self._pipelines[line] = self._pipeline(line)
        return pipeline.submit(command)

    def _pipeline(self, line: str) -> Pipeline:
        def send(commands: list[bytes], futures: "list[asyncio.Future[Receipt]]") -> None:
            try:
                host = self.node.host(line)
                group = encode_group(0, 0, 0, commands)
                self.node.space.check(host, group)
                try:
                    ordered = host.propose(group)
                except BadFrame:
                    commands, futures = without_malformed(commands, futures)
                    ordered = host.propose(encode_group(0, 0, 0, commands))
            except PlaitError as error:
                reject(futures, error)
                pipeline.group_done()
            else:
                began = host.commits.begin()
                ordered.add_done_callback(partial(_settle, line, host, began, pipeline, futures))

        pipeline = Pipeline(send)
        return pipeline

    async def _submit_stricter(self, line: str, command: bytes, acks: str) -> Receipt:
        group = encode_group(0, 0, 0, [command])
        outcome, met = await self.propose_stricter(line, group, acks, WRITE_TIMEOUT_S)
        raise_failure(outcome)
        epoch, position, offset, version, _, _, returns = outcome
        returned = returns[0][1] if returns else None
        return Receipt(line, epoch, position, offset, version, met, returned)

    async def propose_stricter(
        self, line: str, group: bytes, acks: str | None, timeout_s: float
    ) -> tuple[Outcome, str]:
        """Order a group and wait for more acknowledgements than the rule's."""
        try:
            host = self.node.host(line)
            self.node.space.check(host, group)
            return await host.propose_stricter(group, acks, timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"committed, but acks={acks!r} was not reached within {timeout_s} s"
            ) from None
        except PlaitError as error:
            raise self.node.located(line, error) from None

    async def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        """The changes of a table."""
        host = self.node.folded(line)
        host.check_not_late(self.node.name, ever=True)
        async for items in feed.follow(host.replica, table, start):
            yield items

    async def flush(self) -> None:
        """Fold everything applied into the states on disk."""
        for host in self.node.hosts():
            await host.replica.flush()
        await self.node.graphs.flush()

    # ------------------------------------------------------------------ who leads

    def where(self, id_: int, line: str) -> Located:
        """Who leads a line, as far as this node knows; the line "" only asks for an answer."""
        if not line:
            return Located(id_, None, None, NO_EPOCH)
        host = self.node.host(line)
        leader = self.node.name if host.leads else host.leader
        return Located(id_, leader, dict(self.node.addresses()).get(leader or ""), host.epoch)

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
        return await promote_lines(self.node, line, accept_loss, timeout_s)

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """Hand over what is led here."""
        return await self.hand_over_here(target, line, timeout_s)

    async def hand_over_here(
        self, target: str, line: str | None, timeout_s: float
    ) -> dict[str, Any]:
        """Hand the lines that are led here to `target`, without loss."""
        self._check_willing(target, line)
        wanted = self.node.hosts() if line is None else [self.node.host(line)]
        led = [host for host in wanted if host.leads and host.group]
        if not led or target == self.node.name:
            raise NotLeader(f"{self.node.name} leads nothing that could be handed to {target}")
        report: dict[str, Any] = {}
        for host in led:
            assert host.group is not None
            promotion = await host.group.loglet.hand_over(target, timeout_s)
            report[host.line] = {"ok": promotion.won, "why": promotion.why}
        return {"target": target, "lines": report}

    def _only_here(self, node: str | None) -> None:
        if node not in (None, self.node.name):
            raise NoSuchCollection(f"this store is {self.node.name}; connect to reach {node!r}")

    # ------------------------------------------------------------------ members

    async def members(self) -> list[dict[str, Any]]:
        """Every node, as far as this one knows."""
        return self._members.all()

    async def join(
        self, name: str, address: str, witness: bool, timeout_s: float, zone: str = ""
    ) -> dict[str, Any]:
        """Take a node in; only who leads the control line can."""
        return await self._members.join(name, address, timeout_s, witness=witness, zone=zone)

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]:
        """Let a node go; only who leads the control line can."""
        return await self._members.leave(name, timeout_s)

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]:
        """Move a line to another engine; only who leads it can."""
        self.node.check_open()
        return await self.node.moves.move(what, to, timeout_s, forced_by, accept_loss)

    async def at(self, moment: str) -> "Local":
        """The store as it was; closing it frees what it takes."""
        past = await self.open_past(moment)
        return Local(past.node, past)

    # ------------------------------------------------------------------ rescued

    async def rescued(self) -> list[dict[str, Any]]:
        """What was cut away here and is kept."""
        return [{"node": self.node.name} | row for row in self.node.rescue.suffixes()]

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """One suffix with its records."""
        self._only_here(node)
        names = {info.table: info.name for info in await self.tables()}
        shown = self.node.rescue.show(rescued)
        for record in shown["shown"]:
            if "table" in record:
                record["table"] = names.get(record["table"], record["table"])
        return {"node": self.node.name} | shown

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Propose a suffix again, here; its line must be led here."""
        self._only_here(node)
        counts: dict[str, Any] = {"applied": 0, "already": 0, "failed": []}
        for item in self.node.rescue.groups(rescued):
            host = self.node.host(item["line"])
            before = host.replica.applied
            outcome = await host.propose(item["group"])
            failed = [f"{why.code}: {why.message}" for _, why in outcome.failures]
            done = len(decode_group(item["group"]).commands) - len(outcome.failures)
            counts["already" if outcome.position < before else "applied"] += done
            counts["failed"] += failed
        return counts

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Forget a suffix."""
        self._only_here(node)
        self.node.rescue.show(rescued)
        await written(self.node.storage.log, (DropRescued(rescued),))

    # ------------------------------------------------------------------ status

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]:
        """Change who may do what, or say how it is."""
        return await self.node.rights.administer(command)

    async def status(self) -> dict[str, Any]:
        """The status of this node, in the shape that a cluster's has."""
        return {"nodes": {self.node.name: self.status_here()}}

    def status_here(self) -> dict[str, Any]:
        """Everything that people want to know of this node."""
        return status_of(self.node)

    async def examine(self) -> dict[str, Any]:
        """What is wrong, by node."""
        return {self.node.name: await self.examine_here()}

    async def examine_here(self) -> list[dict[str, Any]]:
        """What is wrong with this node and what it depends on."""
        return await examine(self.node)

    async def close(self) -> None:
        """Take no more writes; the node is closed by whoever started it."""
        for pipeline in self._pipelines.values():
            pipeline.close(Closed("the store was closed"))
        if self._past is not None:
            await self._past.close()


def _settle(
    line: str,
    host: LineHost,
    began: float,
    pipeline: Pipeline,
    futures: "list[asyncio.Future[Receipt]]",
    ordered: "asyncio.Future[Outcome]",
) -> None:
    """Answer a group's writers, then let the next group go."""
    host.commits.end(began, ordered)
    if ordered.cancelled():
        reject(futures, Unavailable("the node was closed before the outcome was known"))
    elif (error := ordered.exception()) is None:
        outcome = ordered.result()
        resolve(futures, line, Applied.of(0, outcome, host.rule()))
    elif isinstance(error, PlaitError):
        reject(futures, error)
    else:
        reject(futures, Indefinite(f"{type(error).__name__}: {error}"))
    pipeline.group_done()
