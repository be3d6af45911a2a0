"""Queues whose values are enqueued once each: an exact verdict in O(n log n).

After Henzinger, Sezgin & Vafeiadis, "Aspect-oriented linearizability proofs" (CONCUR 2013),
section 5: a complete history with distinct values is that of a first-in-first-out queue unless

1. a value is dequeued that nobody enqueued, or before it was enqueued;
2. a value is dequeued twice;
3. a was enqueued before b, but dequeued after b, or never though b was;
4. a dequeue finds the queue empty though at each moment of it some value was surely inside.

An indefinite enqueue happened if its value was dequeued, and is left out otherwise. Not applicable
(None) with an indefinite dequeue, which may have taken any value, or with a value enqueued twice.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple

from plait.check.history import Operations
from plait.check.models import Model
from plait.check.unique import NEVER, Finding


class _Span(NamedTuple):
    place: int
    invoked: int
    returned: int


class _Value(NamedTuple):
    enqueue: _Span
    dequeue: _Span | None


def decide(model: Model, operations: Operations) -> Finding | None:
    """The verdict on one part, or None if it does not have the form."""
    enqueues: dict[Hashable, _Span] = {}
    dequeues: dict[Hashable, _Span] = {}
    empties: list[_Span] = []
    twice: tuple[int, ...] = ()
    for place, operation in enumerate(operations):
        effect: Any = model.effect(operation)
        if effect == ("take",):
            return None
        kind, value = effect
        returned = NEVER if operation.returned is None else operation.returned
        span = _Span(place, operation.invoked, returned)
        if kind == "enqueue":
            if enqueues.setdefault(value, span) is not span:
                return None
        elif value is None:
            empties.append(span)
        elif dequeues.setdefault(value, span) is not span:
            twice = twice or (dequeues[value].place, place)
    if twice:
        came = [enqueues[value].place for value, span in dequeues.items() if span.place == twice[0]
                and value in enqueues]  # fmt: skip
        return Finding(False, (*came, *twice))
    for value, dequeue in dequeues.items():
        enqueue = enqueues.get(value)
        if enqueue is None:
            return Finding(False, (dequeue.place,))
        if dequeue.returned < enqueue.invoked:
            return Finding(False, (enqueue.place, dequeue.place))
    values = [
        _Value(enqueue, dequeues.get(value))
        for value, enqueue in enqueues.items()
        if value in dequeues or enqueue.returned != NEVER
    ]
    return _overtaken(values) or _never_empty(values, empties) or Finding(True)


def _overtaken(values: list[_Value]) -> Finding | None:
    """Two values that left in another order than they came."""
    came = sorted(values, key=lambda value: value.enqueue.invoked)
    done = sorted(values, key=lambda value: value.enqueue.returned)
    behind = 0
    slowest: _Value | None = None  # of those enqueued for certain before: the last to leave
    for value in came:
        while done[behind].enqueue.returned < value.enqueue.invoked:
            if slowest is None or _leaves(done[behind]) > _leaves(slowest):
                slowest = done[behind]
            behind += 1
        if slowest is None or value.dequeue is None:
            continue
        if value.dequeue.returned < _leaves(slowest):
            return Finding(False, _places(slowest, value))
    return None


def _never_empty(values: list[_Value], empties: list[_Span]) -> Finding | None:
    """A dequeue that found nothing while there always was something."""
    inside = sorted(
        (value for value in values if value.enqueue.returned < _leaves(value)),
        key=lambda value: value.enqueue.returned,
    )
    # Stretches of time in which some value was surely inside, and whose values make them up.
    stretches: list[tuple[int, int, list[_Value]]] = []
    for value in inside:
        start, end = value.enqueue.returned, _leaves(value)
        if stretches and start < stretches[-1][1]:
            first, last, members = stretches[-1]
            if end > last:
                members.append(value)
                stretches[-1] = (first, end, members)
        else:
            stretches.append((start, end, [value]))
    index = 0
    for empty in sorted(empties, key=lambda span: span.invoked):
        while index < len(stretches) and stretches[index][1] < empty.invoked:
            index += 1
        if index == len(stretches):
            break
        start, end, members = stretches[index]
        if start < empty.invoked and empty.returned < end:
            covering = [
                value
                for value in members
                if value.enqueue.returned < empty.returned and _leaves(value) > empty.invoked
            ]
            return Finding(False, tuple(sorted((empty.place, *_places(*covering)))))
    return None


def _leaves(value: _Value) -> int:
    """When it may leave at the earliest."""
    return NEVER if value.dequeue is None else value.dequeue.invoked


def _places(*values: _Value) -> tuple[int, ...]:
    found = [value.enqueue.place for value in values]
    found += [value.dequeue.place for value in values if value.dequeue is not None]
    return tuple(sorted(found))
