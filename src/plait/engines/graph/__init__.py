"""One process's replica of a graph: the cores of `plait.graph` over the ports of a node."""
