"""The control line's records of graphs: which collections of documents there are.

Invariant: a name has one lineage for as long as it is there; a lineage is never used again.
"""

import string

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import collection_name
from plait.types.commands import CreateGraph, DropGraph
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

GRAPH = b"graph/"
_GRAPH_END = b"graph0"
GRAPHS_MAX = 10_000
LINEAGE_DIGITS = 32
SYNC = ("auto", "ops", "delta", "state")
HISTORY = ("stable", "forever")


class GraphRecord(msgspec.Struct, frozen=True, array_like=True):
    """A collection of documents as the control line knows it."""

    name: str
    lineage: str
    founder: int  # the replica id that began it; 0 if it began in another store
    node: str  # whose replica that is
    sync: str
    history: str


def graph_record(view: View, name: str) -> GraphRecord | None:
    """The collection called `name`, if there is one."""
    data = view.get(CONTROL, GRAPH + name.encode())
    return None if data is None else decode(data, type=GraphRecord)


def graph_records(view: View) -> list[GraphRecord]:
    """Every collection of documents, by name."""
    rows = view.scan(CONTROL, GRAPH, _GRAPH_END, GRAPHS_MAX)
    return [decode(data, type=GraphRecord) for _, data in rows]


def create_graph(view: View, command: CreateGraph) -> Failed | None:
    """Make the collection, or find that it is there with the same settings."""
    failed = _check(command)
    if failed is not None:
        return failed
    existing = graph_record(view, command.name)
    if existing is None:
        if len(graph_records(view)) == GRAPHS_MAX:
            return Failed("Busy", f"there are {GRAPHS_MAX} collections of documents already")
        record = GraphRecord(
            command.name, command.lineage, command.founder, command.node, command.sync,
            command.history,
        )  # fmt: skip
        view.put(CONTROL, GRAPH + command.name.encode(), encode(record))
        return None
    if (existing.sync, existing.history) != (command.sync, command.history):
        settings = {"sync": existing.sync, "history": existing.history}
        return Failed(
            "BadSettings", f"documents {command.name!r} exist with other settings", settings
        )
    return None


def drop_graph(view: View, command: DropGraph) -> Failed | None:
    """Forget the collection."""
    if graph_record(view, command.name) is None:
        return Failed("NoSuchCollection", f"there are no documents {command.name!r}")
    view.put(CONTROL, GRAPH + command.name.encode(), None)
    return None


def _check(command: CreateGraph) -> Failed | None:
    try:
        collection_name(command.name)
    except BadSettings as error:
        return Failed(error.code, error.message)
    digits = len(command.lineage) == LINEAGE_DIGITS and not (
        command.lineage.strip(string.hexdigits.lower())
    )
    if not digits or command.sync not in SYNC or command.history not in HISTORY:
        return Failed("BadSettings", f"documents {command.name!r} have settings that cannot be")
    return None
