"""The demo's world, for whoever has a hand on it: links are cut, slowed; nodes paused, killed.

Everything is said in names of nodes; a link is two of them, in both directions. One thing is done
at a time. What cannot be done as things are (pausing a dead node) is `BadSettings` and changes
nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from plait.base.errors import BadSettings
from plait.cli.demo.cluster import DemoCluster

DELAY_S_MAX = 5.0


class World:
    """What is wrong with a cluster's world, and what makes it so."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._turn = asyncio.Lock()
        self._starting: set[str] = set()

    def state(self) -> dict[str, Any]:
        """``links``: ``ends``, ``cut``, ``delay_s``, ``bytes``; ``nodes``: ``state``, ``pid``."""
        links = [
            {
                "ends": list(ends),
                "cut": there.cut,
                "delay_s": there.delay_s,
                "bytes": [there.passed_bytes, back.passed_bytes],
            }
            for ends, (there, back) in self._cluster.links().items()
        ]
        return {"links": links, "nodes": {name: self._node(name) for name in self._cluster.names}}

    def _node(self, name: str) -> dict[str, Any]:
        cluster = self._cluster
        if name in self._starting:
            return {"state": "starting", "pid": None}
        if not cluster.runs(name):
            return {"state": "dead", "pid": None}
        return {"state": "paused" if cluster.paused(name) else "up", "pid": cluster.pid(name)}

    # ------------------------------------------------------------------------------- links

    async def cut(self, *names: str) -> None:
        """Cut the link between two nodes, or every link of one."""
        async with self._turn:
            for there, back in self._links(names):
                there.sever()
                back.sever()

    async def slow(self, delay_s: float, *names: str) -> None:
        """Everything on the link between two nodes, or on every link of one, takes longer."""
        if not 0 <= delay_s <= DELAY_S_MAX:
            raise BadSettings(f"a delay is 0 to {DELAY_S_MAX:.0f} s, not {delay_s}")
        async with self._turn:
            for there, back in self._links(names):
                there.delay_s = back.delay_s = delay_s

    async def heal(self, *names: str) -> None:
        """Mend a link, every link of a node, or without names everything: paused nodes go on and
        dead ones are started again, too."""
        async with self._turn:
            for there, back in self._links(names):
                there.heal()
                back.heal()
            if not names:
                for name in self._cluster.names:
                    if self._cluster.paused(name):
                        self._cluster.resume(name)
                dead = [name for name in self._cluster.names if not self._cluster.runs(name)]
                await asyncio.gather(*map(self._start, dead))

    def _links(self, names: Sequence[str]) -> list[Any]:
        for name in names:
            self._check(name)
        if len(set(names)) != len(names) or len(names) > 2:
            raise BadSettings(f"a link has two ends, not {', '.join(names)}")
        return [both for ends, both in self._cluster.links().items() if set(names) <= set(ends)]

    # ------------------------------------------------------------------------------- nodes

    async def pause(self, name: str) -> None:
        """SIGSTOP."""
        async with self._turn:
            self._check(name, "up")
            self._cluster.pause(name)

    async def resume(self, name: str) -> None:
        """SIGCONT."""
        async with self._turn:
            self._check(name, "paused")
            self._cluster.resume(name)

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        async with self._turn:
            self._check(name, "up", "paused")
            self._cluster.kill(name)

    async def restart(self, name: str) -> None:
        """Start a dead node again; returns when it listens. `Unavailable` if it does not."""
        async with self._turn:
            self._check(name, "dead")
            await self._start(name)

    async def _start(self, name: str) -> None:
        self._starting.add(name)
        try:
            await self._cluster.start_node(name)
        finally:
            self._starting.discard(name)

    def _check(self, name: str, *states: str) -> None:
        """Raise unless the node exists, and is in one of `states`, if any are given."""
        if name not in self._cluster.names:
            raise BadSettings(f"no node is called {name!r}; {', '.join(self._cluster.names)} are")
        state = self._node(name)["state"]
        if states and state not in states:
            raise BadSettings(f"{name} is {state}, not {' or '.join(states)}")
