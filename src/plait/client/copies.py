"""What a node lends for a restore, file by file: `plait.api.port.Copies` over the network."""

from typing import Any

from plait.api.messages import CopyNames, ReadCopy
from plait.base.errors import Corrupt
from plait.client.cluster import Cluster

AT_ONCE_BYTES = 4 << 20
READ_S = 60.0


class LentCopies:
    """Of one node. Nobody takes over when it fails: what it lent is of its own folder."""

    def __init__(self, cluster: Cluster, node: str, copies: str) -> None:
        self._cluster = cluster
        self._node = node
        self._copies = copies

    async def names(self, folder: str) -> list[str]:
        """The names below a folder, in order."""
        return list(await self._ask(CopyNames, folder))

    async def size(self, name: str) -> int | None:
        """How long a file is; None if it is not there."""
        found = await self._ask(ReadCopy, name, 0, 0)
        return None if found is None else int(found[0])

    async def read(self, name: str, bytes_max: int) -> bytes:
        """All of a file. `Corrupt` if it is not there or longer than that."""
        data, size = b"", 1
        while len(data) < size:
            found = await self._ask(ReadCopy, name, len(data), AT_ONCE_BYTES)
            if found is None or found[0] > bytes_max:
                raise Corrupt(f"{name} at {self._node} is missing, or longer than it should be")
            size, more = found
            if size and not more:
                raise Corrupt(f"{name} at {self._node} ends after {len(data)} of {size} bytes")
            data += more
        return data

    async def close(self) -> None:
        """The node takes back what nobody reads."""

    async def _ask(self, kind: Any, *fields: Any) -> Any:
        link = await self._cluster.link_to(self._node)
        return (await link.ask(kind, self._copies, *fields, timeout_s=READ_S)).value
