"""A first-in-first-out queue: enqueue, and dequeue, which returns null when the queue is empty."""

from collections.abc import Hashable
from typing import Any

from plait.check.history import Operation
from plait.check.models.base import ILLEGAL, Model, argument_of, refusal, result_of, show


class Queue(Model):
    """Values leave in the order in which they came; each key is a queue of its own."""

    name = "queue"
    functions = frozenset({"enqueue", "dequeue"})
    initial = ()

    def effect(self, operation: Operation) -> Hashable | None:
        if operation.f == "enqueue":
            value = argument_of(operation)
            if value is None:
                raise refusal(operation, "null cannot be enqueued: a dequeue returns it for empty")
            return ("enqueue", value)
        if operation.f == "dequeue":
            if not operation.definite:
                return ("take",)  # of whatever is first; of nothing it is as if it never happened
            return ("dequeue", None if operation.refused else result_of(operation))
        raise refusal(operation, f"the model {self.name} has no operation {operation.f!r}")

    def step(self, state: Any, effect: Any) -> Any:
        match effect:
            case ("enqueue", value):
                return (*state, value)
            case ("dequeue", None):
                return ILLEGAL if state else state
            case ("dequeue", value):
                return state[1:] if state and state[0] == value else ILLEGAL
            case ("take",):
                return state[1:] if state else ILLEGAL
        raise AssertionError(f"no effect of a queue: {effect!r}")

    def only_reads(self, effect: Any) -> bool:
        return bool(effect == ("dequeue", None))

    def total(self, effect: Any) -> bool:
        return bool(effect[0] == "enqueue")

    def unseen(self, effects: frozenset[Any]) -> frozenset[Hashable]:
        # A value that nobody is known to have got was in nobody's way if it never came.
        got = {effect[1] for effect in effects if effect[0] == "dequeue"}
        return frozenset(e for e in effects if e[0] == "enqueue" and e[1] not in got)

    def show_state(self, state: Any) -> str:
        if not state:
            return "the queue is empty"
        more = f" and {len(state) - 5} more" if len(state) > 5 else ""
        return f"the queue holds {', '.join(map(show, state[:5]))}{more}"
