"""What a model is: the sequential object that a history should look like.

A model turns each operation into an *effect*, a hashable value that says what the operation does
and what it was seen to do, and steps from state to state. Everything else is optional: the other
methods let the search prune, and each must be true of every state or the verdict is wrong.

A user's own model needs `name`, `functions`, `effect` and `step`::

    class Counter(Model):
        name = "counter"
        functions = frozenset({"add", "read"})
        initial = 0

        def effect(self, operation):
            if operation.f == "add":
                return ("add", operation.argument)
            return ("read", operation.result) if operation.definite else None

        def step(self, state, effect):
            if effect[0] == "add":
                return state + effect[1]
            return state if state == effect[1] else ILLEGAL

Invariant: states and effects are immutable and hashable; two operations with equal effects can
take each other's place.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any, ClassVar, Final, NamedTuple, Protocol

import msgspec

from plait.check.history import BadHistory, Operation, Operations, freeze, thaw


class _Illegal:
    """The state after an effect that cannot be."""

    def __repr__(self) -> str:
        return "ILLEGAL"


ILLEGAL: Final = _Illegal()


class Part(NamedTuple):
    """Operations that are judged by themselves: linearizability is local (Herlihy, Wing)."""

    label: str  # "" if there is only one
    model: "Model"
    operations: Operations


class Model(Protocol):
    """A sequential object; subclass it."""

    name: ClassVar[str] = ""
    functions: ClassVar[frozenset[str]] = frozenset()  # the names of its operations
    initial: Hashable = None

    # ------------------------------------------------------------------ what every model says

    def effect(self, operation: Operation) -> Hashable | None:
        """What `operation` does and was seen to do; None if it says nothing at all.

        An operation that is not `definite` has no result, and does what it does only if it
        takes effect.
        """
        raise NotImplementedError

    def step(self, state: Any, effect: Any) -> Any:
        """The state after `effect`, or `ILLEGAL` if it cannot be seen in `state`."""
        raise NotImplementedError

    # ------------------------------------------------------------------ what helps the search

    def split(self, operations: Operations) -> Iterable[Part]:
        """Independent parts; by default one for each key."""
        return by_key(self, operations)

    def only_reads(self, effect: Any) -> bool:
        """It leaves every state as it is."""
        return False

    def total(self, effect: Any) -> bool:
        """It is legal in every state."""
        return False

    def blind(self, effect: Any) -> bool:
        """It is total, and the state after it is the same whatever the state was before."""
        return False

    def needs(self, effect: Any) -> Hashable:
        """The one state in which it is legal; `ILLEGAL` if there are others, or none is known."""
        return ILLEGAL

    def makes(self, effect: Any) -> Hashable:
        """The one state that there can be after it; `ILLEGAL` if none is known."""
        return self.step(self.initial, effect) if self.blind(effect) else ILLEGAL

    def grows(self, effect: Any) -> bool:
        """It only adds to the state, in the sense of `may_reach`."""
        return False

    def may_reach(self, state: Any, effect: Any) -> bool:
        """Some sequence of effects that grow leads from `state` to one where `effect` is legal."""
        return True

    def unseen(self, effects: frozenset[Hashable]) -> frozenset[Hashable]:
        """Those of `effects` (all that there are) whose happening none of them could notice.

        Indefinite operations with these effects are left out.
        """
        return frozenset()

    # ------------------------------------------------------------------ for people

    def contributes(self, effect: Any, state: Hashable) -> bool:
        """It may have been what brought `state` about; only for choosing what to show."""
        return self.makes(effect) == state

    def show_state(self, state: Any) -> str:
        """A state in a sentence: "the value is 3"."""
        return f"the state is {show(state)}"

    def __repr__(self) -> str:
        return f"<model {self.name}>"


def by_key(model: Model, operations: Operations) -> Iterator[Part]:
    """One part for each key, in the order of first use."""
    parts: dict[Hashable, list[Operation]] = {}
    for operation in operations:
        key = operation.key
        if type(key) is not str and type(key) is not int:
            key = freeze(key)
        found = parts.get(key)
        if found is None:
            parts[key] = [operation]
        else:
            found.append(operation)
    for key, members in parts.items():
        yield Part(f"key {show(key)}" if key is not None else "", model, members)


def refusal(operation: Operation, reason: str) -> BadHistory:
    """The error that one operation makes no sense for a model."""
    return BadHistory(reason, line=operation.line)


def result_of(operation: Operation) -> Hashable:
    """What a definite operation was answered; `BadHistory` if nothing was recorded."""
    if operation.result is msgspec.UNSET:
        raise refusal(operation, f"a completed {operation.f} needs the value that it returned "
               "(null for nothing)")  # fmt: skip
    return freeze(operation.result)


def argument_of(operation: Operation) -> Hashable:
    """What an operation was given; `BadHistory` if nothing was recorded."""
    if operation.argument is msgspec.UNSET:
        raise refusal(operation, f"an invoked {operation.f} needs the value that it was given")
    return freeze(operation.argument)


def pair_of(operation: Operation) -> tuple[Any, Any]:
    """The two values of a compare-and-set; `BadHistory` if there are no two."""
    given = operation.argument
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise refusal(
            operation, f"a {operation.f} needs [expected, new] as its value, not {given!r}"
        )
    return given[0], given[1]


def show(value: Any) -> str:
    """A frozen value as JSON, for people."""
    value = thaw(value)
    if value is msgspec.UNSET:
        return "?"
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)
