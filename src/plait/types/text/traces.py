"""Recorded editing histories: bytes become checked edits. Plain or gzip, told by the content.

Three formats, told apart by what any of the transactions holds; the others must hold it too:

    sequential   {startContent, endContent, txns: [{patches: [[position, deleted, inserted]]}]}
    concurrent   the same, and per transaction `agent` and `parents`: indexes of transactions
    event graph  {txns: [{span: [from, to), parents, agent, seqStart, ops}], endContent}: parents
                 and spans are numbers of events, one inserted or deleted character each

Several documents in one file stand one on a line. Positions are Unicode code points. A patch
deletes first, then inserts; the patches of a transaction come one after another. No parents: the
start content, or the empty document.

Invariant: what is returned can be given to a `TextState` as it is. Events come after their
parents, no (agent, sequence) comes twice, and in a sequential trace every position is inside the
text. Whether a position of a concurrent trace is inside the text of its parents is known only once
they are merged: see `plait.types.text.replay`.

Absent on purpose: files (the caller reads them), and times, which no format needs for the text.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from plait.base.errors import BadValue
from plait.types.text.trace_events import Edit, Event, TraceEvents, units
from plait.types.text.trace_json import decoded, unpacked

UNPACKED_BYTES_MAX = 1 << 30
AGENT_CHARACTERS_MAX = 256

_NUMBER_MAX = 2**53 - 1  # beyond it JSON's numbers are not exact everywhere

_Number: TypeAlias = Annotated[int, Meta(ge=0, le=_NUMBER_MAX)]
_Agent: TypeAlias = _Number | Annotated[str, Meta(max_length=AGENT_CHARACTERS_MAX)]
_Patch: TypeAlias = tuple[_Number, _Number, str]

Patch: TypeAlias = tuple[int, int, str]  # position, characters deleted there, then inserted
Format: TypeAlias = Literal["sequential", "concurrent", "event graph"]


class SequentialTrace(Struct, frozen=True):
    """What one author did, patch after patch. `end`: the text that must come of it, if known."""

    start: str
    patches: list[Patch]
    end: str | None


class ConcurrentTrace(Struct, frozen=True):
    """What several authors did, each event after its parents. The start content is an event."""

    events: list[Event]
    transactions: list[int]  # of each event, the index of where it came from; -1: start content
    end: str | None


Trace: TypeAlias = SequentialTrace | ConcurrentTrace


class _Transaction(Struct):
    patches: list[_Patch]


class _Sequential(Struct, rename="camel"):
    txns: list[_Transaction]
    start_content: str = ""
    end_content: str | None = None


class _ConcurrentTransaction(Struct):
    agent: _Agent
    parents: list[_Number]
    patches: list[_Patch]


class _Concurrent(Struct, rename="camel"):
    txns: list[_ConcurrentTransaction]
    start_content: str = ""
    end_content: str | None = None


class _Span(Struct, rename="camel"):
    span: tuple[_Number, _Number]
    parents: list[_Number]
    agent: _Agent
    seq_start: _Number
    ops: list[_Patch]


class _EventGraph(Struct, rename="camel"):
    txns: list[_Span]
    start_content: str = ""
    end_content: str | None = None


class _Shape(Struct):
    """As much of a transaction as tells its format."""

    span: msgspec.Raw | UnsetType = UNSET
    ops: msgspec.Raw | UnsetType = UNSET
    agent: msgspec.Raw | UnsetType = UNSET
    parents: msgspec.Raw | UnsetType = UNSET


class _Outline(Struct):
    """As much of a document as tells its format."""

    txns: list[_Shape]


def parse_traces(data: bytes, bytes_max: int = UNPACKED_BYTES_MAX) -> list[Trace]:
    """The documents of a trace file, at least one.

    bytes_max: how long it may be, unpacked. Raises `BadValue`, which says where and why, for
    anything that is no trace. Lines are counted from 1, transactions and patches from 0, as
    `parents` counts them.
    """
    content = unpacked(data, bytes_max)
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    if not lines:
        raise BadValue("the file is empty")
    if len(lines) == 1 or not _is_json(lines[0][1]):  # one document may be printed on many lines
        return [_parse(content)]
    return [_parse_line(number, line) for number, line in lines]


def _parse_line(number: int, line: bytes) -> Trace:
    try:
        return _parse(line)
    except BadValue as error:
        raise BadValue(f"line {number}: {error.message}") from None


def _is_json(line: bytes) -> bool:
    try:
        decoded(line, msgspec.Raw)
    except BadValue:
        return False
    return True


def _parse(document: bytes) -> Trace:
    match _format(document):
        case "sequential":
            return _sequential(decoded(document, _Sequential))
        case "concurrent":
            return _concurrent(decoded(document, _Concurrent))
        case "event graph":
            return _event_graph(decoded(document, _EventGraph))


def _format(document: bytes) -> Format:
    txns = decoded(document, _Outline).txns
    if any(txn.span is not UNSET or txn.ops is not UNSET for txn in txns):
        return "event graph"
    if any(txn.agent is not UNSET or txn.parents is not UNSET for txn in txns):
        return "concurrent"
    return "sequential"


# ------------------------------------------------------------------------------- the formats


def _sequential(file: _Sequential) -> SequentialTrace:
    length = len(file.start_content)
    patches: list[Patch] = []
    for number, txn in enumerate(file.txns):
        for index, (position, deleted, inserted) in enumerate(txn.patches):
            if position + deleted > length:
                raise BadValue(
                    f"transaction {number}, patch {index}: {_reach(position, deleted)} "
                    f"in a text of {length:,} characters"
                )
            length += len(inserted) - deleted
        patches += txn.patches
    return SequentialTrace(file.start_content, patches, file.end_content)


def _reach(position: int, deleted: int) -> str:
    return f"{deleted:,} characters are deleted at {position:,}" if deleted else f"at {position:,}"


def _concurrent(file: _Concurrent) -> ConcurrentTrace:
    events = TraceEvents(file.start_content, [txn.agent for txn in file.txns])
    seqs: dict[int | str, int] = {}  # the next one of every agent
    versions: list[tuple[int, ...]] = []  # behind each transaction
    for number, txn in enumerate(file.txns):
        parents: list[int] = []
        for parent in txn.parents:
            if parent >= number:
                raise BadValue(f"transaction {number}: parent {parent} does not come before it")
            parents += versions[parent]
        version = events.version(parents)
        edits = _edits(txn.patches)
        if edits:
            seq = seqs.get(txn.agent, 0)
            seqs[txn.agent] = seq + units(edits)
            version = events.add(number, txn.agent, seq, edits, version)
        versions.append(version)
    return ConcurrentTrace(events.events, events.transactions, file.end_content)


def _event_graph(file: _EventGraph) -> ConcurrentTrace:
    events = TraceEvents(file.start_content, [txn.agent for txn in file.txns])
    # A version may end inside a span. Operations are never divided, so spans are, beforehand.
    ends = sorted({parent + 1 for txn in file.txns for parent in txn.parents})
    expected = 0
    for number, txn in enumerate(file.txns):
        start, stop = txn.span
        edits = _edits(txn.ops)
        size = units(edits)
        if start != expected:
            raise BadValue(
                f"transaction {number}, span: it begins at event {start}, not at {expected}, "
                "where the one before it ends"
            )
        if stop - start != size:
            raise BadValue(
                f"transaction {number}, span: it has {stop - start} events, its ops have {size}"
            )
        for parent in txn.parents:
            if parent >= start:
                raise BadValue(f"transaction {number}: parent {parent} does not come before it")
        version = events.version([events.base + parent for parent in txn.parents])
        inside = ends[bisect_right(ends, start) : bisect_left(ends, stop)]
        bounds = [start, *inside, stop] if size else []
        for begin, piece in zip(bounds, _divided(edits, bounds), strict=False):
            seq = txn.seq_start + begin - start
            version = events.add(number, txn.agent, seq, piece, version)
        expected = stop
    return ConcurrentTrace(events.events, events.transactions, file.end_content)


def _edits(patches: list[Patch]) -> list[Edit]:
    edits: list[Edit] = []
    for position, deleted, inserted in patches:
        if deleted:
            edits.append((position, deleted))
        if inserted:
            edits.append((position, inserted))
    return edits


def _divided(edits: list[Edit], bounds: list[int]) -> Iterator[list[Edit]]:
    """Edits cut into pieces, from each bound to the next."""
    index = past = 0  # the edit that is next, and how many of its events are done
    for begin, end in pairwise(bounds):
        piece: list[Edit] = []
        while begin < end:
            position, what = edits[index]
            size = what if isinstance(what, int) else len(what)
            taken = min(end - begin, size - past)
            if isinstance(what, int):
                piece.append((position, taken))
            else:
                piece.append((position + past, what[past : past + taken]))
            begin += taken
            past += taken
            if past == size:
                index, past = index + 1, 0
        yield piece
