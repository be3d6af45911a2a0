"""A register, and one with compare-and-set: read, write, cas, delete.

A cas that was *refused* observed that the value was another than it expected. An indefinite cas
that finds another value does nothing, which is the same as never happening, so it needs no case.
"""

from collections.abc import Hashable
from typing import Any

from plait.check.history import Operation, freeze
from plait.check.models.base import (
    ILLEGAL,
    Model,
    argument_of,
    pair_of,
    refusal,
    result_of,
    show,
)

_READS = ("read", "get")
_WRITES = ("write", "put")


class Register(Model):
    """One value, at first `initial` (null: nothing); each key is a register of its own."""

    name = "register"
    functions = frozenset({"read", "write", "get", "put", "delete"})

    def __init__(self, initial: Any = None) -> None:
        self.initial = self.freeze(initial)

    def freeze(self, value: Any) -> Hashable:
        """How values are compared."""
        return freeze(value)

    def effect(self, operation: Operation) -> Hashable | None:
        if operation.f in _READS:
            if not operation.definite:
                return None
            result_of(operation)
            return ("read", self.freeze(operation.result))
        if operation.f in _WRITES:
            argument_of(operation)
            return ("write", self.freeze(operation.argument))
        if operation.f == "delete":
            return ("write", None)
        return self.more(operation)

    def more(self, operation: Operation) -> Hashable | None:
        """The effect of an operation that a plain register does not have."""
        raise refusal(operation, f"the model {self.name} has no operation {operation.f!r}")

    def step(self, state: Any, effect: Any) -> Any:
        match effect:
            case ("read", value):
                return state if state == value else ILLEGAL
            case ("write", value):
                return value
            case ("cas", expected, value):
                return value if state == expected else ILLEGAL
            case ("not", value):
                return ILLEGAL if state == value else state
        raise AssertionError(f"no effect of a register: {effect!r}")

    def only_reads(self, effect: Any) -> bool:
        return effect[0] in ("read", "not") or (effect[0] == "cas" and effect[1] == effect[2])

    def total(self, effect: Any) -> bool:
        return bool(effect[0] == "write")

    def blind(self, effect: Any) -> bool:
        return bool(effect[0] == "write")

    def needs(self, effect: Any) -> Hashable:
        return effect[1] if effect[0] in ("read", "cas") else ILLEGAL

    def makes(self, effect: Any) -> Hashable:
        return effect[-1] if effect[0] in ("write", "cas") else ILLEGAL

    def may_reach(self, state: Any, effect: Any) -> bool:
        return self.step(state, effect) is not ILLEGAL  # nothing grows

    def unseen(self, effects: frozenset[Any]) -> frozenset[Hashable]:
        if any(effect[0] in ("not", "append") for effect in effects):
            return frozenset()  # those can be explained by many values
        seen = {effect[1] for effect in effects if effect[0] in ("read", "cas")}
        return frozenset(
            effect for effect in effects if effect[0] in ("write", "cas") and effect[-1] not in seen
        )

    def show_state(self, state: Any) -> str:
        return f"the value is {show(state)}" if state is not None else "there is no value"


class CasRegister(Register):
    """A register with compare-and-set: the value of a cas is the pair [expected, new]."""

    name = "cas-register"
    functions = Register.functions | {"cas"}

    def more(self, operation: Operation) -> Hashable | None:
        """Compare-and-set."""
        if operation.f != "cas":
            return super().more(operation)
        expected, value = map(self.freeze, pair_of(operation))
        if operation.refused:
            return ("not", expected)
        return ("cas", expected, value)
