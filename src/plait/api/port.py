"""The port between the handles and what serves them: a node in this process, or the network.

`plait.node` and `plait.client` implement `Backend`; `Store`, `Table` and `Session` use nothing
else, so one program runs on both. Commands and values are already encoded and checked here.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from os import PathLike
from typing import Any, NamedTuple, Protocol

import msgspec

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages import FeedItem, Query
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.base.errors import PlaitError
from plait.engines.graph_port import GraphReplica
from plait.line.entry import Epoch
from plait.types.machines import MachineClass
from plait.types.rights_commands import RightsCommand


class Receipt(NamedTuple):
    """Where a write landed, what it waited for, and what a machine's command returned."""

    line: str
    epoch: Epoch
    position: int
    offset: int
    version: int
    acks: str  # the rule that was met when this was answered
    returned: bytes | None = None  # MessagePack; None also of every table


class Answers(NamedTuple):
    """Answers to queries, and the state that they saw."""

    epoch: Epoch
    position: int  # everything below it was applied
    lag_s: float  # seconds behind the leader's commit, as far as the replica knows
    values: Sequence[msgspec.Raw]  # MessagePack, one a query


Mark = tuple[Epoch, int]  # a session token's entry for one line: applied up to position


class Here(NamedTuple):
    """The node that a store speaks to, or is, and who that takes it for."""

    node: str
    cluster: str
    who: str = ""  # a user; "": nobody was asked


class DocumentsLink(Protocol):
    """A replica elsewhere, linked with the replica of a collection: a guest of the store's."""

    info: GraphInfo
    writes: tuple[str, ...] | None
    """What keys may begin with, to be written; None for everything. It holds from whenever
    something empty was heard until that is heard again."""

    def say(self, data: bytes) -> None:
        """What the guest says; nothing comes of it once the link has ended."""
        ...

    def close(self) -> None:
        """The guest goes away. Safe to repeat."""
        ...


class FolderSync(Protocol):
    """Rounds through a folder, or a relay, for as long as it is open."""

    error: PlaitError | None  # why the latest round failed
    rounds: int

    async def close(self) -> None:
        """One last round, and no more."""
        ...


class Copies(Protocol):
    """What a restore needs of a store as it is or was: files by name, lent for a while."""

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order; none if it is not there."""
        ...

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        ...

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        ...

    async def close(self) -> None:
        """They are needed no more."""
        ...


class Places(Protocol):
    """Where nodes are."""

    async def set_zone(self, name: str, zone: str, timeout_s: float) -> dict[str, Any]:
        """``node``, ``zone`` and where it was ``before``."""
        ...

    async def prefer_zones(
        self, zones: Sequence[str], what: str | None, timeout_s: float
    ) -> dict[str, Any]:
        """The ``line`` (None: every other one) whose leaders are wanted in these ``zones``."""
        ...


class Backend(Protocol):
    """What serves a store."""

    async def open_table(self, name: str, settings: Settings | None) -> TableInfo:
        """Find or create. `NoSuchCollection` if None and absent; `BadSettings` if different."""
        ...

    async def tables(self) -> list[TableInfo]: ...

    async def drop_table(self, name: str) -> None: ...

    async def keep_before(self, name: str, on: bool) -> None:
        """Begin, or end, to tell in feeds of the table what its rows were before each change.

        Safe to repeat. `NoSuchCollection`; `Unavailable` if some node does not know this yet.
        """
        ...

    async def open_machine(
        self, name: str, machine: MachineClass, settings: Settings | None
    ) -> MachineInfo:
        """Find or create; registers the class where the machine runs in this process.

        `NoSuchCollection`, `BadSettings`, `MachineMissing` or `MachineVersion` say why not.
        """
        ...

    async def open_graph(self, name: str, settings: Eventual | None) -> GraphReplica:
        """Find or create; this process's replica of it, the same one on every call.

        `NoSuchCollection` if None and absent; `BadSettings` if it has other settings.
        """
        ...

    async def graphs(self) -> list[GraphInfo]: ...

    async def drop_graph(self, name: str) -> None: ...

    async def link_graph(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """Link a guest. `NoSuchCollection` if absent. See `Store.link_documents`."""
        ...

    async def sync_folder(self, path: str | PathLike[str], every_s: float) -> FolderSync:
        """Sync every graph through a folder, until that is closed. `BadSettings` over the
        network, where it is for the node to do."""
        ...

    async def sync_through(self, url: str, name: str, every_s: float) -> FolderSync:
        """Sync every graph through the relay of that name on a shared engine, until that is
        closed. `BadSettings` over the network, where it is for the node to do."""
        ...

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """Order one encoded command; commands of one event-loop tick share a group.

        Applied exactly once however often the backend retries. Raises the command's own
        failure (`Conflict`, …) or why it could not be ordered.
        """
        ...

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers: ...

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        """What `read` would answer, if this process can and may answer it without waiting.

        None: ask `read`. Raises what a query raises.
        """
        ...

    def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        """Changes from `start` (position, offset), or from now on; ends only by being closed."""
        ...

    @property
    def here(self) -> Here:
        """Which node answers, as far as that can be said; `Unavailable` if none does."""
        ...

    async def status(self) -> dict[str, Any]: ...

    async def flush(self) -> None:
        """Return when everything acknowledged so far is folded into the state on disk."""
        ...

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]: ...

    async def switch_over(
        self, target: str, line: str | None, timeout_s: float
    ) -> dict[str, Any]: ...

    async def members(self) -> list[dict[str, Any]]:
        """Every node: ``name``, ``address``, ``role`` and ``leads_control``."""
        ...

    @property
    def places(self) -> Places: ...

    async def join(
        self, name: str, address: str, witness: bool, timeout_s: float, zone: str = ""
    ) -> dict[str, Any]: ...

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]: ...

    async def set_follower(
        self,
        name: str,
        delay_s: float | None,
        hold: str | None,
        go: bool,
        votes: bool | None,
        source: str | None = None,
        only: tuple[str, ...] | None = None,
    ) -> dict[str, Any]:
        """Log how a node follows from now on; what is None stays as it is."""
        ...

    async def dropped(self) -> list[dict[str, Any]]: ...

    async def open_dropped(self, name: str) -> TableInfo: ...

    async def examine(self) -> dict[str, Any]: ...

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]: ...

    async def backup(
        self, folder: str | PathLike[str], supersedes: str, bytes_per_s: float | None
    ) -> dict[str, Any]:
        """Add a backup to a folder: of this process's disk, or of the node's that does it."""
        ...

    async def at(self, moment: str) -> "Backend":
        """The store as it was, in a copy that goes when that is closed. See `Store.at`."""
        ...

    async def copies(self, moment: str) -> Copies:
        """What a restore at that moment needs, to be read. `NoHistory`."""
        ...

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]:
        """Change who may do what, or (None) not; how it is, without secrets."""
        ...

    async def rescued(self) -> list[dict[str, Any]]: ...

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]: ...

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]: ...

    async def drop_rescued(self, node: str, rescued: int) -> None: ...

    async def close(self) -> None: ...
