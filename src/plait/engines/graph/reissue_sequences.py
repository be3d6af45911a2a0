"""What was done to texts and lists with an id that was given up, for what they have become.

Positions mean nothing there any more. A text is merged by words: what it was without the lost
operations, what it was with them, what it is now. Of a list, what was inserted comes behind what it
stood behind.

Absent: deletions, moves and assignments in a list: what they were about is there again, as the
others have it. And documents in a list: they were named after what was lost.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from plait.base.causality import Dot
from plait.types.graph_type import Mutation
from plait.types.lists.state import ListState
from plait.types.text.state import TextState
from plait.types.text.three_way import merge_edits


def intents_of(state: Any, groups: Sequence[Sequence[Dot]]) -> Iterator[tuple[Any, list[Dot]]]:
    """What the operations were to do, as what MessagePack carries, and which of them each part is.

    groups: the operations in their order, in groups that count or are lost as a whole. What a text
    was to become is told group by group, of a list all together: see `parted`.
    """
    if isinstance(state, TextState):
        for index, group in enumerate(groups):
            later = [dot for one in groups[index + 1 :] for dot in one]
            before, after = state.without([*group, *later]), state.without(later)
            if before != after:
                yield [before, after], list(group)
    elif isinstance(state, ListState):
        every = [dot for group in groups for dot in group]
        if runs := _inserted(state, set(every)):
            yield runs, every


def parted(body: Any, counts: Callable[[Dot], bool]) -> tuple[Any, Any]:
    """What was inserted in a list: what is lost of it, and what counts."""
    lost: list[Any] = []
    there: list[Any] = []
    for near, elements, values in body:
        behind, side = near, None
        for element, value in zip(elements, values, strict=True):
            goes_to = there if counts((element[0], element[1])) else lost
            if goes_to is not side:
                side = goes_to
                side.append([behind, [], []])
            side[-1][1].append(element)
            side[-1][2].append(value)
            if side is there:
                behind = element
    return lost, there


def mutations_of(body: Any, state: Any) -> Iterator[Mutation]:
    """What does it again, one after another, on what there is now (None: nothing)."""
    if body and isinstance(body[0], str):
        yield from _merged(body, "" if state is None else state.text())
        return
    for near, _, values in body:
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
    """Runs of what was inserted: [the element before it or None, elements, values]."""
    runs: list[Any] = []
    ids, values = state.ids(), state.values()
    before: Any = None
    goes_on = False
    for element, value in zip(ids, values, strict=True):
        if element[:2] not in lost:
            before, goes_on = element, False
            continue
        if not goes_on:
            runs.append([before, [], []])
            goes_on = True
        runs[-1][1].append(element)
        runs[-1][2].append(value)
    return runs or None
