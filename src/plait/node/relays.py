"""The relays that one node syncs its documents through: those that it was told of, and the one of
the cluster where a shared engine orders everything, for its nodes may not reach each other.

Invariant: at most one at a time under each name, or a store would take itself for a copy of itself.

Absent: what a handle does (`relay_handle`).
"""

import asyncio
import contextlib
from typing import Any

from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.engines.sharing import public_url
from plait.node.folder_report import RoundReport
from plait.node.relay_handle import EVERY_S, Node, RelayHandle, RelaySync, Tell, tell_nobody

CLOSE_S = 6.0


class Relays:
    """The relays that one node syncs through; where an engine orders everything, one by itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._handles: dict[str, RelayHandle] = {}

    @property
    def any(self) -> bool:
        """Whether what is not here may come through a relay."""
        return bool(self._handles)

    async def round(self, url: str, name: str) -> RoundReport:
        """Do one round. `BadSettings` if documents are synced under that name already."""
        sync = self._sync(url, node_name(name))
        try:
            return await sync.round()
        finally:
            await sync.relay.close()

    async def sync_through(
        self, url: str, name: str, every_s: float, tell: Tell = tell_nobody
    ) -> RelayHandle:
        """Sync every collection through the relay of that name until the handle, or the node, is
        closed. The first round is done when this returns. `BadSettings` if it is done already."""
        sync = self._sync(url, node_name(name))
        handle = self._begin(sync, name, every_s, tell)
        await handle.round()
        if isinstance(handle.error, BadSettings):
            self._handles.pop(name, None)
            raise handle.error
        self._node.spawn(handle.run())
        return handle

    def of_cluster(self, url: str, name: str) -> None:
        """Sync for as long as the node lives: the other nodes may be out of its reach. Which
        collections there are the control line says, so none is begun because another has it."""
        sync = RelaySync(self._node, lambda: self._node.engines.get(url), name, name, begins=False)
        self._node.spawn(self._begin(sync, name, EVERY_S, tell_nobody).run())

    def _sync(self, url: str, name: str) -> RelaySync:
        if name in self._handles:
            raise BadSettings(f"documents are synced with others of {name!r} already")
        engines = self._node.engines
        where = f"{public_url(url)} ({name})"
        return RelaySync(self._node, lambda: engines.named(url, name), name, where)

    def _begin(self, sync: RelaySync, name: str, every_s: float, tell: Tell) -> RelayHandle:
        handle = RelayHandle(self._node, sync, every_s, lambda: self._handles.pop(name, None), tell)
        self._handles[name] = handle
        return handle

    def status(self) -> dict[str, Any]:
        """What people want to know, by name."""
        return {
            name: {
                "rounds": handle.rounds,
                "error": None if handle.error is None else str(handle.error),
                "wrong": [] if handle.last is None else handle.last.wrong,
            }
            for name, handle in sorted(self._handles.items())
        }

    async def close(self) -> None:
        """Leave what was written, and stop."""
        for handle in list(self._handles.values()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(handle.close(), CLOSE_S)
