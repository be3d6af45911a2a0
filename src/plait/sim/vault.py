"""A folder for backups on a machine of its own: slow, and now and then out of reach.

It outlives every process; what was written is there whole. A write that fails may have happened.
"""

import asyncio
from random import Random

from plait.base.errors import StorageError
from plait.host.memory_vault import MemoryVault
from plait.node.backup.layout import MANIFESTS
from plait.sim.chance import exponential

WRITE_S = 0.004  # on average
FAILS = 0.01


class SimVault(MemoryVault):
    """One folder."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    async def write(self, name: str, data: bytes) -> None:
        """See `MemoryVault`."""
        await asyncio.sleep(exponential(self._random, WRITE_S))
        fails, happens = self._random.random() < FAILS, self._random.random() < 0.5
        if not fails or happens:
            await super().write(name, data)
        if fails:
            raise StorageError("the folder is out of reach")

    def as_of(self, last: str) -> MemoryVault:
        """The folder as it is, without the backups that came after the one called so."""
        copy = MemoryVault()
        for name, data in self.files.items():
            if not name.startswith(f"{MANIFESTS}/") or name <= last:
                copy.files[name] = data
        return copy
