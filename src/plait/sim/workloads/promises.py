"""What types of documents promise of concurrent edits: pure functions from edits to values.

An edit knows its dots and what its author had seen before. So of any two it is known which came
first, or that neither did. Each function here is told all edits of one field that were kept, and
says what everybody must read; it is the rule as one would explain it to a user, and knows nothing
of how a type keeps it.

Invariant: with an edit everything that its author had seen is kept. Absent: the order of a list's
elements where people inserted or moved at once, and texts (`workloads.texts`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

Dot: TypeAlias = tuple[int, int]


class Edit(msgspec.Struct, frozen=True):
    """One edit of one field, or of a whole document."""

    field: str
    act: str
    name: Any  # of what: an element, a node, a name in a map
    value: Any  # to what
    replica: int
    seq: int  # of its last event
    stamp: int  # its author's clock
    seen: Mapping[int, int]  # by replica, before it

    def sees(self, other: "Edit") -> bool:
        """Whether the other one came before this one."""
        return other.seq <= self.seen.get(other.replica, 0)

    @property
    def order(self) -> tuple[int, int, int]:
        """Of concurrent ones the greatest wins, where one has to."""
        return (self.stamp, self.replica, self.seq)


Edits: TypeAlias = Sequence[Edit]


def _unseen(ones: Edits, others: Edits) -> list[Edit]:
    """Those that none of the others has seen."""
    return [one for one in ones if not any(other.sees(one) for other in others)]


def _by_name(edits: Edits) -> dict[Any, list[Edit]]:
    found: dict[Any, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.name, []).append(edit)
    return found


def _did(edits: Edits, *acts: str) -> list[Edit]:
    return [edit for edit in edits if edit.act in acts]


# ----------------------------------------------------------------------------- values


def added_wins(edits: Edits) -> Any:
    """An element is in if somebody added it and nobody who removed it had seen that."""
    named = _by_name(edits).items()
    return sorted(n for n, said in named if _unseen(_did(said, "add"), _did(said, "remove")))


def removed_wins(edits: Edits) -> Any:
    """An element is in if of what was said of it last, by anybody, nothing says that it is out."""
    named = _by_name(edits).items()
    return sorted(n for n, said in named if all(e.act == "add" for e in _unseen(said, said)))


def removed_once(edits: Edits) -> Any:
    """An element is in if it was added and never removed."""
    return sorted(n for n, said in _by_name(edits).items() if not _did(said, "remove"))


def on_wins(edits: Edits) -> Any:
    """It is on if somebody switched it on and nobody who switched it off had seen that."""
    return bool(_unseen(_did(edits, "on"), _did(edits, "off")))


def off_wins(edits: Edits) -> Any:
    """It is on if of what was done last, by anybody, nothing switched it off."""
    last = _unseen(edits, edits)
    return bool(last) and all(edit.act == "on" for edit in last)


def last_wins(edits: Edits) -> Any:
    """What was written last by the clocks, of what nobody has overwritten knowingly."""
    last = _unseen(edits, edits)
    return max(last, key=lambda edit: edit.order).value if last else None


def counted(edits: Edits) -> Any:
    """Everything that nobody who reset it had seen."""
    return sum(edit.value for edit in _unseen(_did(edits, "add"), _did(edits, "reset")))


def counted_by_name(edits: Edits) -> Any:
    """A name is there if somebody counted there unknown to whoever took it away; so it counts."""
    found = {}
    for name, said in _by_name(edits).items():
        left = _unseen(_did(said, "add"), _did(said, "remove"))
        if left:
            found[name] = sum(edit.value for edit in left)
    return found


def elements(edits: Edits) -> Any:
    """An element is there, once, if somebody put it where nobody who deleted it had seen it."""
    named = _by_name(edits).items()
    put, gone = ("insert", "move"), ("delete",)
    return sorted(n for n, said in named if _unseen(_did(said, *put), _did(said, *gone)))


def parents(edits: Edits) -> Any:
    """All moves, one after the other by the clocks; but none below the node itself."""
    found: dict[str, str] = {}
    for move in sorted(edits, key=lambda edit: edit.order):
        above: str | None = move.value
        while above in found and above != move.name:
            above = found[above]
        if above != move.name:
            found[move.name] = move.value
    return {node: parent for node, parent in found.items() if _shown(found, node)}


ROOT, TRASH = "", "~"


def _shown(found: Mapping[str, str], node: str) -> bool:
    while node in found:
        node = found[node]
    return node == ROOT


# ----------------------------------------------------------------------------- documents


def lives(edits: Edits) -> Any:
    """What a document that is deleted now and then holds; None if it is deleted.

    "put": an element of its set, by who saw the document; "begin": by who saw none, and so begins
    it anew; "delete". A document is whole if anything was put there unknown to who deleted it.
    """
    begun, deleted = _did(edits, "begin"), _did(edits, "delete")
    held = _unseen(_did(edits, "put", "begin"), begun)
    markers = _unseen(deleted, _did(edits, "put", "begin"))
    return sorted(edit.name for edit in held) if _unseen(held, markers) else None


PROMISES: dict[str, Callable[[Edits], Any]] = {
    "tags": added_wins,
    "rights": removed_wins,
    "banned": removed_once,
    "opened": on_wins,
    "locked": off_wins,
    "title": last_wins,
    "likes": counted,
    "votes": counted_by_name,
    "queue": elements,
    "outline": parents,
    "draft": lives,
}
