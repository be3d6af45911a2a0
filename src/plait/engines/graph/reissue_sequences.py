"""What was done to texts and lists with an id that was given up, for what they have become.

Positions mean nothing there any more. A text is merged by words: what it was without the lost
operations, what it was with them, what it is now. Of a list, what was inserted comes behind what it
stood behind.

Absent: deletions, moves and assignments in a list: what they were about is there again, as the
others have it. And documents in a list: they were named after what was lost.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from plait.base.causality import Dot
from plait.types.graph_type import Mutation
from plait.types.lists.state import ListState
from plait.types.text.state import TextState
from plait.types.text.three_way import merge_edits


def intent_of(state: Any, dots: Sequence[Dot]) -> Any:
    """What the operations were to do, as what MessagePack carries; None if nothing is left."""
    if isinstance(state, TextState):
        return [state.without(dots), state.text()]
    if isinstance(state, ListState):
        return _inserted(state, set(dots))
    return None


def mutations_of(body: Any, state: Any) -> Iterator[Mutation]:
    """What does it again, one after another, on what there is now (None: nothing)."""
    if body and isinstance(body[0], str):
        yield from _merged(body, "" if state is None else state.text())
        return
    for near, values in body:
        found = None if state is None or near is None else state.index_of(tuple(near))
        index = 0 if near is None else _size(state) if found is None else found + 1
        yield ("insert", index, values)


def _size(state: Any) -> int:
    return 0 if state is None else state.size()


def _merged(body: Any, theirs: str) -> Iterator[Mutation]:
    edits: list[int | str] = []
    base, mine = body
    for pos, gone, come in merge_edits(base, mine, theirs):
        edits += [pos, gone] if gone else []
        edits += [pos, come] if come else []
    if edits:
        yield ("edit", edits)


def _inserted(state: ListState, lost: set[Dot]) -> list[Any] | None:
    """Runs of what was inserted: [the element before it or None, values]."""
    runs: list[Any] = []
    ids, values = state.ids(), state.values()
    before: Any = None
    goes_on = False
    for element, value in zip(ids, values, strict=True):
        if element[:2] not in lost:
            before, goes_on = element, False
        elif goes_on:
            runs[-1][1].append(value)
        else:
            runs.append([before, [value]])
            goes_on = True
    return runs or None
