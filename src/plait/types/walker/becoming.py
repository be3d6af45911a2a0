"""What happens to the items when a sequence takes another's place that knows all of its history.

Items are the same where the same event inserted them. So nothing is compared: the other is looked
at from the version that the first one was, and every item says whether it was there and is there.

Invariant: the steps, done one after the other, lead from the one to the other; an item that both
have is in none of them.
"""

from typing import Any

from plait.types.walker.records import BASE, ENDLESS
from plait.types.walker.sequence import EditableSequence
from plait.types.walker.spans import Version
from plait.types.walker.trail import Step
from plait.types.walker.walker import Walker


def steps_from(version: Version, length: int, new: EditableSequence[Any]) -> list[Step] | None:
    """The steps from a version of a sequence, in which it had so many items, to its present; None
    if it had not, so that it must be another one."""
    graph = new.graph
    walker = Walker(graph, new.log, graph.critical(graph.unseen(version)), len(new))
    walker.move(version)
    if walker.length() != length:
        return None
    slack = walker.records.now - len(new)  # items of the base that never were
    steps: list[Step] = []
    at = 0
    for leaf in walker.records.leaves:
        for record in leaf.records:
            size = record.size
            if record.id < 0 and record.id + size >= BASE + ENDLESS:
                size -= slack
            if record.gone:
                if record.state == 1 and size:
                    _delete(steps, at, size)
                continue
            if record.state != 1 and size:
                _insert(steps, at, size)
            at += size
    return steps


def _delete(steps: list[Step], at: int, size: int) -> None:
    if steps and steps[-1][0] == at and steps[-1][1]:
        size += steps.pop()[1]
    steps.append((at, size, 0))


def _insert(steps: list[Step], at: int, size: int) -> None:
    if steps and steps[-1][2] and sum(steps[-1]) == at:
        at, _, before = steps.pop()
        size += before
    steps.append((at, 0, size))
