"""What a sequence is made of, for `plait.types.walker.sequence`: the items, and what is done."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from plait.types.walker.spans import Name, Version

Edits: TypeAlias = Sequence[Any]  # position, what is inserted or how many are deleted, and so on
Event: TypeAlias = tuple[Name, int, Edits, Version | None]


class Items(Protocol):
    """Where the items of a sequence are."""

    def __len__(self) -> int: ...

    def insert(self, pos: int, content: Any) -> None:
        """Put items before the one at `pos`."""
        ...

    def delete(self, pos: int, size: int) -> None:
        """Take items away."""
        ...

    def slice(self, start: int, stop: int) -> Any:
        """The items from `start` to `stop`."""
        ...
