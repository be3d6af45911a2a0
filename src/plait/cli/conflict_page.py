"""Conflicts as pages: the list of them, and one with its values beside each other.

A value is text as it is, or JSON over several lines. What differs from the base is marked word by
word, and where there are several lines with a sign before the line, so that it is seen without
colours too. Long texts are shown as their differences from the base.

Everything here is a function of its arguments; nothing asks or waits.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from plait.api.documents import Conflict, Sibling
from plait.cli.display import table
from plait.cli.values import show_value

COLUMN_MIN: Final = 32  # narrower ones are shown one under another
LONG_LINES: Final = 12
LONG_CHARACTERS: Final = 600
CONTEXT_LINES: Final = 2
CELL_CHARACTERS: Final = 28  # of a value in the list

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_CHANGED: Final = "bold green"
_GONE: Final = "bold red"


def listing(found: Sequence[Conflict], width: int) -> Table:
    """The inbox as a table; without the values where there is no room for them."""
    wide = width >= 100
    grid = table()
    for heading in ("collection", "key", "field", "values", "since"):
        grid.add_column(heading, overflow="fold")
    for one in found:
        values = " | ".join(_short(value) for value in one.siblings)
        grid.add_row(
            one.collection, one.key, one.field,
            Text(values if wide else str(len(one.siblings))), _time(one.since),
        )  # fmt: skip
    return grid


def conflict_page(conflict: Conflict, ours: Sibling, width: int) -> Group:
    """One conflict, for a terminal of `width` columns."""
    why = "its merge function failed, or replicas merged differently: " * (conflict.kind == "merge")
    heading = Text.assemble(
        (f"{conflict.collection} {conflict.key} {conflict.field}", "bold"),
        f"   {why}{len(conflict.versions)} values",
    )
    base = show_lines(conflict.base)
    variants = [show_lines(version.value) for version in conflict.versions]
    is_long = any(len(v) > LONG_LINES or sum(map(len, v)) > LONG_CHARACTERS for v in variants)
    cells = [
        Group(_title(number, one, one is ours, one.value == conflict.shown), *_body(
            base, variant, is_long and isinstance(one.value, str)))
        for number, (one, variant) in enumerate(
            zip(conflict.versions, variants, strict=True), 1)
    ]  # fmt: skip
    cells.insert(0, Group(Text("base", "bold"), Text(), *_base(base, variants, is_long)))
    return Group(heading, Text(), beside(cells, width))


def beside(cells: Sequence[RenderableType], width: int) -> RenderableType:
    """Columns, or one under another where they would be too narrow."""
    if width // len(cells) < COLUMN_MIN:
        parts: list[RenderableType] = []
        for cell in cells:
            parts += [cell, Text()]
        return Group(*parts[:-1])
    grid = Table.grid(padding=(0, 2, 0, 0), expand=width < COLUMN_MIN * 2 * len(cells))
    for _ in cells:
        grid.add_column(ratio=1, overflow="fold")
    grid.add_row(*cells)
    return grid


def show_lines(value: Any) -> list[str]:
    """A value as lines for people: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value.split("\n")
    text = show_value(value)
    if isinstance(value, dict | list) and len(text) > CELL_CHARACTERS:
        return msgspec.json.format(text, indent=2).split("\n")
    return [text]


def _title(number: int, one: Sibling, is_ours: bool, is_shown: bool) -> Text:
    notes = [note for note, holds in (("ours", is_ours), ("shown", is_shown)) if holds]
    said = f" ({', '.join(notes)})" if notes else ""
    return Text.assemble((f"{number}{said}", "bold"), f"\n{one.who}, {_time(one.when)}")


def _base(base: list[str], variants: list[list[str]], is_long: bool) -> Iterator[Text]:
    if is_long and len(base) > LONG_LINES:
        yield Text(f"{len(base)} lines; what was changed in them stands with each value", "dim")
        return
    if base == ["null"]:
        yield Text("nothing", "dim")
        return
    others = [_compared(variant) for variant in variants]
    for line, compared in zip(base, _compared(base), strict=True):
        kept = all(compared in other for other in others)
        yield Text(_sign(base, "  " if kept else "- ") + line, "" if kept else _GONE)


def _body(base: list[str], variant: list[str], is_long: bool) -> Iterator[Text]:
    if is_long:
        yield from _differences(base, variant)
        return
    matcher = difflib.SequenceMatcher(None, _compared(base), _compared(variant), autojunk=False)
    for tag, start, stop, at, to in matcher.get_opcodes():
        for index in range(at, to):
            if tag == "equal":
                yield Text(_sign(variant, "  ") + variant[index])
                continue
            before = base[start + index - at] if start + index - at < stop else ""
            yield Text(_sign(variant, "+ ")) + _marked(before, variant[index])


def _differences(base: list[str], variant: list[str]) -> Iterator[Text]:
    """As `diff -u` has it, without the names of files."""
    styles = {"+": _CHANGED, "-": _GONE, "@": "dim"}
    lines = list(difflib.unified_diff(base, variant, n=CONTEXT_LINES, lineterm=""))[2:]
    if not lines:
        yield Text("as in the base", "dim")
    for line in lines:
        yield Text(line, styles.get(line[:1], ""))


def _marked(before: str, line: str) -> Text:
    """A line with the words that its counterpart has not in colour."""
    text = Text()
    old, new = _WORDS.findall(before), _WORDS.findall(line)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, at, to in matcher.get_opcodes():
        text.append("".join(new[at:to]), "" if tag == "equal" else _CHANGED)
    return text


def _compared(lines: list[str]) -> list[str]:
    """JSON that goes on after a line differs from JSON that ends there by a comma only."""
    return [line.rstrip(",") for line in lines] if lines[0] in ("{", "[") else lines


def _sign(lines: list[str], sign: str) -> str:
    return sign if len(lines) > 1 else ""


def _short(value: Any) -> str:
    text = show_value(value)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
