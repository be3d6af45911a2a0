"""State machines as users write them: a plain class, commands that change it, queries that read.

::

    class Bank(StateMachine):
        def __init__(self): self.balances: dict[str, int] = {}

        @command
        def transfer(self, source: str, target: str, amount: int) -> int: ...

        @query
        def total(self) -> int: ...

The law: equal commands in an equal order give equal states, at every replica and in every
process. So a command takes time and chance from `self.context` only, reads no file, socket or
global that changes, and never lets the order of a Python set of strings show (it differs from
process to process). State is a tree of plain values: nothing in it is reachable by two ways.

Absent: how the state is kept; see `machine_state`. Who calls; see `user_machine`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any, ClassVar, TypeVar

from plait.base.errors import UsageError
from plait.types import machine_state

F = TypeVar("F", bound=Callable[..., Any])

COMMAND, QUERY = "command", "query"
KIND = "__plait_kind__"  # marks a function as one of the two


def command(function: F) -> F:
    """Mark a method as a command: it may change the machine, and is run at every replica.

    What it returns goes back to whoever called. If it raises, its changes are undone and the
    caller gets `CommandFailed`; `MemoryError`, `RecursionError` and `OSError` stop the machine.
    """
    setattr(function, KIND, COMMAND)
    return function


def query(function: F) -> F:
    """Mark a method as a query: it only reads, and is run where it is asked."""
    setattr(function, KIND, QUERY)
    return function


class Reject(Exception):
    """Raise this from a command *before* it changes anything, to refuse at no cost.

    The caller gets `CommandFailed`. Any other exception makes the replica undo what the command
    may have changed, which takes time in proportion to the state.
    """


class CommandContext:
    """Time and chance, the same at every replica; `self.context` while a method runs."""

    __slots__ = ("_random", "_seed", "now_ms", "version")

    def __init__(self, now_ms: int, version: int, seed: int | None) -> None:
        self.now_ms = now_ms  # milliseconds since 1970, UTC; never runs backwards
        self.version = version  # of the class as the caller knows it
        self._seed = seed
        self._random: Random | None = None

    @property
    def now(self) -> datetime:
        """The time as a datetime in UTC."""
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    @property
    def random(self) -> Random:
        """A source of chance, of commands only: a query is run at one replica."""
        if self._seed is None:
            raise UsageError("a query has no chance: another replica would answer something else")
        if self._random is None:
            self._random = Random(self._seed)
        return self._random


class StateMachine:
    """The base of users' machines. `__init__` takes no arguments and makes the empty state.

    Every attribute of the instance is state. Where class-level annotations say what an attribute
    holds (``seen: set[str]``), it is restored as that; without one it may hold None, bool, int,
    float, str, bytes, and dicts and lists of those. Attributes are not deleted. Override
    `snapshot` and `restore` together to keep something else.
    """

    __slots__ = ("_plait_context",)  # so that it is no state

    version: ClassVar[int] = 1  # raise it whenever a command changes what it does
    machine_name: ClassVar[str] = ""  # of the class, in the log; its `__name__` if empty

    _plait_context: CommandContext | None

    @property
    def context(self) -> CommandContext:
        """Time and chance, while a command or query runs."""
        context: CommandContext | None = getattr(self, "_plait_context", None)
        if context is None:
            raise UsageError("the context is there while a command or a query runs, only")
        return context

    def snapshot(self) -> Any:
        """The state as something that MessagePack can carry."""
        return machine_state.attributes(self)

    def restore(self, state: Any) -> None:
        """Take the state from what `snapshot` gave, perhaps of an older version, once decoded.

        Called on a fresh instance. Attributes that an older version did not have keep the value
        that `__init__` gave them.
        """
        machine_state.set_attributes(self, state)
