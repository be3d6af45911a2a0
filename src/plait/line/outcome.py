"""What became of commands that were ordered: at which place, which had no effect, what they said.

An outcome is decided by the fold, so it is the same at every replica, and a session remembers it
for retries. The i-th command of a run stands at offset `offset + i` of entry `position`; rows
that it wrote have version `version + i`. Versions count the records of a line from 1, so that 0
can stand for an absent row: the version of a command is its record index + 1.
"""

from typing import Any, NamedTuple

import msgspec

from plait.line.entry import NO_EPOCH, Epoch


class Failed(msgspec.Struct, frozen=True, array_like=True):
    """A command that was ordered and had no effect: the outcome that every replica records."""

    code: str  # name of an error in plait.base.errors
    message: str
    details: dict[str, Any] = {}


class Returned(msgspec.Struct, frozen=True, array_like=True):
    """A command that took effect and says something: a MessagePack value other than nil."""

    value: bytes


Result = Failed | Returned

Failures = tuple[tuple[int, Failed], ...]  # by index in the group, ascending
Returns = tuple[tuple[int, bytes], ...]  # by index in the group, ascending; none of tables


class Run(msgspec.Struct, frozen=True, array_like=True):
    """`count` commands of a group, from `index` on, that stand together in the log."""

    index: int
    count: int
    position: int
    offset: int
    version: int  # of the first command of the run
    epoch: Epoch = NO_EPOCH  # that ordered it; known once the entry is applied


class Outcome(NamedTuple):
    """What became of a group.

    Its commands stand together at (position, offset), unless a retry cut them into another group
    than they were first logged in: then `runs` says where each part stands, `position` is the
    highest of them, and `offset` and `version` belong to the first part at that position.
    """

    epoch: Epoch
    position: int
    offset: int
    version: int
    failures: Failures
    runs: tuple[Run, ...] = ()
    returns: Returns = ()
