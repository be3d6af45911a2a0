"""History that was read from bytes and is not decoded: what a sequence knows of it."""

from typing import Protocol

from plait.types.walker.graph import EventGraph, Name
from plait.types.walker.oplog import OpLog


class Cold(Protocol):
    """History that is not decoded."""

    end: int  # the LV behind it
    heads: tuple[tuple[Name, int], ...]  # dots
    names: tuple[Name, ...]

    def thaw(self) -> tuple[EventGraph, OpLog]:
        """Decode it. `Corrupt`."""
        ...
