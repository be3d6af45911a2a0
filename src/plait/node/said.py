"""What replicas of graphs say to each other, between nodes."""

import msgspec


class GraphSaid(msgspec.Struct, frozen=True, array_like=True, tag=90):
    """What one node's replica of a graph says to another's."""

    lineage: str
    data: bytes  # a message of `plait.graph.messages`
