"""Marks: bold, a link, a comment on a stretch of a text; which of them count, and for what.

A mark is an operation of one unit that covers characters. Which ones never changes once it is
decided, so the order in which operations come makes no difference:

1. where its author stood, the visible characters from a position on;
2. a character that somebody inserted who had seen the mark, if both visible neighbours were
   covered there; or the left one alone, and the mark expands at its end; or the right one alone,
   and it expands at its start. Of a run, every character is the left neighbour of the next;
3. a character that was inserted concurrently, if it stands strictly between the first and the last
   character of rule 1, in the walker's order of all records, deleted ones too.

At a character, of the marks of one name that cover it, those count that are not causally before
another of them; of several the one of the greatest (author, number). The value None means: no mark.

Source: Litt, Lim, Kleppmann, van Hardenberg, "Peritext: A CRDT for Collaborative Rich Text Editing"
(CSCW 2022), sections 3 and 4. There marks hang on the gaps between characters, tombstones too; here
on characters, and neighbours are visible ones, so that what is folded needs no tombstones.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from plait.base.errors import BadCall, BadValue
from plait.types.plain import same_bytes
from plait.types.walker.graph import Name

NAME_MAX: Final = 256  # characters
VALUE_MAX: Final = 8192  # characters

EXPANDS: Final = ("none", "before", "after", "both")
AT_START: Final = ("before", "both")
AT_END: Final = ("after", "both")

Value: TypeAlias = str | int | float | bool | None
Ids: TypeAlias = tuple[int, ...]  # the marks that cover something, by their LVs, ascending


class Mark(NamedTuple):
    """One mark. LVs number marks here only; all but them and rivals is the same everywhere."""

    lv: int
    author: Name
    seq: int  # of the operation
    nth: int  # unit of the operation
    name: str
    value: Value
    expand: str
    rivals: Ids  # earlier ones (in LVs) of its name that its author had not seen

    def beats(self, other: "Mark") -> bool:
        """Whether its author had seen an earlier one of its name."""
        return other.lv < self.lv and other.lv not in self.rivals


Marks: TypeAlias = Mapping[int, Mark]


class MarkChange(NamedTuple):
    """Somebody marked something, as watchers are told: where that is in the present."""

    start: int
    stop: int
    name: str
    value: Value  # None: the marks of this name were taken away


# ------------------------------------------------------------------ bodies


def is_body(body: Any) -> bool:
    """Whether this says of a mark what there is to say: [length, name, value, expand]."""
    if type(body) is not list or len(body) != 4:
        return False
    length, name, value, expand = body
    return (
        type(length) is int
        and length > 0
        and is_name(name)
        and (value is None or is_value(value))
        and type(expand) is str
        and expand in EXPANDS
    )


def checked_body(pos: Any, size: Any, name: Any, value: Any, expand: Any, length: int) -> list[Any]:
    """The body of a mark on a text of some length. `BadCall` for characters that are not there,
    `BadValue` for what is no mark; of no characters it is refused in events."""
    if type(pos) is not int or type(size) is not int:
        raise BadValue(f"a mark goes from a position to a position, not {pos!r} and {size!r}")
    if not 0 <= pos <= pos + size <= length:
        raise BadCall(f"characters {pos} to {pos + size} of a text of {length} characters")
    if not is_name(name):
        raise BadValue(f"a mark's name has up to {NAME_MAX} characters; not so {name!r:.60}")
    if value is not None and not is_value(value):
        raise BadValue(
            f"a mark's value is a truth value, a number, or a text of up to {VALUE_MAX}"
            f" characters, not {value!r:.60}"
        )
    if type(expand) is not str or expand not in EXPANDS:
        raise BadValue(f"a mark expands {', '.join(map(repr, EXPANDS))}, not {expand!r:.60}")
    return [size, name, value, expand]


def is_name(name: Any) -> bool:
    """Whether a mark can be called this."""
    return type(name) is str and 0 < len(name) <= NAME_MAX and _is_unicode(name)


def is_value(value: Any) -> bool:
    """Whether a mark can have this value: a text, a number or a truth value."""
    kind = type(value)
    if kind is str:
        return len(value) <= VALUE_MAX and _is_unicode(value)
    if kind is int:
        return bool(-(1 << 63) <= value < 1 << 64)
    return kind is bool or (kind is float and math.isfinite(value))


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


# ------------------------------------------------------------------ what counts


def inherited(left: Ids, right: Ids, marks: Marks) -> Ids:
    """What covers something that is inserted between two neighbours by who has seen the marks."""
    if left == right:
        return left
    ids = [lv for lv in left if lv in right or marks[lv].expand in AT_END]
    ids += [lv for lv in right if lv not in left and marks[lv].expand in AT_START]
    return tuple(sorted(ids))


def winners(ids: Sequence[int], marks: Marks) -> dict[str, Mark]:
    """Of the marks that cover something, the one of each name that counts; sorted by name."""
    named: dict[str, list[Mark]] = {}
    for lv in ids:
        named.setdefault(marks[lv].name, []).append(marks[lv])
    return {name: _winner(named[name]) for name in sorted(named)}


def _winner(rivals: list[Mark]) -> Mark:
    """rivals: of one name, ascending."""
    last = rivals[-1]
    if not last.rivals:
        return last
    latest = [mark for mark in rivals if not any(other.beats(mark) for other in rivals)]
    return max(latest, key=lambda mark: (mark.author, mark.seq))


def attributes(ids: Sequence[int], marks: Marks) -> dict[str, Value]:
    """The names and values that marks come to."""
    found = {name: mark.value for name, mark in winners(ids, marks).items()}
    return {name: value for name, value in found.items() if value is not None}


def merged(spans: Sequence[tuple[int, Ids]], marks: Marks) -> list[tuple[int, dict[str, Value]]]:
    """Spans with names and values: neighbours differ, and the last one has some."""
    found: list[tuple[int, dict[str, Value]]] = []
    known: dict[Ids, tuple[bytes, dict[str, Value]]] = {}
    last = b""
    for size, ids in spans:
        if ids not in known:
            values = attributes(ids, marks)
            known[ids] = same_bytes(values), values
        same, values = known[ids]  # 1 == 1.0 == True, but not in bytes
        if found and same == last:
            found[-1] = (found[-1][0] + size, found[-1][1])
        else:
            found.append((size, values))
        last = same
    if found and not found[-1][1]:
        found.pop()
    return found
