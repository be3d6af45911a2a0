"""A store as it was: the `Backend` port where everything can be read, and nothing written.

It refuses what would write, with `ReadOnly`, before anything is done; whoever served the past would
let it go with the rest. Documents are read through replicas that refuse in the same way.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from os import PathLike
from typing import Any, NoReturn

from plait.api.infos import GraphInfo, MachineInfo, TableInfo
from plait.api.messages import FeedItem, Query
from plait.api.past_documents import PastReplica
from plait.api.port import (
    Answers,
    Backend,
    Copies,
    DocumentsLink,
    FolderSync,
    Here,
    Mark,
    Places,
    Receipt,
)
from plait.api.settings import Eventual, ReadOptions, Settings
from plait.base.errors import PlaitError, ReadOnly
from plait.engines.graph_port import GraphReplica
from plait.types.machines import MachineClass
from plait.types.rights_commands import RightsCommand


class PastBackend:
    """Implements `plait.api.port.Backend` over one that serves a copy which nobody else sees."""

    def __init__(self, inner: Backend, moment: str) -> None:
        self._inner = inner
        self._moment = moment

    def _refuse(self) -> NoReturn:
        raise ReadOnly(f"this is the store as of {self._moment}: it can only be read")

    # ------------------------------------------------------------------ reading

    async def open_table(self, name: str, settings: Settings | None) -> TableInfo:
        """Find; `NoSuchCollection` if there was none."""
        return await self._inner.open_table(name, None)

    async def tables(self) -> list[TableInfo]:
        """Those that there were."""
        return await self._inner.tables()

    async def open_machine(
        self, name: str, machine: MachineClass, settings: Settings | None
    ) -> MachineInfo:
        """Find; `NoSuchCollection` if there was none."""
        return await self._inner.open_machine(name, machine, None)

    async def open_graph(self, name: str, settings: Eventual | None) -> GraphReplica:
        """Find; `NoSuchCollection` if there was none, `NoHistory` if that is not kept."""
        return PastReplica(await self._inner.open_graph(name, None), self._refuse)

    async def graphs(self) -> list[GraphInfo]:
        """Those that there were."""
        return await self._inner.graphs()

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """Nothing is ever late here."""
        return await self._inner.read(line, queries, ReadOptions(), after)

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        """What is there at once."""
        return self._inner.glance(line, queries, ReadOptions(), after)

    def follow(
        self, line: str, table: int, start: tuple[int, int] | None
    ) -> AsyncIterator[Sequence[FeedItem]]:
        """What is kept of the log."""
        return self._inner.follow(line, table, start)

    async def dropped(self) -> list[dict[str, Any]]:
        """What had been dropped by then."""
        return await self._inner.dropped()

    async def open_dropped(self, name: str) -> TableInfo:
        """What had been dropped by then."""
        return await self._inner.open_dropped(name)

    @property
    def here(self) -> Here:
        """What serves it."""
        return self._inner.here

    async def status(self) -> dict[str, Any]:
        """Of what serves it."""
        return await self._inner.status()

    async def examine(self) -> dict[str, Any]:
        """Of what serves it."""
        return await self._inner.examine()

    async def members(self) -> list[dict[str, Any]]:
        """Of what serves it."""
        return await self._inner.members()

    async def flush(self) -> None:
        """Nothing is written."""

    async def close(self) -> None:
        """Let it go."""
        await self._inner.close()

    # ------------------------------------------------------------------ refused

    def submit(self, line: str, command: bytes, acks: str | None) -> Awaitable[Receipt]:
        """Refuse."""
        self._refuse()

    async def drop_table(self, name: str) -> None:
        """Refuse."""
        self._refuse()

    async def keep_before(self, name: str, on: bool) -> None:
        """Refuse."""
        self._refuse()

    async def drop_graph(self, name: str) -> None:
        """Refuse."""
        self._refuse()

    async def link_graph(
        self, name: str, hear: Callable[[bytes], None], ended: Callable[[PlaitError], None]
    ) -> DocumentsLink:
        """Refuse: a guest writes."""
        self._refuse()

    async def sync_folder(self, path: str | PathLike[str], every_s: float) -> FolderSync:
        """Refuse."""
        self._refuse()

    async def sync_through(self, url: str, name: str, every_s: float) -> FolderSync:
        """Refuse."""
        self._refuse()

    async def promote(
        self, node: str | None, line: str | None, accept_loss: bool, timeout_s: float
    ) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def switch_over(self, target: str, line: str | None, timeout_s: float) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    @property
    def places(self) -> Places:
        """Refuse."""
        self._refuse()

    async def join(
        self, name: str, address: str, witness: bool, timeout_s: float, zone: str = ""
    ) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def leave(self, name: str, timeout_s: float) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

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
        """Refuse."""
        self._refuse()

    async def move(
        self, what: str, to: str, timeout_s: float, forced_by: str = "", accept_loss: bool = False
    ) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def backup(
        self, folder: str | PathLike[str], supersedes: str, bytes_per_s: float | None
    ) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def at(self, moment: str) -> Backend:
        """Refuse: ask the store of the present."""
        self._refuse()

    async def copies(self, moment: str) -> Copies:
        """Refuse: ask the store of the present."""
        self._refuse()

    async def rights(self, command: RightsCommand | None) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def rescued(self) -> list[dict[str, Any]]:
        """Nothing was cut from a copy."""
        return []

    async def show_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def replay_rescued(self, node: str, rescued: int) -> dict[str, Any]:
        """Refuse."""
        self._refuse()

    async def drop_rescued(self, node: str, rescued: int) -> None:
        """Refuse."""
        self._refuse()
