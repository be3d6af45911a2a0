"""Metastore: the versioned register that a chain's configuration lives in.

Invariant: versions grow by one with each set, and a set happens only against the version that its
caller read. Source: the MetaStore of Delos (OSDI '20). The one of a cluster is in its control
line, which never moves; here is only the port and the one in memory.
"""

from typing import Protocol

from plait.base.errors import Conflict


class Metastore(Protocol):
    """A linearizable register with a version. It never lives in a loglet of its own chain."""

    async def get(self) -> tuple[int, bytes]:
        """Version and value; (0, b"") before the first set."""
        ...

    async def compare_and_set(self, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version. `Conflict` if not."""
        ...


class MemoryMetastore:
    """A register in memory, for tests and for what lives as long as its process."""

    def __init__(self) -> None:
        self._version = 0
        self._data = b""

    async def get(self) -> tuple[int, bytes]:
        """Version and value; (0, b"") before the first set."""
        return self._version, self._data

    async def compare_and_set(self, version: int, data: bytes) -> int:
        """Replace the value if it still has `version`; the new version."""
        if version != self._version:
            raise Conflict(f"the register is at version {self._version}, not {version}")
        self._version, self._data = version + 1, data
        return self._version
