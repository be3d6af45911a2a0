"""A set: add, remove, contains (true or false), and read, which returns all elements.

Where nobody reads the whole set, its elements are independent, and each is judged as a register
that is true or false.
"""

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from plait.check.history import Operation, Operations, freeze, thaw
from plait.check.models.base import (
    ILLEGAL,
    Model,
    Part,
    argument_of,
    by_key,
    refusal,
    result_of,
    show,
)
from plait.check.models.register import Register


class Set(Model):
    """Elements without order; each key is a set of its own."""

    name = "set"
    functions = frozenset({"add", "remove", "contains", "read"})
    initial: Hashable = frozenset()

    def split(self, operations: Operations) -> Iterable[Part]:
        for part in by_key(self, operations):
            if any(operation.f == "read" for operation in part.operations):
                yield part
            else:
                yield from _by_element(part)

    def effect(self, operation: Operation) -> Hashable | None:
        if operation.f in ("add", "remove"):
            return (operation.f, argument_of(operation))
        if operation.f not in self.functions:
            raise refusal(operation, f"the model {self.name} has no operation {operation.f!r}")
        if not operation.definite:
            return None
        if operation.f == "contains":
            return ("contains", argument_of(operation), _answer(operation))
        result_of(operation)
        elements = [] if operation.result is None else operation.result
        if not isinstance(elements, (list, tuple)):
            raise refusal(
                operation, f"a read of a set returns a list of its elements, not {elements!r}"
            )
        return ("read", frozenset(map(freeze, elements)))

    def step(self, state: Any, effect: Any) -> Any:
        match effect:
            case ("add", element):
                return state | {element}
            case ("remove", element):
                return state - {element}
            case ("contains", element, answer):
                return state if (element in state) == answer else ILLEGAL
            case ("read", elements):
                return state if state == elements else ILLEGAL
        raise AssertionError(f"no effect of a set: {effect!r}")

    def only_reads(self, effect: Any) -> bool:
        return effect[0] in ("contains", "read")

    def total(self, effect: Any) -> bool:
        return effect[0] in ("add", "remove")

    def show_state(self, state: Any) -> str:
        return f"the set is {{{', '.join(sorted(map(show, state)))}}}"


class _Element(Register):
    """Whether one element is in a set."""

    name = "set"

    def __init__(self) -> None:
        super().__init__(initial=False)

    def effect(self, operation: Operation) -> Hashable | None:
        if operation.f in ("add", "remove"):
            return ("write", freeze(operation.f == "add"))
        if operation.f != "contains":
            raise refusal(operation, f"the model {self.name} has no operation {operation.f!r}")
        return ("read", freeze(_answer(operation))) if operation.definite else None

    def show_state(self, state: Any) -> str:
        return f"the element is {'' if thaw(state) else 'not '}in the set"


def _by_element(part: Part) -> Iterator[Part]:
    elements: dict[Hashable, list[Operation]] = {}
    for operation in part.operations:
        elements.setdefault(argument_of(operation), []).append(operation)
    model = _Element()
    for element, members in elements.items():
        label = f"element {show(element)}"
        yield Part(f"{part.label}, {label}" if part.label else label, model, members)


def _answer(operation: Operation) -> bool:
    result_of(operation)
    if not isinstance(operation.result, bool):
        raise refusal(operation, f"contains returns true or false, not {operation.result!r}")
    return operation.result
