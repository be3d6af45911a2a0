"""Notes with a text, at one replica or at two."""

import random
from typing import Any

from plait.api.documents import Document, Documents, Map, Text
from tests.unit.graph_fake import meet, pair

WIDE = "a\U0001f600e\u0301\u00df"  # of one, two, one and one, one UTF-16 units


class Note(Document):
    body = Text()
    parts = Map(Text())


def two() -> tuple[Any, Any, Any]:
    """A document at two replicas, and how they meet."""
    ann, bob = pair()
    return Documents(ann, Note)["n"], Documents(bob, Note)["n"], lambda: meet(ann, bob)


def edit_anywhere(chance: random.Random, text: Any) -> None:
    """Any edit of a text, by chance."""
    length = len(text)
    at = chance.randint(0, length)
    match chance.randrange(5):
        case 0:
            text.delete(at, min(length - at, chance.randrange(4)))
        case 1:
            text.replace(at, min(length - at, 2), "XY")
        case 2:
            text.replace(chance.choice("abcXY"), "-+")
        case _:
            text.insert(at, "".join(chance.choice("abc") for _ in range(chance.randint(1, 5))))
