"""The relays that one node syncs its documents through: those that it was told of, and the one of
the cluster where a shared engine orders everything, for its nodes may not reach each other.

Invariant: at most one handle for each relay, or a store would take itself for a copy of itself.

Absent: what a handle does (`relay_handle`).
"""

import asyncio
import contextlib

from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.engines.sharing import public_url
from plait.node.relay_handle import EVERY_S, Node, RelayHandle, RelaySync

CLOSE_S = 10.0


class Relays:
    """The relays that one node syncs through; where an engine orders everything, one by itself."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._handles: dict[str, RelayHandle] = {}

    @property
    def any(self) -> bool:
        """Whether what is not here may come through a relay."""
        return bool(self._handles)

    async def sync_through(self, url: str, name: str, every_s: float) -> RelayHandle:
        """Sync every collection through the relay of that name until the handle, or the node, is
        closed. The first round is done when this returns. `BadSettings` if it is done already."""
        handle = self.begin(url, node_name(name), every_s, begins=True)
        await handle.round()
        if isinstance(handle.error, BadSettings):
            self._handles = {w: each for w, each in self._handles.items() if each is not handle}
            raise handle.error
        self._node.spawn(handle.run())
        return handle

    def begin(self, url: str, name: str, every_s: float, begins: bool) -> RelayHandle:
        """A handle that does not run yet."""
        where = f"{public_url(url)}#{name}"
        if where in self._handles:
            raise BadSettings(f"documents are synced through {where} already")
        sync = RelaySync(self._node, url, name, where, begins)
        handle = RelayHandle(self._node, sync, every_s, lambda: self._handles.pop(where, None))
        self._handles[where] = handle
        return handle

    def of_cluster(self, url: str, name: str) -> None:
        """Sync for as long as the node lives: the other nodes may be out of its reach. Which
        collections there are the control line says, so none is begun because another has it."""
        self._node.spawn(self.begin(url, name, EVERY_S, begins=False).run())

    async def close(self) -> None:
        """Leave what was written, and stop."""
        for handle in list(self._handles.values()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(handle.close(), CLOSE_S)
