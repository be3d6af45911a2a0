"""One process's replica of a graph: the cores of `plait.graph` over the ports of a node."""

from plait.engines.graph.opening import drop_replica as drop_replica
from plait.engines.graph.opening import forget_replica as forget_replica
from plait.engines.graph.opening import open_replica as open_replica
from plait.engines.graph.options import GraphOptions as GraphOptions
from plait.engines.graph.replica import Replica as Replica
