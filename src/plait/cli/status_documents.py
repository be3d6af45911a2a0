"""The part of the status page about documents: every collection, node by node.

Everything here is a function of what `Store.status` answers; nothing asks or waits.
"""

from collections.abc import Iterator
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from plait.cli.display import table

_HEADINGS: Final = (
    "node", "documents", "events", "retained", "unstable", "unsent", "peers",
)  # fmt: skip
_WIDE_ONLY: Final = ("events", "unsent")
_NUMBERS: Final = _HEADINGS[1:-1]
_NOTICES_MAX: Final = 3  # the latest, of each node

_GUEST: Final = "guest-"  # how a node names the peers that are clients

Replicas = dict[str, dict[str, Any]]  # by node


def documents_part(nodes: Replicas, wide: bool) -> Iterator[RenderableType]:
    """Every collection of documents, by name."""
    names = {name for node in nodes.values() for name in node.get("documents", {})}
    for name in sorted(names):
        here = {
            node: status["documents"][name]
            for node, status in sorted(nodes.items())
            if name in status.get("documents", {})
        }
        yield Text()
        yield from _collection(name, here, wide)


def _collection(name: str, here: Replicas, wide: bool) -> Iterator[RenderableType]:
    yield Text.assemble((name, "bold"), f"   documents; members {', '.join(_members(here))}")
    headings = [heading for heading in _HEADINGS if wide or heading not in _WIDE_ONLY]
    grid = table()
    for heading in headings:
        number = heading in _NUMBERS
        grid.add_column(heading, justify="right" if number else "left", overflow="fold")
    for node, state in here.items():
        cells = dict(zip(_HEADINGS, replica_row(node, state), strict=True))
        grid.add_row(*(cells[heading] for heading in headings))
    yield grid
    held = _holding_back(here)
    if held:
        yield Text(f"garbage is kept for {', '.join(held)}", "dim")
    for node, state in here.items():
        for trouble in troubles(state):
            yield Text(f"{node}: {trouble}", "red")


def replica_row(node: str, state: dict[str, Any]) -> list[str]:
    """One replica's row; counts are of events but for documents and messages unsent."""
    return [
        node, str(state.get("documents", "")), str(state.get("events", "")),
        str(state.get("events_retained", "")), str(state.get("unstable", "")),
        str(state.get("unsent_messages", "")), _peers(state),
    ]  # fmt: skip


def troubles(state: dict[str, Any]) -> Iterator[str]:
    """What is not well at a replica."""
    if state.get("error"):
        yield f"takes no writes: {state['error']}"
    elif state.get("writable") is False:
        yield "takes no writes: it is not admitted yet"
    if state.get("clock"):
        yield f"clock: {state['clock']}"
    if state.get("quarantined_batches"):
        yield f"{state['quarantined_batches']} batches in quarantine until the clock reaches them"
    if state.get("flush_error"):
        yield f"not flushed: {state['flush_error']}"
    fresh = state.get("fresh_ids") or []
    if fresh:
        yield f"took a fresh id, lately because: {fresh[-1]}"
    notices = list(dict.fromkeys(state.get("notices") or ()))
    if len(notices) > _NOTICES_MAX:
        yield f"earlier notices, {len(notices) - _NOTICES_MAX} of them: see --json"
    yield from notices[-_NOTICES_MAX:]


def _peers(state: dict[str, Any]) -> str:
    """Who is linked; of clients only how many."""
    peers = [str(peer) for peer in state.get("peers", ())]
    nodes = [peer for peer in peers if not peer.startswith(_GUEST)]
    clients = len(peers) - len(nodes)
    if clients:
        nodes.append("1 client" if clients == 1 else f"{clients} clients")
    return ", ".join(nodes)


def _members(here: Replicas) -> list[str]:
    """Names of all members that any node knows; those of one name are counted."""
    names: dict[str, str] = {}
    for state in here.values():
        names.update({id_: str(m["name"]) for id_, m in state.get("members", {}).items()})
    counts: dict[str, int] = {}
    for name in sorted(names.values()):
        counts[name] = counts.get(name, 0) + 1
    return [name if count == 1 else f"{name} ({count} of them)" for name, count in counts.items()]


def _holding_back(here: Replicas) -> list[str]:
    """Members that have not said that they have seen everything, worst first."""
    behind: dict[tuple[str, str], int] = {}
    for state in here.values():
        for id_, member in state.get("members", {}).items():
            place = (str(member["name"]), id_)
            behind[place] = max(behind.get(place, 0), int(member.get("holds_back", 0)))
    worst = sorted(((count, place[0]) for place, count in behind.items() if count), reverse=True)
    return [f"{name} ({count} event{'s' * (count != 1)})" for count, name in worst]
