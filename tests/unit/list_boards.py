"""Boards with lists of values and of documents, at one replica or at two."""

from typing import Any

from plait.api.documents import Counter, Document, Documents, List, Register
from tests.unit.graph_fake import meet, pair


class Step(Document):
    text = Register(str)


class Task(Document):
    title = Register(str)
    votes = Counter()
    steps = List(Step)


class Board(Document):
    name = Register(str)
    tags = List(str)
    tasks = List(Task)
    pairs = List(tuple[int, str])
    anything = List()


def two() -> tuple[Any, Any, Any]:
    """A document at two replicas, and how they meet."""
    ann, bob = pair()
    return Documents(ann, Board)["b"], Documents(bob, Board)["b"], lambda: meet(ann, bob)
