"""What a damaged folder still holds of collections of documents, and how they go on from there.

A replica that may have lost rows of its log keeps what it has and goes on under a fresh id, for it
may have said more than it remembers. One whose identity is lost with the log has its state file
only: it goes on as a restored one does, which takes over what others have, if there are any.

Invariant: rows behind one that cannot be read are dropped; nothing before it is.
"""

from typing import NamedTuple

from plait.base.errors import Corrupt
from plait.base.ids import random_id
from plait.base.ports import CutSuffix, LogWrite, PutHardState, Random, Storage
from plait.engines.graph.identity import (
    Hard,
    distrusted,
    encode_hard,
    is_graph_line,
    load_hard,
)
from plait.engines.graph.options import line_of
from plait.engines.graph.spaces import Place, load_place
from plait.node.salvage import unreadable
from plait.types.control_graphs import GraphRecord

_WHY = "its log was damaged"


class TornGraph(NamedTuple):
    """A collection of documents that is not whole on disk."""

    line: str
    lost: str  # what, for people
    cut: int | None = None  # the first row that cannot be read
    lineage: str = ""  # of one whose identity the log lost
    place: Place | None = None  # where its state file stands


def torn_graphs(storage: Storage, records: list[GraphRecord]) -> list[TornGraph]:
    """Every collection that is not whole, of those that the log or the control line knows."""
    found = []
    extents = storage.log.lines()
    for line, extent in sorted(extents.items()):
        if is_graph_line(line):
            bad = unreadable(storage.log, line, extent.head, extent.tail)
            if bad:
                found.append(TornGraph(line, f"row {bad[0]} of {line} cannot be read", bad[0]))
    for record in records:
        line = line_of(record.name, record.lineage)
        if load_hard(storage.log, line) is not None:
            continue
        try:
            place = load_place(storage.state(line))
        except Corrupt:
            place = None
        if place is not None:
            lost = f"the log has lost {line}, which is on disk as it was at row {place.position}"
            found.append(TornGraph(line, lost, None, record.lineage, place))
    return found


def mended_graphs(storage: Storage, torn: list[TornGraph], random: Random) -> list[LogWrite]:
    """The writes by which every collection goes on under a fresh id."""
    writes: list[LogWrite] = [
        CutSuffix(each.line, each.cut) for each in torn if each.cut is not None
    ]
    for line in sorted(storage.log.lines()):
        if is_graph_line(line):
            writes += distrusted(storage.log, line)
    for each in torn:
        if each.place is not None:
            hard = Hard(
                each.lineage, random_id(random), "", each.place.epoch, distrusted=_WHY,
                restored=True,
            )  # fmt: skip
            writes.append(PutHardState(each.line, encode_hard(hard)))
    return writes
