"""Histories of a real atomic object, and of one that lies now and then; and the simplest judge.

The object applies each operation at one moment between invocation and completion, so what it
gives is linearizable. `lie` changes answers and swaps events; then only `brute_force` knows.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from plait.check import ILLEGAL, MODELS, Model
from plait.check.history import Operation

Events = list[dict[str, Any]]

KINDS = tuple(MODELS)


class AtomicObject:
    """One object of each kind."""

    def __init__(self) -> None:
        self.value: Any = None
        self.queue: list[Any] = []
        self.elements: set[Any] = set()
        self.balances = {"a": 5, "b": 5}

    def apply(self, f: str, argument: Any, random: Random) -> tuple[str, Any]:
        """The type of the completion and its value."""
        match f:
            case "read" | "get":
                return "ok", self.value
            case "write" | "put":
                self.value = argument
            case "delete":
                self.value = None
            case "append":
                self.value = (self.value or "") + argument
            case "cas":
                if self.value != argument[0]:
                    return random.choice(["fail", "refused"]), argument
                self.value = argument[1]
            case "enqueue":
                self.queue.append(argument)
            case "dequeue":
                return "ok", self.queue.pop(0) if self.queue else None
            case "add":
                self.elements.add(argument)
            case "remove":
                self.elements.discard(argument)
            case "contains":
                return "ok", argument in self.elements
            case "elements":
                return "ok", sorted(self.elements)
            case "balances":
                return "ok", dict(self.balances)
            case "transfer":
                source, target, amount = argument
                if self.balances[source] < amount:
                    return "refused", argument
                self.balances[source] -= amount
                self.balances[target] += amount
        return "ok", argument


def _choices(kind: str, value: int, other: int) -> list[tuple[str, Any]]:
    """Operations of a kind of object; those that are listed twice come twice as often."""
    text = str(value)
    return {
        "register": [("read", None), ("write", value), ("write", value)],
        "cas-register": [("read", None), ("write", value), ("cas", [other, value])],
        "kv": [("get", None), ("get", None), ("append", text), ("append", text), ("put", text),
               ("delete", None)],
        "queue": [("enqueue", value), ("dequeue", None)],
        "set": [("add", value), ("remove", value), ("elements", None), ("contains", value)],
        "bank": [("transfer", ["a", "b", value + 1]), ("transfer", ["b", "a", value + 1]),
                 ("balances", None)],
    }[kind]  # fmt: skip


def atomic_history(
    random: Random, kind: str, operations: int, processes: int, values: int, lost: float = 0.0
) -> Events:
    """Events of processes that are always busy.

    values: how many different ones; 0: each is used once. lost: how many answers get lost, in
    half of which cases the operation never happens.
    """
    thing, events = AtomicObject(), Events()
    names = list(range(processes))
    asked: dict[int, tuple[str, Any]] = {}
    answered: dict[int, tuple[str, Any]] = {}
    count = 0
    while count < operations or asked:
        name = random.choice(names if count < operations else list(asked))
        if name not in asked:
            count += 1
            fresh = random.randrange(values) if values else count
            f, argument = random.choice(_choices(kind, fresh, random.randrange(values or count)))
            asked[name] = (f, argument)
            events.append({"process": name, "type": "invoke", "f": _plain(f), "value": argument})
        elif name not in answered:
            if random.random() >= lost:
                answered[name] = thing.apply(*asked[name], random)
            else:
                answered[name] = "info", None
                if random.random() < 0.5:
                    thing.apply(*asked[name], random)
        else:
            events.append(_completion(name, asked.pop(name)[0], *answered.pop(name)))
            if events[-1]["type"] == "info" and random.random() < 0.5:
                names[names.index(name)] = max(names) + 1  # as Jepsen does; the others go on
    return events


def _plain(f: str) -> str:
    return "read" if f in ("elements", "balances") else f


def _completion(name: int, f: str, kind: str, value: Any) -> dict[str, Any]:
    event = {"process": name, "type": kind, "f": _plain(f)}
    if kind == "refused":
        return event | {"type": "fail", "refused": True}
    return event | ({"value": value} if kind == "ok" else {})


def lie(random: Random, events: Events) -> None:
    """Give a few operations the answers of others, and perhaps swap two events."""
    answers = [
        event for event in events
        if event["type"] == "ok" and event["f"] in ("read", "get", "dequeue", "contains")
    ]  # fmt: skip
    for _ in range(random.randrange(1, 3) if answers else 0):
        one, other = random.choice(answers), random.choice(answers)
        if one["f"] == other["f"]:
            one["value"] = other["value"]
    place = random.randrange(len(events))
    neighbours = events[place : place + 2]
    if len({event["process"] for event in neighbours}) == 2 and random.random() < 0.3:
        events[place : place + 2] = neighbours[::-1]


def brute_force(model: Model, operations: list[Operation]) -> bool:
    """Try every order, with no thought at all."""
    effects = [model.effect(operation) for operation in operations]
    seen = set()

    def explained(left: frozenset[int], state: Any) -> bool:
        if all(operations[place].returned is None for place in left):
            return True
        if (left, state) in seen:
            return False
        seen.add((left, state))
        return any(explained(left - {place}, after) for place, after in _next(left, state))

    def _next(left: frozenset[int], state: Any) -> Iterator[tuple[int, Any]]:
        first = min(operations[place].returned or 1 << 60 for place in left)
        for place in sorted(left):
            if operations[place].invoked < first:
                after = model.step(state, effects[place])
                if after is not ILLEGAL:
                    yield place, after

    says = frozenset(place for place, effect in enumerate(effects) if effect is not None)
    return explained(says, model.initial)
