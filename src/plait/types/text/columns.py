"""The event graph of a sequence, and its log, as columns of small numbers; and what they hold.

A column is one property of all spans of the graph, or of all runs of the log, as differences to
what is likely: the author's next operation, the place where the last run ended.

The contents of a history without concurrency, up to the present, follow from the present and from
what was deleted: a run of insertions, seen backwards, takes its items out of what is there, and a
run of deletions puts them back. So only what was deleted is stored.

Invariant: columns that no history packs to raise `BadFrame`, as far as that can be told without
walking the events.
"""

from collections.abc import Sequence
from typing import Any

from plait.base.errors import BadFrame
from plait.types.text.blocks import NUMBER_MAX, Numbers, folded, unfolded
from plait.types.text.content import Contents
from plait.types.walker.graph import ROOT, EventGraph, Version
from plait.types.walker.oplog import BACKSPACE, INSERT, MARK, OpLog

BLANK_MAX = 1 << 26  # items that were folded

_PARENT_BEFORE = 0  # the event before is the only parent
_PARENT_ROOT = 1  # everything before the root; above: one less than the number of parents

_A_MARK = 0  # instead of three times a run's size, and its kind


# ------------------------------------------------------------------ the graph


def pack_spans(graph: EventGraph, start: int, number_of: dict[Any, int]) -> list[int]:
    """The events from an LV on. `number_of`: authors; new ones are added."""
    agents: list[int] = []
    seqs: list[int] = []
    widths: list[int] = []
    counts: list[int] = []
    parents: list[int] = []
    likely: dict[int, int] = {}
    first = max(graph.span_at(start), 0) if graph.starts else 0
    for span in range(first, len(graph.starts)):
        begin, width = graph.starts[span], graph.widths[span]
        seq, before = graph.seqs[span], graph.parents[span]
        count = (graph.end_of(span) - begin) // width
        if begin < start:
            skipped = (start - begin) // width
            begin, seq, count, before = start, seq + skipped, count - skipped, None
        agent = number_of.setdefault(graph.names[graph.agents[span]], len(number_of))
        agents.append(agent)
        seqs.append(folded(seq - likely.get(agent, 0)))
        likely[agent] = seq + count
        widths.append(width)
        counts.append(count)
        if before is None:
            parents.append(_PARENT_BEFORE)
        elif not before:
            parents.append(_PARENT_ROOT)
        else:
            parents += [len(before) + 1, *(begin - parent for parent in before)]
    return [len(agents), len(parents), *agents, *seqs, *widths, *counts, *parents]


def unpack_spans(data: bytes, graph: EventGraph, names: Sequence[Any], root: int) -> None:
    """Add the events of a history to a graph that ends where they begin. root: the LV before
    which everything was folded, or cold, when they were packed."""
    numbers = Numbers(data)
    size, parent_size = numbers.column(2)
    agents, seqs, widths, counts = (numbers.column(size) for _ in range(4))
    parents = numbers.column(parent_size)
    numbers.end()
    likely: dict[int, int] = {}
    at = 0
    for agent, seq_change, width, count in zip(agents, seqs, widths, counts, strict=True):
        if agent >= len(names) or at >= parent_size:
            raise BadFrame("a span of nobody, or without parents")
        seq = likely.get(agent, 0) + unfolded(seq_change)
        likely[agent] = seq + count
        if seq < 0 or not width or not count or width * count > NUMBER_MAX - graph.end:
            raise BadFrame("a span of no events")
        known = max(parents[at] - 1, 0)
        version = _version(graph, parents[at], parents[at + 1 : at + 1 + known], root)
        at += 1 + known
        graph.add(graph.agent(names[agent]), seq, count, width, version)
    if at != parent_size:
        raise BadFrame("parents of nobody")


def _version(graph: EventGraph, code: int, back: list[int], root: int) -> Version | None:
    if code == _PARENT_ROOT:
        return ROOT if root == graph.first else graph.heads_at(root)
    if code == _PARENT_BEFORE:
        back = [1]
    version = tuple([graph.end - step for step in back])
    if len(version) != max(code - 1, 1) or version != tuple(sorted(set(version))):
        raise BadFrame("parents that are no version")
    if version[0] < graph.first or version[-1] >= graph.end:
        raise BadFrame("parents that are not there")
    if len(version) > 1 and graph.dominators(list(version)) != version:
        raise BadFrame("parents that come before one another")
    return version


# ------------------------------------------------------------------ the log


def pack_runs(log: OpLog, start: int) -> list[int]:
    """What the events from an LV on did, without contents."""
    kinds: list[int] = []
    places: list[int] = []
    likely = 0
    for run in log.runs(start, log.end):
        kinds.append(_A_MARK if run.kind == MARK else run.size * 3 + run.kind)
        places.append(folded(run.pos - likely))
        likely = _behind(run.kind, run.pos, run.size)
    return [len(kinds), *kinds, *places]


def _behind(kind: int, pos: int, size: int) -> int:
    """Where the cursor is after a run; of a backspace, what it would delete next."""
    return pos + size if kind == INSERT else pos - size if kind == BACKSPACE else pos


def unpack_runs(data: bytes, log: OpLog) -> None:
    """Add the runs of a history to a log that ends where they begin; without contents."""
    numbers = Numbers(data)
    (size,) = numbers.column(1)
    kinds, places = numbers.column(size), numbers.column(size)
    numbers.end()
    likely = 0
    for packed, change in zip(kinds, places, strict=True):
        length, kind = (1, MARK) if packed == _A_MARK else divmod(packed, 3)
        pos = likely + unfolded(change)
        lowest = length - 1 if kind == BACKSPACE else 0
        if not length or not lowest <= pos < NUMBER_MAX or length > NUMBER_MAX - log.end:
            raise BadFrame("a run that is nowhere")
        likely = _behind(kind, pos, length)
        log.add(kind, pos, length, None, False)


# ------------------------------------------------------------------ contents


def is_linear_from(graph: EventGraph, start: int) -> bool:
    """Whether every event from an LV on came after all those before it."""
    if start >= graph.end:
        return True
    after = graph.parents[graph.span_at(start) + 1 :]
    return graph.critical(start) == start and after.count(None) == len(after)


def inserted(log: OpLog, start: int, contents: Contents) -> Any:
    """All that was inserted from an LV on, in one."""
    runs = log.runs(start, log.end)
    return contents.joined([run.content for run in runs if run.kind == INSERT])


def put_inserted(log: OpLog, start: int, content: Any) -> None:
    """Give every run of insertions from index `start` on its part. `BadFrame`."""
    at = 0
    for index in range(start, len(log)):
        if log.kinds[index] == INSERT:
            size = log.sizes[index]
            log.contents[index] = content[at : at + size]
            at += size
    if at != len(content):
        raise BadFrame("not as much was inserted as the log says")


def deleted(log: OpLog, length: int, contents: Contents) -> Any:
    """All that was deleted by a log without concurrency, in one; None if that is not to be told.

    length: of the present.
    """
    total = sum(log.sizes) - log.kinds.count(MARK)
    come = sum(size for size, kind in zip(log.sizes, log.kinds, strict=True) if kind == INSERT)
    before = length + total - 2 * come
    if not 0 <= before <= BLANK_MAX:
        return None
    items = contents.items(contents.blank(before))
    found = []
    for index, kind in enumerate(log.kinds):
        pos, size = log.poss[index], log.sizes[index]
        if kind == BACKSPACE:
            pos -= size - 1
        if pos + (0 if kind == INSERT else size) > len(items):
            return None  # somebody else made this log up
        if kind == INSERT:
            items.insert(pos, log.contents[index])
            continue
        if kind == MARK:
            continue
        found.append(items.slice(pos, pos + size))
        items.delete(pos, size)
    return contents.joined(found)


def put_deleted(log: OpLog, present: Any, content: Any, contents: Contents) -> None:
    """Find out what was inserted, from the present and what was deleted. `BadFrame`."""
    items = contents.items(present)
    at = len(content)
    for index in range(len(log) - 1, -1, -1):
        kind, pos, size = log.kinds[index], log.poss[index], log.sizes[index]
        if kind == INSERT:
            if pos + size > len(items):
                raise BadFrame("an insertion that is not in the text")
            log.contents[index] = items.slice(pos, pos + size)
            items.delete(pos, size)
            continue
        if kind == MARK:
            continue
        if kind == BACKSPACE:
            pos -= size - 1
        if at < size or pos > len(items):
            raise BadFrame("a deletion of what was not there")
        items.insert(pos, content[at - size : at])
        at -= size
    if at:
        raise BadFrame("more was deleted than the log says")
