"""How a register's concurrent writes are read: the choices of ``Register(resolve=...)``.

A later write always wins over one that it has seen; these decide only among writes that did not
know of each other, and they are readings: nothing is written back.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from plait.base.errors import BadDocument

MergeFunction: TypeAlias = Callable[[Any, Sequence[Any]], Any]  # (base, siblings) -> value


class LastWriterWins(msgspec.Struct, frozen=True):
    """The newest by the clock; the others can be looked at with `losers` until they are stable."""


class Merge(msgspec.Struct, frozen=True):
    """``function(base, siblings)``, computed at every replica from the same arguments.

    It must depend on nothing else. Ready-made: `plait.merge.text`, `json`, `union`, `max`, `min`.
    """

    function: MergeFunction

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise BadDocument(f"Merge({self.function!r}) takes a function (base, siblings) -> value")


class Ask(msgspec.Struct, frozen=True):
    """All are kept, the newest is shown, and the conflict inbox asks a person."""


Resolve: TypeAlias = LastWriterWins | Merge | Ask
