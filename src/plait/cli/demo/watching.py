"""Reading the demo's status: who leads and why, how far the others are behind."""

import asyncio
from typing import Any

from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.exits import DemoFailed
from plait.cli.status_page import leader_of

SAMPLE_EVERY_S = 0.1


def line_states(status: dict[str, Any], line: str) -> dict[str, dict[str, Any]]:
    """What each node that answered says about `line`."""
    return {
        name: node["lines"][line]
        for name, node in sorted(status["nodes"].items())
        if line in node.get("lines", {})
    }


def last_appointment(states: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """The newest automatic fail-over that any of these nodes knows of."""
    found = [state["failover"] for state in states.values() if state.get("failover")]
    appointments = [item for item in found if item.get("appointed")]
    return max(appointments, key=lambda item: int(item["times"]), default=None)


class LagSampler:
    """Samples how far followers are behind while a stream of writes goes on."""

    def __init__(self, store: Store, line: str) -> None:
        self._store = store
        self._line = line
        self.samples_s: list[float] = []
        self._task = asyncio.create_task(self._sample())

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


async def wait_led(store: Store, line: str, timeout_s: float) -> str:
    """Wait until somebody says that it leads; who."""
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                leader = leader_of(line, (await store.status())["nodes"])
                if leader is not None:
                    return leader
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise DemoFailed(f"nobody led {line} within {timeout_s:.0f} s") from None


async def wait_caught_up(store: Store, nodes: tuple[str, ...], line: str, timeout_s: float) -> None:
    """Wait until every node has applied all that the leader had committed when this began."""
    states: dict[str, dict[str, Any]] = {}
    goal: int | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                states = line_states(await store.status(), line)
                if goal is None:
                    leading = [s["committed"] for s in states.values() if s["role"] == "leader"]
                    goal = max(leading, default=None)
                if goal is not None and all(
                    name in states and states[name]["applied"] >= goal for name in nodes
                ):
                    return
                await asyncio.sleep(0.05)
    except TimeoutError:
        places = {name: (s["role"], s["applied"]) for name, s in states.items()}
        raise DemoFailed(f"the nodes did not catch up in {timeout_s:.0f} s: {places}") from None
