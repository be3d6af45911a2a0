"""Reading the demo's status: who is ahead, how far the others are behind."""

import asyncio
import statistics
from typing import Any

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.exits import DemoFailed
from plait.cli.status_page import epoch_order

SAMPLE_EVERY_S = 0.1


def line_states(status: dict[str, Any], line: str) -> dict[str, dict[str, Any]]:
    """What each node that answered says about `line`."""
    return {
        name: node["lines"][line]
        for name, node in sorted(status["nodes"].items())
        if line in node.get("lines", {})
    }


def most_advanced(states: dict[str, dict[str, Any]]) -> str:
    """The follower with the highest last epoch and, in it, the highest tail on disk."""
    followers = {name: state for name, state in states.items() if state["role"] != "leader"}
    if not followers:
        raise DemoFailed("no follower answers")
    return max(
        followers,
        key=lambda name: (epoch_order(followers[name]["epoch"]), followers[name]["durable"]),
    )


class LagSampler:
    """Samples how far followers are behind while a stream of writes goes on."""

    def __init__(self, store: Store, line: str) -> None:
        self._store = store
        self._line = line
        self.samples_s: list[float] = []
        self._task = asyncio.create_task(self._sample())

    @property
    def median_s(self) -> float | None:
        """The median of all samples, if there are any."""
        return statistics.median(self.samples_s) if self.samples_s else None

    async def stop(self) -> None:
        """No more samples."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _sample(self) -> None:
        while True:
            try:
                states = line_states(await self._store.status(), self._line)
            except PlaitError:
                states = {}
            for state in states.values():
                for follower in state.get("followers", {}).values():
                    if follower["state"] == "replicate":
                        self.samples_s.append(float(follower["lag"]["seconds"]))
            await asyncio.sleep(SAMPLE_EVERY_S)


async def wait_unreplicated(store: Store, node: str, line: str, timeout_s: float) -> int:
    """Wait until the leader holds entries on disk that are not committed; how many."""
    async with asyncio.timeout(timeout_s):
        while True:
            state = line_states(await store.status(), line).get(node, {})
            if ahead := state.get("durable", 0) - state.get("committed", 0):
                return int(ahead)
            await asyncio.sleep(0.02)


async def wait_caught_up(store: Store, nodes: list[str], line: str, timeout_s: float) -> None:
    """Wait until every node has applied all that the leader has committed."""
    states: dict[str, dict[str, Any]] = {}
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                states = line_states(await store.status(), line)
                leading = [s["committed"] for s in states.values() if s["role"] == "leader"]
                if leading and all(
                    name in states and states[name]["applied"] >= max(leading) for name in nodes
                ):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        places = {name: (s["role"], s["applied"]) for name, s in states.items()}
        raise DemoFailed(f"the nodes did not catch up in {timeout_s:.0f} s: {places}") from None
