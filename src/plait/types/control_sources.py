"""The control line's records of followers that are fed by others: who takes entries from whom.

A node without a record takes them from whoever leads. Invariant: no node feeds itself, by whatever
way round: what goes in a circle comes from nobody.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.types.commands import SetSource
from plait.types.control_followers import FOLLOWERS_MAX
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

SOURCE = b"source/"
_SOURCE_END = b"source0"


class SourceRecord(msgspec.Struct, frozen=True, array_like=True):
    """Who feeds a node."""

    node: str
    source: str


def sources(view: View) -> dict[str, str]:
    """By node, in order, who feeds it; those that have no source are absent."""
    rows = view.scan(CONTROL, SOURCE, _SOURCE_END, FOLLOWERS_MAX)
    records = [decode(data, type=SourceRecord) for _, data in rows]
    return {record.node: record.source for record in records}


def circle(known: dict[str, str], node: str, source: str) -> list[str]:
    """The way from `node` over `source` back to it, if it were fed so; else none."""
    way = [node]
    at = source
    while at:
        way.append(at)
        if at == node:
            return way
        if len(way) > len(known) + 2:
            break  # a circle that `node` is not part of
        at = known.get(at, "")
    return []


def set_source(view: View, command: SetSource) -> Failed | None:
    """Note who feeds a node from now on."""
    try:
        node_name(command.node)
        if command.source:
            node_name(command.source)
    except BadSettings as error:
        return Failed(error.code, error.message)
    known = sources(view)
    way = circle(known, command.node, command.source)
    if way:
        return Failed("BadSettings", f"nobody would feed any of them: {' from '.join(way)}")
    if command.node not in known and len(known) == FOLLOWERS_MAX:
        return Failed("Busy", f"there are {FOLLOWERS_MAX} records of sources already")
    record = SourceRecord(command.node, command.source)
    key = SOURCE + command.node.encode()
    view.put(CONTROL, key, encode(record) if command.source else None)
    return None
