"""The control line's records of nodes that share an engine, and of the name they use there.

Where the nodes order their lines themselves, who they are stands in the control line's membership;
on a shared engine nobody votes, so it stands in the fold.

Invariant: a name belongs to one folder, and once dropped to none.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadSettings
from plait.base.ids import node_name
from plait.types.commands import DropNode, NameSpace, PutNode
from plait.types.fold import Failed, View
from plait.types.keys import CONTROL

NODE = b"node/"
_NODE_END = b"node0"
NAMESPACE = b"namespace"
NODES_MAX = 1000


class NodeRecord(msgspec.Struct, frozen=True, array_like=True):
    """A node as the control line knows it."""

    name: str
    folder: str
    address: str
    reads: int
    gone: bool = False


def node_records(view: View) -> list[NodeRecord]:
    """Every node that ever was, by name."""
    rows = view.scan(CONTROL, NODE, _NODE_END, NODES_MAX)
    return [decode(data, type=NodeRecord) for _, data in rows]


def namespace(view: View) -> str:
    """The name that this cluster uses on shared engines; "" before the first."""
    data = view.get(CONTROL, NAMESPACE)
    return "" if data is None else decode(data, type=str)


def name_space(view: View, command: NameSpace) -> Failed | None:
    """Use this name, unless there is one."""
    if not namespace(view):
        view.put(CONTROL, NAMESPACE, encode(command.name))
    return None


def put_node(view: View, command: PutNode) -> Failed | None:
    """Note a node, or where it is found now."""
    try:
        node_name(command.name)
    except BadSettings as error:
        return Failed(error.code, error.message)
    found = _node(view, command.name)
    if found is not None and (found.gone or found.folder != command.folder):
        why = "left" if found.gone else "has another folder"
        return Failed("BadSettings", f"node {command.name!r} {why}; choose another name")
    if found is None and len(node_records(view)) == NODES_MAX:
        return Failed("Busy", f"there were {NODES_MAX} nodes already")
    record = NodeRecord(command.name, command.folder, command.address, command.reads)
    view.put(CONTROL, NODE + command.name.encode(), encode(record))
    return None


def drop_node(view: View, command: DropNode) -> Failed | None:
    """Note that a node is gone."""
    found = _node(view, command.name)
    if found is None:
        return Failed("BadSettings", f"{command.name!r} is no node of this cluster")
    gone = msgspec.structs.replace(found, gone=True)
    view.put(CONTROL, NODE + command.name.encode(), encode(gone))
    return None


def _node(view: View, name: str) -> NodeRecord | None:
    data = view.get(CONTROL, NODE + name.encode())
    return None if data is None else decode(data, type=NodeRecord)
