"""What nodes say to each other beside what the members of a line do."""

import msgspec


class GraphSaid(msgspec.Struct, frozen=True, array_like=True, tag=90):
    """What one node's replica of a graph says to another's."""

    lineage: str
    data: bytes  # a message of `plait.graph.messages`


class ChainWanted(msgspec.Struct, frozen=True, array_like=True, tag=91):
    """What a node asks whoever leads the control line to order."""

    line: str
    version: int
    data: bytes


class TailWanted(msgspec.Struct, frozen=True, array_like=True, tag=92):
    """A node asks whoever leads a line how far that goes."""

    line: str
    number: int  # of the question


class TailTold(msgspec.Struct, frozen=True, array_like=True, tag=93):
    """The answer: every write that was completed before the question is below the position."""

    line: str
    number: int
    position: int
