"""Verification: every acknowledged record, on every node, value by value."""

import asyncio
from typing import Any

import msgspec

from plait import entry
from plait.api.store import Store
from plait.base.errors import PlaitError, Unavailable
from plait.cli.demo.cluster import DemoCluster


class Verified(msgspec.Struct, frozen=True):
    """What one node holds of what was acknowledged."""

    node: str
    checked: int
    missing: tuple[str, ...]  # table/key
    different: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Acknowledged records that this node has not, or not as acknowledged."""
        return len(self.missing) + len(self.different)


async def caught_up(store: Store, timeout_s: float = 60.0) -> None:
    """Wait until every node has applied everything that the leaders committed."""
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout_s
    while loop.time() < until:
        status = (await store.status())["nodes"]
        if all("error" not in node for node in status.values()) and _level(status):
            return
        await asyncio.sleep(0.1)
    raise Unavailable(f"the nodes did not catch up within {timeout_s:.0f} s")


def _level(status: dict[str, Any]) -> bool:
    applied: dict[str, set[int]] = {}
    for node in status.values():
        for line, here in node["lines"].items():
            applied.setdefault(line, set()).add(here["applied"])
    counts = {len(node["lines"]) for node in status.values()}
    return len(counts) == 1 and all(len(positions) == 1 for positions in applied.values())


async def verify_node(
    cluster: DemoCluster, name: str, expected: dict[str, dict[str, Any]]
) -> Verified:
    """Read whole tables from one node alone and compare; `expected` is table to key to value."""
    missing: list[str] = []
    different: list[str] = []
    checked = 0
    async with entry.connect(f"plait://{cluster.addresses[name]}", only=True) as store:
        for table_name, rows in expected.items():
            table = await store.table(table_name, read="nearest")
            found = {key: value async for key, value in table.scan()}
            for key, value in rows.items():
                checked += 1
                if key not in found:
                    missing.append(f"{table_name}/{key}")
                elif found[key] != value:
                    different.append(f"{table_name}/{key}")
    return Verified(name, checked, tuple(missing), tuple(different))


async def most_advanced(store: Store, candidates: tuple[str, ...]) -> str:
    """The candidate whose logs reach furthest: what `plait promote` would choose."""
    status = (await store.status())["nodes"]

    def reach(name: str) -> tuple[int, str]:
        node = status.get(name, {})
        return sum(line["durable"] for line in node.get("lines", {}).values()), name

    alive = [name for name in candidates if "error" not in status.get(name, {"error": ""})]
    if not alive:
        raise PlaitError("no follower answers")
    return max(alive, key=reach)
