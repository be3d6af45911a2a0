"""A key–value store: get, put, append, delete, cas; every key is judged by itself.

Nothing, null, "" and [] are the same value: stores differ in how they answer for an absent key.
Text appended to text concatenates; everything else that is appended becomes an element of a list,
which begins with what was there before.
"""

from collections.abc import Hashable
from typing import Any

from plait.check.history import Operation, freeze
from plait.check.models.base import argument_of
from plait.check.models.register import CasRegister


class KeyValue(CasRegister):
    """Values under keys; texts and lists can be appended to."""

    name = "kv"
    functions = CasRegister.functions | {"append"}

    def freeze(self, value: Any) -> Hashable:
        """Lists as tuples; everything empty as None."""
        if isinstance(value, list):
            return tuple(freeze(item) for item in value) or None
        return freeze(value) if value != "" else None

    def more(self, operation: Operation) -> Hashable | None:
        """Append."""
        if operation.f != "append":
            return super().more(operation)
        argument_of(operation)
        return ("append", freeze(operation.argument))

    def step(self, state: Any, effect: Any) -> Any:
        if effect[0] != "append":
            return super().step(state, effect)
        value = effect[1]
        if isinstance(state, tuple):
            return (*state, value)
        if not isinstance(value, str):
            return (value,) if state is None else (state, value)
        if state is None:
            return value or None
        return state + value if isinstance(state, str) else (state, value)

    def total(self, effect: Any) -> bool:
        return effect[0] in ("write", "append")

    def grows(self, effect: Any) -> bool:
        return bool(effect[0] == "append")

    def may_reach(self, state: Any, effect: Any) -> bool:
        if effect[0] != "read" or state is None:
            return True
        value = effect[1]
        if isinstance(state, tuple):
            return isinstance(value, tuple) and value[: len(state)] == state
        first = value[0] if isinstance(value, tuple) else value
        if isinstance(state, str) and isinstance(first, str):
            return first.startswith(state)
        return bool(state == first)

    def contributes(self, effect: Any, state: Any) -> bool:
        if effect[0] != "append":
            return super().contributes(effect, state)
        if isinstance(state, str) and isinstance(effect[1], str):
            return effect[1] in state
        return isinstance(state, tuple) and effect[1] in state
