"""Moved: see `plait.engines.graph_port`."""

from plait.engines.graph_port import Changed as Changed
from plait.engines.graph_port import GraphReplica as GraphReplica
from plait.engines.graph_port import GraphView as GraphView
from plait.engines.graph_port import Past as Past
