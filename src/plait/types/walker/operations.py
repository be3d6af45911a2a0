"""Operations on a sequence, as replicas tell each other of them."""

from typing import Any, NamedTuple

from plait.base.errors import BadFrame
from plait.types.walker.graph import Name
from plait.types.walker.items import Edits


class SentOp(NamedTuple):
    """An operation as others are told of it."""

    name: Name
    seq: int
    parents: tuple[tuple[Name, int], ...]  # dots; none: it follows what is folded
    edits: list[Any]
    clears: bool  # it stands for a clear


def check_edits(edits: Any) -> Edits:
    """Edits from outside; raises `BadFrame`."""
    if type(edits) is not list or not edits:
        raise BadFrame("no edits")
    return edits
