"""The shared engines that this node speaks to: one connection each, made when first asked for.

Everything of its lines is kept under the cluster's name there, so two clusters on one server never
mix; a relay has a name of its own (`named`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from plait.base.errors import BadSettings, Unavailable
from plait.base.ports import Clock, Random
from plait.engines.shared import SharedEngine
from plait.engines.sharing import connect as connect_by_scheme

SILENT_S = 2.0  # an engine that let us wait longer is not asked again for as long

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
        self._silent: dict[str, tuple[float, str]] = {}  # until when not to ask, and why

    async def get(self, url: str) -> SharedEngine:
        """The engine at `url`; `BadSettings` or `Unavailable` if there is none to be had."""
        return await self.named(url, "")

    async def named(self, url: str, namespace: str) -> SharedEngine:
        """The engine at `url` with what is kept there under another name than the cluster's."""
        place = url, namespace
        async with self._connecting.setdefault(place, asyncio.Lock()):
            engine = self._engines.get(place)
            if engine is None:
                engine = self._engines[place] = await self._connected(url, namespace)
            return engine

    async def _connected(self, url: str, namespace: str) -> SharedEngine:
        node, began = self._node, self._node.clock.monotonic()
        silent = self._silent.get(url)
        if silent is not None and began < silent[0]:
            raise Unavailable(silent[1])
        name = namespace or await node.roster.named()
        try:
            return await self._connect(url, name, node.clock, node.random)
        except Unavailable as error:
            now = node.clock.monotonic()
            if now - began > SILENT_S:  # the next line need not wait as long to hear the same
                self._silent[url] = now + SILENT_S, error.message
            raise

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
