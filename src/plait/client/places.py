"""Where nodes are, asked from afar: implements `plait.api.port.Places`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from plait.api.messages import SetZone, WantLeaders
from plait.client.attempts import Attempts
from plait.client.cluster import Cluster

Anywhere = Callable[..., Awaitable[Any]]  # `NetworkBackend._anywhere`


class NetworkPlaces:
    """Asks whoever leads the control line."""

    def __init__(self, cluster: Cluster, anywhere: Anywhere) -> None:
        self._cluster = cluster
        self._anywhere = anywhere

    async def set_zone(self, name: str, zone: str, timeout_s: float) -> dict[str, Any]:
        """See `Places`. Safe to repeat."""
        return await self._ask(f"a zone for {name!r}", timeout_s, SetZone, name, zone, timeout_s)

    async def prefer_zones(
        self, zones: Sequence[str], what: str | None, timeout_s: float
    ) -> dict[str, Any]:
        """See `Places`. Safe to repeat."""
        return await self._ask(
            "where leaders are wanted", timeout_s, WantLeaders, tuple(zones), what, timeout_s
        )

    async def _ask(self, what: str, timeout_s: float, *asked: Any) -> dict[str, Any]:
        attempts: Attempts = self._cluster.attempts(timeout_s)
        answer = await self._anywhere(what, *asked, attempts=attempts)
        return dict(answer.value)
