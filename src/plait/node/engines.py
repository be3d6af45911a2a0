"""The shared engines that this node speaks to: one connection each, made when first asked for.

Everything of its lines is kept under the cluster's name there, so two clusters on one server never
mix; a relay has a name of its own (`named`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from plait.base.errors import BadSettings
from plait.base.ports import Clock, Random
from plait.engines.shared import SharedEngine
from plait.engines.sharing import connect as connect_by_scheme

Connect: TypeAlias = Callable[[str, str, Clock, Random], Awaitable[SharedEngine]]


class Named(Protocol):
    """Whoever knows what the cluster is called on engines."""

    async def named(self) -> str: ...


class Owner(Protocol):
    """The node, as far as its engines need it."""

    clock: Clock
    random: Random

    @property
    def roster(self) -> Named: ...


class Engines:
    """Connections by URL."""

    def __init__(self, node: Owner, connect: Connect = connect_by_scheme) -> None:
        self._node = node
        self._connect = connect
        self._engines: dict[tuple[str, str], SharedEngine] = {}  # "": under the cluster's name
        self._connecting: dict[tuple[str, str], asyncio.Lock] = {}

    async def get(self, url: str) -> SharedEngine:
        """The engine at `url`; `BadSettings` or `Unavailable` if there is none to be had."""
        return await self.named(url, "")

    async def named(self, url: str, namespace: str) -> SharedEngine:
        """The engine at `url` with what is kept there under another name than the cluster's."""
        place = url, namespace
        async with self._connecting.setdefault(place, asyncio.Lock()):
            engine = self._engines.get(place)
            if engine is None:
                node = self._node
                name = namespace or await node.roster.named()
                engine = await self._connect(url, name, node.clock, node.random)
                self._engines[place] = engine
            return engine

    async def sound(self, url: str) -> SharedEngine:
        """The same, if it keeps what it acknowledges; else `BadSettings` that says what to set."""
        engine = await self.get(url)
        refused = [each for each in await engine.examine() if each.severity == "refuse"]
        if refused:
            raise BadSettings(
                f"{engine.url} could lose what it acknowledged: "
                + "; ".join(f"{each.what} ({each.remedy})" for each in refused)
            )
        return engine

    def used(self) -> list[SharedEngine]:
        """The engines that this node speaks to."""
        return [self._engines[place] for place in sorted(self._engines)]

    async def close(self) -> None:
        """Hang up."""
        while self._engines:
            _, engine = self._engines.popitem()
            await engine.close()
