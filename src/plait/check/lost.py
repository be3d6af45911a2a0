"""Nothing acknowledged is ever lost: acknowledged writes against a final read of everything.

A write is *lost* if what is found in the end is surely older than it (see `precedence`), or if it
was appended or added, never removed, and is not found. A write that was not acknowledged may be
found or not.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import msgspec

from plait.check.explain import label
from plait.check.history import History, Operation, freeze
from plait.check.precedence import READS, WRITES, Precedence, Seen, older


class Lost(msgspec.Struct, frozen=True):
    """An acknowledged write, and what was found in its place."""

    operation: Operation
    found: Any

    def __str__(self) -> str:
        line = f" (line {self.operation.line})" if self.operation.line else ""
        key = "" if self.operation.key is None else f" key {self.operation.key!r}:"
        return f"lost:{key} [{self.operation.process}] {label(self.operation)}{line}; " + (
            f"found {self.found!r}"
        )


def lost_writes(history: History, final: Mapping[Any, Any] | None = None) -> list[Lost]:
    """Every acknowledged write that is lost, in the order of their invocation.

    final: what a read of everything found, by key; a key that is not there has no value. None: the
    history's own last reads, of those keys that were read after everything else was done.
    """
    found = final_reads(history) if final is None else dict(final)
    precedence = Precedence(history.operations)
    removed = {(freeze(o.key), freeze(o.argument)) for o in history.operations if o.f == "remove"}
    rewritten = {freeze(o.key) for o in history.operations if o.f in WRITES and not o.refused}
    last: dict[Hashable, Seen] = {}
    lost = []
    for operation in history.operations:
        if not operation.definite or operation.refused:
            continue
        if final is None and operation.key not in found:
            continue
        key = freeze(operation.key)
        value = found.get(operation.key)
        if operation.f in WRITES:
            if key not in last:
                last[key] = precedence.of_value(operation, value)
            gone = older(last[key], precedence.of_write(operation))
        elif operation.f == "add":
            gone = (key, freeze(operation.argument)) not in removed and not _holds(value, operation)
        elif operation.f == "append":
            gone = key not in rewritten and not _holds(value, operation)
        else:
            continue
        if gone:
            lost.append(Lost(operation, value))
    return lost


def final_reads(history: History) -> dict[Any, Any]:
    """What the last read of each key found, if nothing else was going on with the key any more."""
    found: dict[Any, Operation] = {}
    busy: dict[Any, int] = {}
    for operation in history.operations:
        if operation.f in READS:
            if operation.definite:
                found[operation.key] = operation
            continue
        end = operation.invoked if operation.returned is None else operation.returned
        busy[operation.key] = max(busy.get(operation.key, -1), end)
    return {
        key: operation.result
        for key, operation in found.items()
        if operation.invoked > busy.get(key, -1)
    }


def _holds(value: Any, operation: Operation) -> bool:
    if isinstance(value, str) and isinstance(operation.argument, str):
        return operation.argument in value
    if isinstance(value, (list, tuple, set, frozenset)):
        return freeze(operation.argument) in {freeze(item) for item in value}
    return False
