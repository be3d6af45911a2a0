"""Who the nodes are where a shared engine orders the control line, and the cluster's name there.

Nobody votes on an engine, so nodes come and go by themselves: a node that starts says in the
control line where it is found, and is one from then on until it is told to leave.

Invariant: a name belongs to one folder. A node whose name is another's does not go on.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Protocol

from plait.base.errors import BadSettings, PlaitError, Unavailable
from plait.base.ids import hex_id
from plait.base.ports import Clock, Random
from plait.line.membership import Membership, founding
from plait.line.outcome import Outcome
from plait.node.config import NodeConfig
from plait.node.line_host import LineHost
from plait.node.versions import Versions
from plait.types.commands import CHAINS_SINCE, Command, NameSpace, PutNode
from plait.types.control_nodes import NodeRecord, namespace, node_records

logger = logging.getLogger("plait.node")

LOOK_S = 0.25
NAMED_S = 10.0


class Owner(Protocol):
    """The node, as far as its roster needs it."""

    name: str
    cluster: str
    folder: str
    address: str
    config: NodeConfig
    clock: Clock
    random: Random
    control: LineHost
    versions: Versions
    refused: BadSettings | None

    def members_changed(self) -> None: ...

    def spawn(self, work: Any) -> None: ...

    async def command(self, line: str, command: Command) -> Outcome: ...


class Roster:
    """The control line's records of nodes, as one node sees and makes them."""

    every_s = LOOK_S

    def __init__(self, node: Owner) -> None:
        self._node = node
        self._seen: list[NodeRecord] = []
        self._seen_at = -1
        self._saying = False
        self._membership = Membership()
        self._told = Membership()  # as the node last heard that it changed

    @property
    def membership(self) -> Membership:
        """Who the nodes are; this one from the start."""
        self._look()
        return self._membership

    def _look(self) -> None:
        """Read the records again if there may be others."""
        node, replica = self._node, self._node.control.replica
        if replica.applied == self._seen_at:
            return
        self._seen_at = replica.applied
        found = node_records(replica.view)
        if found == self._seen and self._membership.members:
            return
        self._seen = found
        here = {each.name: each.address for each in found if not each.gone}
        here.setdefault(node.name, node.address)
        gone = tuple(each.name for each in found if each.gone)
        addresses = {name: address for name, address in here.items() if address}
        self._membership = _with_retired(founding(here, addresses), gone)
        for each in found:
            node.versions.note(each.name, each.reads)

    # ------------------------------------------------------------------ saying

    def watch(self) -> None:
        """Look, and say what is not known."""
        node = self._node
        if self._saying or node.refused is not None:
            return
        if node.control.group is not None:
            names = node.control.leads and not self.name and node.versions.allows(CHAINS_SINCE)
            work = self._name_it() if names else None
        else:
            membership = self.membership
            if membership != self._told:  # whoever asked meanwhile may have seen it first
                self._told = membership
                node.members_changed()
            work = None if self._enlisted() else self.enlist()
        if work is not None:
            self._saying = True
            node.spawn(self._say(work))

    async def _say(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except BadSettings as error:
            self._node.refused = error
            logger.critical("%s is no node of this store: %s", self._node.name, error)
        except PlaitError as error:
            logger.info("the roster waits: %s", error)
        finally:
            self._saying = False

    async def enlist(self) -> None:
        """Be a node of the store, found where this one listens; `BadSettings` if it cannot be."""
        if not self._enlisted():
            command = PutNode(*_fields(self._wanted()))
            await self._node.command(self._node.control.line, command)

    def _enlisted(self) -> bool:
        return self._wanted() in node_records(self._node.control.replica.view)

    def _wanted(self) -> NodeRecord:
        node = self._node
        return NodeRecord(node.name, node.folder, node.address, node.versions.reads)

    # ------------------------------------------------------------------ the name on engines

    @property
    def name(self) -> str:
        """What this cluster is called on shared engines; "" while it is not decided."""
        node = self._node
        if node.config.engine:
            return node.cluster
        return namespace(node.control.replica.view)

    async def named(self) -> str:
        """The same, once it is decided."""
        node = self._node
        until = node.clock.monotonic() + NAMED_S
        while not self.name:
            if node.clock.monotonic() > until:
                raise Unavailable("the cluster has not agreed on its name for shared engines yet")
            if node.control.leads and node.versions.allows(CHAINS_SINCE):
                await self._name_it()
            await asyncio.sleep(0.01)
        return self.name

    async def _name_it(self) -> None:
        node = self._node
        name = f"{node.cluster}-{hex_id(node.random)}"
        await node.command(node.control.line, NameSpace(name))

    def status(self) -> dict[str, Any]:
        """What people want to know."""
        return {"namespace": self.name or None}


def _with_retired(membership: Membership, gone: tuple[str, ...]) -> Membership:
    """Nobody of those may come back under the same name."""
    return Membership(
        membership.voters, addresses=membership.addresses, retired=tuple(sorted(gone))
    )


def _fields(record: NodeRecord) -> tuple[str, str, str, int]:
    return record.name, record.folder, record.address, record.reads
