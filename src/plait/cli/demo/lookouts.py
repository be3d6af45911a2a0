"""What each node says of itself, asked all the time, each by a client of its own.

A node that is paused or dead keeps nobody waiting for the others: what it said last is shown with
its age. Absent: what nodes say of each other; that is in what each says.
"""

import asyncio
import contextlib
import time
from typing import Any

from plait import entry
from plait.api.store import Store
from plait.base.errors import PlaitError
from plait.cli.demo.cluster import DemoCluster
from plait.client.limits import ClientLimits

EVERY_S = 0.25
LIMITS = ClientLimits(admin_s=2.0, start_s=2.0, pause_max_s=0.2)
UNWATCHED_S = 5.0  # without anybody who asked, nodes are left alone


class Lookouts:
    """One for each node."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self._told: dict[str, tuple[float, dict[str, Any]]] = {}
        self._errors: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._asked = 0.0
        self._wanted = asyncio.Event()

    def start(self) -> None:
        """Begin to ask."""
        self._tasks = [asyncio.create_task(self._watch(name)) for name in self._cluster.names]

    async def stop(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status(self) -> dict[str, Any]:
        """As `Store.status` has it, with the ``age_s`` of what each node said; an ``error`` of one
        that is silent stands beside what it said last."""
        if time.monotonic() - self._asked > UNWATCHED_S:
            self._told.clear()  # nobody asked them meanwhile: old, and not for their silence
        self._asked = time.monotonic()
        self._wanted.set()
        nodes: dict[str, Any] = {}
        for name in self._cluster.names:
            at, status = self._told.get(name, (None, {}))
            nodes[name] = dict(status)
            if at is not None:
                nodes[name]["age_s"] = round(self._asked - at, 3)
            if name in self._errors:
                nodes[name]["error"] = self._errors[name]
        return {"nodes": nodes}

    async def _watch(self, name: str) -> None:
        url = f"plait://{self._cluster.addresses[name]}"
        while True:
            with contextlib.suppress(PlaitError):
                async with entry.connect(url, only=True, limits=LIMITS, name="lookout") as store:
                    await self._ask(name, store)
            await asyncio.sleep(EVERY_S)

    async def _ask(self, name: str, store: Store) -> None:
        while True:
            if time.monotonic() - self._asked > UNWATCHED_S:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                answer: dict[str, Any] = (await store.status())["nodes"].get(name, {})
            except PlaitError as error:
                answer = {"error": error.message}
            if not answer or "error" in answer:
                self._errors[name] = answer.get("error", "it does not answer")
            else:
                self._errors.pop(name, None)
                self._told[name] = (time.monotonic(), answer)
            await asyncio.sleep(EVERY_S)
