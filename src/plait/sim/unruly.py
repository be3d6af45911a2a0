"""A path on which frames come twice, or behind later ones: more than TCP does, and not too much.

Only messages whose receivers promise to stand it are meddled with: everything that members of a
line say to each other (votes, promises, entries, answers, pieces of a copy of the state), and of a
graph's the batches and what was seen. All else relies on the order that a connection keeps: hellos,
what clients ask and are told, a graph's greetings, neighbours and parcels. A parcel's part out of
turn, for one, closes the connection.

Invariant: a frame comes at least once, and none that is meddled with comes before it could have.
"""

from random import Random
from typing import TYPE_CHECKING, get_args

import msgspec

from plait.base.errors import BadFrame
from plait.graph.messages import Ops, Vector, decode_message
from plait.line.primary import messages as primary
from plait.line.raft import messages as raft
from plait.line.replication.messages import Checkpointed
from plait.node.peers import PeerHello
from plait.node.said import GraphSaid

if TYPE_CHECKING:
    from plait.sim.network import SimConnection

_OF_LINES = {
    kind.__struct_config__.tag
    for kind in (*get_args(primary.Message), *get_args(raft.Message), Checkpointed)
}
_HELLO = PeerHello.__struct_config__.tag
_OF_GRAPHS = GraphSaid.__struct_config__.tag


class Unruly:
    """What one path does to some of the frames on it."""

    def __init__(self, random: Random, twice: float, behind: float, late_s: float) -> None:
        """twice, behind: the share of frames; late_s: by so much at most."""
        self.met = 0  # frames that came twice or late
        self._random = random
        self._twice = twice
        self._behind = behind
        self._late_s = late_s

    def take(self, end: "SimConnection", frames: list[bytes], when: float) -> list[bytes]:
        """Those that arrive in their turn, at `when`; the others come as they like."""
        if tag_of(end.first) != _HELLO:
            return frames
        random, kept = self._random, []
        for frame in frames:
            twice, behind = random.random() < self._twice, random.random() < self._behind
            if not (twice or behind) or not stands_it(frame):
                kept.append(frame)
                continue
            self.met += 1
            if twice:
                end.comes(frame, when + random.uniform(0.0, self._late_s))
            if behind:
                end.comes(frame, when + random.uniform(0.0, self._late_s))
            else:
                kept.append(frame)
        return kept


def stands_it(frame: bytes) -> bool:
    """Whether the message of one node to another may come twice, or out of its turn."""
    tag = tag_of(frame)
    if tag != _OF_GRAPHS:
        return tag in _OF_LINES
    said = msgspec.msgpack.decode(frame, type=GraphSaid)
    try:
        return isinstance(decode_message(said.data), Ops | Vector)
    except BadFrame:
        return False  # an order of the node's, as `RELINK`


def tag_of(frame: bytes) -> int | None:
    """Which message a frame holds; None if it is none."""
    try:
        tag, *_ = msgspec.msgpack.decode(frame, type=list[msgspec.Raw])
        return msgspec.msgpack.decode(tag, type=int)
    except (msgspec.DecodeError, ValueError):
        return None
