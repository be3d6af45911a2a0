"""Upkeep of a line whose log is on a shared engine: copies of the state there, and a bounded log.

Any node may do it; each looks first whether another has, at a moment of its own. A node that is
new, or was away for longer than the log reaches back, begins with the newest copy.

A node whose state was found to differ from the others' begins with a copy as well, which one of
them makes for it. It stopped at the verdict, and so did whoever differs like it: whatever copy
stands behind that is sound.

Invariant: the log is trimmed only below a whole copy of the state that the engine keeps, so that
there is always something to begin with.
"""

import logging
from typing import Any, Protocol

from plait.base.errors import TooStale
from plait.base.ports import Clock, Random, StateStorage
from plait.engines.chain import Chain
from plait.engines.checkpoint import load_checkpoint
from plait.engines.replica import Replica
from plait.engines.shared import SharedCopy, SharedEngine
from plait.node.config import NodeConfig
from plait.node.engines import Engines
from plait.node.retention import Retention
from plait.node.segments import SHARED, place_of, shared_of

logger = logging.getLogger("plait.line")

LOOK_S = 5.0  # between two looks at the copies, and how far apart two nodes' looks may be
CHUNK_BYTES = 512 << 10


class Owner(Protocol):
    """The node, as far as upkeep needs it."""

    name: str
    config: NodeConfig
    clock: Clock
    random: Random
    engines: Engines


class EngineUpkeep:
    """One line's, at one node."""

    def __init__(
        self, node: Owner, line: str, chain: Chain, replica: Replica, state: StateStorage
    ) -> None:
        self._node = node
        self._line = line
        self._chain = chain
        self._replica = replica
        self._state = state
        self._looked_at = node.clock.monotonic() - LOOK_S
        self._copied_bytes = 0  # of log that was folded when a copy was last made or seen
        self._copy: SharedCopy | None = None  # the newest that is known on the engine
        self.installed = 0  # copies that this node began with
        self._taking = False  # this node's own state is of no use
        self._offering = False  # another's is
        self._copied_to: str | None = None  # that engine: what another keeps helps nobody here

    @property
    def _engine_url(self) -> str | None:
        loglet = self._chain.configuration.last.loglet
        return shared_of(loglet.params).url if loglet.engine == SHARED else None

    def take_copy(self) -> None:
        """Replace the state by a newer copy, once the engine has one."""
        self._taking = True

    def offer_copy(self) -> None:
        """Put a copy there soon, for another node."""
        self._offering = True

    async def trim(self, retention: Retention) -> None:
        """Begin with a copy if that is needed; else make one if it is time, and trim the log."""
        url = self._engine_url
        if url is None:
            return
        if url != self._copied_to:
            self._copy, self._copied_to = None, url
        replica, engine = self._replica, await self._node.engines.get(url)
        if replica.needs_snapshot is not None or self._taking:
            await self._begin_with_copy(engine)
            return
        if replica.halted is not None:
            return  # what it has is nothing to begin with
        if self._offering:
            await self._put_copy(engine)
            self._offering = False
        retention.note(replica.flushed, replica.applied_bytes)
        now = self._node.clock.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now - self._node.random.uniform(0.0, LOOK_S / 2)
        await self._look(engine)
        if self._copy is not None:
            before = min(retention.trimmable(replica.applied_bytes), self._copy.position)
            before = min(before, replica.flushed)
            if before > self._chain.head:
                await self._chain.trim(before)

    async def _look(self, engine: SharedEngine) -> None:
        found = await engine.latest_copy(self._line)
        if found is not None and (self._copy is None or found.position > self._copy.position):
            self._copy, self._copied_bytes = found, self._replica.applied_bytes
        base = self._chain.configuration.last.base
        since = self._replica.applied_bytes - self._copied_bytes
        orphaned = self._copy is None or self._copy.position < base
        if orphaned and base and self._replica.flushed >= base:
            await self._put_copy(engine)  # newcomers cannot read what was before the engine
        elif since >= self._node.config.limits.log_keep_bytes:
            await self._put_copy(engine)

    async def _put_copy(self, engine: SharedEngine) -> None:
        await self._replica.flush()
        position = load_checkpoint(self._state).applied
        folded = self._replica.applied_bytes
        snapshot = await self._state.snapshot()
        copy = SharedCopy(position, snapshot.size, snapshot.checksum, b"")
        try:
            await engine.put_copy(self._line, copy, snapshot)
        finally:
            snapshot.close()
        self._copy, self._copied_bytes = copy, folded
        logger.info("line %s: a copy at %s is on %s", self._line, position, engine.url)

    async def _begin_with_copy(self, engine: SharedEngine) -> None:
        copy = await engine.latest_copy(self._line)
        if copy is None or copy.position <= self._replica.applied:
            raise TooStale(f"{engine.url} keeps no copy of {self._line} that would help")
        incoming = self._state.incoming(f"shared-{copy.position}-{copy.checksum:08x}")
        while incoming.received < copy.size:
            count = min(CHUNK_BYTES, copy.size - incoming.received)
            incoming.write(await engine.read_copy(self._line, copy, incoming.received, count))
        await self._replica.install(incoming, copy.size, copy.checksum)
        if self._replica.halted is not None:
            await self._replica.reload()
        self._taking = False
        self.installed += 1
        logger.warning("line %s: began with a copy at %s", self._line, copy.position)

    def status(self) -> dict[str, Any]:
        """What people want to know of a line that an engine orders."""
        return {
            "role": "engine",
            "leader": None,
            "place": place_of(self._chain.configuration.last.loglet),
            "head": self._chain.head,
            "tail": self._chain.committed,  # as far as this node has heard
            "committed": self._chain.committed,
            "applied": self._replica.applied,
            "epoch": str(self._replica.epochs.current),
            "copy": None if self._copy is None else self._copy.position,
        }
