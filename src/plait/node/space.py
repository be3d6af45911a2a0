"""Room on the disk: a node that is running out of it refuses writes while it can still work.

A disk that is really full fails the commits of its log, and then everything that the node has open
is opened again. And what would free space (folding states, so that the log can be trimmed) takes
some. So below a reserve the node refuses what users write, with `DiskNearlyFull`, at once and
definitely; what members and the node itself write goes on, and so do reading and what frees space:
the deleting of rows, until a part of the reserve is left, for each takes room in the log first; and
the clearing of tables, which is one entry each, and how one drops them. It takes writes again by
itself once there is clearly more room than the reserve.

Invariant: between two looks (`every_s`) no more is written than the reserve can take, or the disk
fills after all: it is set for that.

Absent: handing the lead to a node with more room, which an operator does (`plait switchover`).
"""

import logging
from collections.abc import Callable
from typing import Any, Protocol

from plait.base.errors import BadFrame, DiskNearlyFull
from plait.node.config import NodeConfig
from plait.node.graphs import Graphs
from plait.node.line_host import LineHost
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    OpenSession,
    Transact,
    decode_group,
)

logger = logging.getLogger("plait.node")

RESERVE_BYTES = 64 << 20  # where nothing was chosen,
RESERVE_PART = 5  # or so small a part of a small disk
DELETES_PART = 4  # deletes are taken until this part of the reserve is left
_AGAIN = 1.25  # times the reserve must be free before writes are taken again


class Owner(Protocol):
    """The node, as far as its disk's room matters."""

    name: str
    config: NodeConfig
    graphs: Graphs
    room: Callable[[], tuple[int, int] | None]


class Space:
    """Watches the room on a node's disk."""

    every_s = 0.25

    def __init__(self, node: Owner) -> None:
        self.refusal: DiskNearlyFull | None = None  # why users' writes are refused now
        self.free = self.size = -1  # bytes; -1: unknown
        self._node = node

    @property
    def reserve(self) -> int:
        """How many bytes are kept free."""
        chosen = self._node.config.limits.disk_reserve_bytes
        return min(RESERVE_BYTES, self.size // RESERVE_PART) if chosen is None else chosen

    def watch(self) -> None:
        """Look."""
        room = self._node.room()
        if room is None:
            return
        self.free, self.size = room
        reserve, name = self.reserve, self._node.name
        if self.refusal is None and self.free < reserve:
            what = f"the disk of {name} has {self.free} bytes left; {reserve} are kept free"
            self.refusal = DiskNearlyFull(what, free_bytes=self.free, reserve_bytes=reserve)
            logger.error("%s: writes are refused", what)
        elif self.refusal is not None and self.free >= reserve * _AGAIN:
            self.refusal = None
            logger.warning("the disk of %s has room again: writes are taken", name)
        self._tell_documents()

    def check(self, host: LineHost, group: bytes) -> None:
        """Raise `DiskNearlyFull` if a user's write would be ordered here, and must not be."""
        if self.refusal is None or not (host.leads or host.group is None):
            return
        deletes_too = self.free * DELETES_PART >= self.reserve
        if not _frees(group, deletes_too):
            raise self.refusal

    def check_room(self) -> None:
        """Raise `DiskNearlyFull` while there is less room than the reserve."""
        if self.refusal is not None:
            raise self.refusal

    def status(self) -> dict[str, Any]:
        """What people want to know."""
        return {"free_bytes": self.free, "size_bytes": self.size, "reserve_bytes": self.reserve}

    def _tell_documents(self) -> None:
        for replica in self._node.graphs.replicas():
            writer = replica.writer
            if self.refusal is not None and writer.error is None:
                writer.error = self.refusal
                writer.watch()
            elif self.refusal is None and isinstance(writer.error, DiskNearlyFull):
                writer.error = None
                writer.watch()


def _frees(group: bytes, deletes_too: bool) -> bool:
    """Whether it only takes rows away: all of a table's, or some if `deletes_too`. A program that
    begins opens a session."""
    try:
        commands = decode_group(group).commands
    except BadFrame:
        return False
    return all(
        isinstance(each, ClearTable | OpenSession) or (deletes_too and _only_deletes(each))
        for each in commands
    )


def _only_deletes(command: Command) -> bool:
    match command:
        case Delete():
            return True
        case Transact(writes=writes):
            return all(write.value is None for write in writes)
        case CompareAndSet(value=value):
            return value is None
    return False
