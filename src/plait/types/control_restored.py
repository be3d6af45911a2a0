"""What changes in a control line's records when they begin a new cluster of one node.

The tables, machines and graphs stay; what named the nodes of the old cluster goes: who founded and
led each line, who was appointed, which logs a line was made of, who followed with which
delay, who shared an engine under which name. Every line is on the one node's own disk.

Invariant: nothing here names a node, an engine or a log that another cluster uses. No replica of a
graph is its founder's any more, for who joins may bear that one's name.
"""

import msgspec

from plait.base.codec import encode
from plait.types.control import APPOINTED, LINE, ControlMachine
from plait.types.control_chains import CHAIN
from plait.types.control_followers import FOLLOWER, followers
from plait.types.control_graphs import GRAPH, graph_records
from plait.types.control_nodes import NAMESPACE, NODE, node_records
from plait.types.control_zones import FOUNDED
from plait.types.fold import View
from plait.types.keys import CONTROL


def begin_cluster(view: View, machine: ControlMachine, node: str) -> None:
    """Let `node` be the only one that there ever was."""
    for line in machine.lines(view):
        own = msgspec.structs.replace(line, leader=node, members=(node,), engine="")
        name = line.line.encode()
        view.put(CONTROL, LINE + name, encode(own))
        view.put(CONTROL, APPOINTED + name, None)
        view.put(CONTROL, CHAIN + name, None)
        view.put(CONTROL, FOUNDED + name, None)
    for graph in graph_records(view):
        elsewhere = msgspec.structs.replace(graph, node="")
        view.put(CONTROL, GRAPH + graph.name.encode(), encode(elsewhere))
    for other in node_records(view):
        view.put(CONTROL, NODE + other.name.encode(), None)
    for follower in followers(view):
        view.put(CONTROL, FOLLOWER + follower.node.encode(), None)
    view.put(CONTROL, NAMESPACE, None)
