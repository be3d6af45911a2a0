"""The edits of an event: whether they fit the version that they were made at, and what the log
has of them.

Edits are a flat list: a position, what is done there (content that is inserted, how many items are
deleted, a mark), the next position, and so on, each as of what the one before left.
"""

from collections.abc import Callable
from typing import Any

from plait.base.errors import BadFrame
from plait.types.walker.items import Edits
from plait.types.walker.oplog import DELETE, INSERT, MARK, OpLog, Run


def units_of(
    edits: Edits,
    length: int,
    is_content: Callable[[Any], bool],
    is_mark: Callable[[Any, int], bool],
) -> int:
    """How many units edits of a sequence of `length` items have; `BadFrame` if they do not fit."""
    units = 0
    if len(edits) % 2:
        raise BadFrame("edits come in pairs: a position, and what is done there")
    for index in range(0, len(edits), 2):
        pos, what = edits[index], edits[index + 1]
        if type(pos) is not int or not 0 <= pos <= length:
            raise BadFrame(f"position {pos!r} of a sequence of {length}")
        if type(what) is int:
            if not 1 <= what <= length - pos:
                raise BadFrame(f"{what} deleted at {pos} of a sequence of {length}")
            length -= what
            units += what
        elif is_content(what):
            length += len(what)
            units += len(what)
        elif is_mark(what, length - pos):
            units += 1
        else:
            raise BadFrame(f"{type(what).__name__} inserted at {pos}")
    return units


def logged(log: OpLog, edits: Edits, joins: bool, is_content: Callable[[Any], bool]) -> list[Run]:
    """Append edits that fit to the log; a run for each. `joins`: see `OpLog.add`."""
    runs: list[Run] = []
    for index in range(0, len(edits), 2):
        pos, what = edits[index], edits[index + 1]
        if type(what) is int:
            run = Run(log.end, DELETE, pos, what, None)
        elif is_content(what):
            run = Run(log.end, INSERT, pos, len(what), what)
        else:
            run = Run(log.end, MARK, pos, 1, what)
        log.add(run.kind, pos, run.size, run.content, joins)
        joins = True
        runs.append(run)
    return runs
