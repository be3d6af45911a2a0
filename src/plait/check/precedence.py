"""Which of two states of a key is surely the older one, as far as a history tells.

With versions the smaller one is older. Without, a value that was written once names its write, and
one write is older than another if it returned before the other was invoked; nothing at all (null)
is older than every write, unless the key was ever emptied. Where neither helps, nobody knows, and
nothing is older.
"""

from collections.abc import Hashable, Iterable

import msgspec

from plait.check.history import Operation, freeze

READS = frozenset({"read", "get"})
WRITES = frozenset({"write", "put", "delete", "cas"})


class Seen(msgspec.Struct, frozen=True):
    """A state of one key, as one operation saw or made it."""

    operation: Operation
    value: Hashable
    version: int | None
    write: Operation | None  # that made it; None: not known, or the initial state
    initial: bool = False


class Precedence:
    """Knows the writes of one history."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._writes: dict[tuple[Hashable, Hashable], Operation | None] = {}  # None: several
        self._emptied: set[Hashable] = set()
        for operation in operations:
            if operation.f not in WRITES or operation.refused:
                continue
            key, value = freeze(operation.key), written(operation)
            if value is None:
                self._emptied.add(key)
            twice = (key, value) in self._writes
            self._writes[key, value] = None if twice else operation

    def of_read(self, operation: Operation) -> Seen:
        """What a completed read saw."""
        key, value = freeze(operation.key), freeze(operation.result)
        # Nothing may be what a delete left, or what always was.
        write = None if value is None else self._writes.get((key, value))
        initial = value is None and key not in self._emptied
        return Seen(operation, value, operation.version, write, initial)

    def of_write(self, operation: Operation) -> Seen:
        """What a completed write made."""
        return Seen(operation, written(operation), operation.version, operation)

    def of_value(self, like: Operation, value: Hashable) -> Seen:
        """A value found under the key of `like`."""
        return self.of_read(msgspec.structs.replace(like, result=value, version=None))


def written(operation: Operation) -> Hashable:
    """The value that a write leaves behind; None for a delete."""
    if operation.f == "delete":
        return None
    if operation.f == "cas":
        given = operation.argument
        return freeze(given[1]) if isinstance(given, (list, tuple)) and len(given) == 2 else None
    return freeze(operation.argument)


def older(one: Seen, other: Seen) -> bool:
    """`one` is surely an older state of the key than `other`."""
    if one.version is not None and other.version is not None:
        return one.version < other.version
    if one.initial:
        return other.write is not None
    if one.write is None or other.write is None or one.write.returned is None:
        return False
    return one.write.returned < other.write.invoked
