"""Merging texts: by lines, and where lines conflict by words.

What one side changed is taken; what both changed alike is taken once; where one removed what the
other changed, the change stays. What is left are conflicts: by words inside the lines, and there
both variants are kept, the lesser sibling's first. Nothing that anybody wrote is lost, and no
markers are put in. Several siblings are merged one after the other.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from plait.types.merging.difference import Chunk, Items, chunks, interleaved

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def merge_text(base: Any, siblings: Sequence[Any]) -> str:
    """Three-way; TypeError for siblings that are no texts."""
    for value in siblings:
        if not isinstance(value, str):
            raise TypeError(f"merge.text merges texts, not {type(value).__name__}")
    before = base if isinstance(base, str) else ""
    merged: str = siblings[0]
    for sibling in siblings[1:]:
        merged = _merge_lines(before, merged, sibling)
    return merged


def _merge_lines(base: str, one: str, other: str) -> str:
    # an empty text has no line, not an empty one: else two first texts would share that
    lines = [text.split("\n") if text else [] for text in (base, one, other)]
    return "\n".join(_merge(lines[0], lines[1], lines[2], _by_words))


def _merge(base: Items, one: Items, other: Items, both: Callable[[Chunk], Items]) -> list[str]:
    result: list[str] = []
    for chunk in chunks(base, one, other):
        result += _decide(chunk, both)
    return result


def _decide(chunk: Chunk, both: Callable[[Chunk], Items]) -> Items:
    base, one, other = chunk
    if one in (base, other):
        return other
    if other == base:
        return one
    if not one or not other:  # removed here, changed there
        return one or other
    return both(chunk)


def _by_words(chunk: Chunk) -> Items:
    if not chunk.base:  # both put lines in at the same place
        return [*chunk.one, *chunk.other]
    base, one, other = (_WORDS.findall("\n".join(lines)) for lines in chunk)
    return "".join(_merge(base, one, other, _keep_both)).split("\n")


def _keep_both(chunk: Chunk) -> Items:
    return interleaved(chunk, _in_sequence)


def _in_sequence(one: Items, other: Items) -> Items:
    gap = not one[-1].isspace() and not other[0].isspace()
    return [*one, *([" "] if gap else []), *other]
