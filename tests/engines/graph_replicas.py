"""Replicas of one graph in one process, linked by queues that can be cut."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from plait.base.causality import VersionVector
from plait.base.ports import Storage
from plait.engines.graph import GraphOptions, Replica, open_replica
from plait.host.clock import SystemClock
from plait.types.paths import Path

LINEAGE = "0123456789abcdef" * 2
FOUNDER = 4711
TITLE: Path = ("r:title",)

Say = Callable[[bytes], None]


def options(node: str, *, founds: bool = False, **more: Any) -> GraphOptions:
    """The options of one replica of the graph."""
    return GraphOptions("notes", LINEAGE, FOUNDER, founds, node, **more)


async def opened(
    storage: Storage, node: str = "a", *, founds: bool = True, seed: int = 1, **more: Any
) -> Replica:
    """A replica over a storage."""
    chance = random.Random(f"{node}/{seed}")
    return await open_replica(options(node, founds=founds, **more), storage, SystemClock(), chance)


def put(replica: Replica, key: str, value: Any) -> tuple[int, int] | None:
    """Assign a title."""
    return replica.mutate(key, TITLE, ("set", value))


def title(replica: Replica, key: str) -> Any:
    """Read a title."""
    state = replica.object(key, TITLE)
    return None if state is None else state_value(state)


def state_value(state: Any) -> Any:
    """What a register's state reads as."""
    from_cells = [cell for cells in state.slots.values() for cell in cells.values()]
    return max(from_cells)[1] if from_cells else None


def canonical(replica: Replica) -> bytes:
    """The canonical bytes, folded to nothing."""
    scope = replica.parts.scope
    replica.settle()
    return replica.parts.shelf.canonical(scope.cut())


class Wire:
    """A link between two replicas; `cut` loses what is under way."""

    def __init__(self, one: Replica, other: Replica) -> None:
        self.ends = {"one": one, "other": other}
        self.alive = True
        one.linked(f"w{id(self)}", self._say("other"))
        other.linked(f"w{id(self)}", self._say("one"))

    def _say(self, end: str) -> Say:
        loop = asyncio.get_running_loop()

        def deliver(data: bytes) -> None:
            if self.alive:
                self.ends[end].received(f"w{id(self)}", data)

        return lambda data: loop.call_soon(deliver, data) and None  # type: ignore[func-returns-value]

    def cut(self) -> None:
        """The connection breaks."""
        self.alive = False
        for replica in self.ends.values():
            replica.unlinked(f"w{id(self)}")


async def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.005)


async def same(*replicas: Replica) -> None:
    """Wait until all have seen the same, and check that they hold the same."""

    def agree() -> bool:
        for replica in replicas:
            replica.settle()
        return all(dict(r.vector) == dict(replicas[0].vector) for r in replicas[1:])

    await until(agree)
    # at one cut, which is at least as late as what each of them has folded
    cut = VersionVector()
    for replica in replicas:
        cut.merge(replica.parts.scope.cut())
    assert len({replica.parts.shelf.canonical(cut) for replica in replicas}) == 1
