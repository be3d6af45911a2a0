"""Deciding a conflict in an editor: a file with all values, and reading what a person left of it.

The file begins with the value to be written, at first ours. Below a line that must stay (`MARK`)
stand the base and every value, for looking at; nothing there counts. Texts are written as they
are, everything else as JSON, and so are texts that an editor would not give back as they were.
"""

import io
from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from plait.api.documents import Conflict, Sibling
from plait.base.errors import Refused
from plait.cli.conflict_page import show_lines
from plait.cli.values import show_value

MARK: Final = "# ------ what stands above this line is written; the rest is for looking at ------"
ATTEMPTS_MAX: Final = 10

Editor = Callable[[str, str], str | None]  # (text, suffix of the file) -> what was left of it


def edited(conflict: Conflict, ours: Sibling, editor: Editor | None = None) -> Any:
    """The value that a person wrote; asks again while it is no JSON.

    Raises `Refused` if the file was left empty or as it was, or if JSON cannot carry the values.
    """
    editor = editor or _open
    as_text = all(map(_is_text, conflict.siblings))
    if not as_text:
        check_json(conflict)
    value = _written(ours.value, as_text)
    notes = _notes(conflict)
    problem = ""
    for _ in range(ATTEMPTS_MAX):
        asked = value
        left = editor(f"{value}\n{problem}{MARK}\n{notes}", ".txt" if as_text else ".json")
        value = asked if left is None else _above(left)
        if value == asked:
            raise Refused("nothing was changed: the file was left as it was")
        if not value.strip():
            raise Refused("nothing was changed: the file was left empty")
        if as_text:
            return value
        try:
            return msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            problem = f"# This is no JSON: {error}\n"
            click.echo(f"no JSON: {error}; the editor opens again", err=True)
    raise Refused(f"nothing was changed: no JSON after {ATTEMPTS_MAX} attempts")


def _open(text: str, suffix: str) -> str | None:
    return click.edit(text, extension=suffix)


def _above(left: str) -> str:
    """What was written above the mark, or in all the file if that is gone."""
    value, mark, _ = ("\n" + left).rpartition("\n" + MARK)
    value = value[1:] if mark else left
    lines = value.split("\n")
    while lines and lines[-1].startswith("# This is no JSON:"):
        lines.pop()
    value = "\n".join(lines)
    return value if mark else value.removesuffix("\n")


def _notes(conflict: Conflict) -> str:
    """Everything there is to know, as comments."""
    notes = io.StringIO()
    notes.write(f"# {conflict.collection} {conflict.key} {conflict.field}\n")
    variants = [("base", conflict.base)]
    variants += [
        (f"{number}: {one.who}, {one.when:%Y-%m-%d %H:%M:%S} UTC", one.value)
        for number, one in enumerate(conflict.versions, 1)
    ]
    for title, value in variants:
        notes.write(f"#\n# {title}\n")
        for line in show_lines(value):
            notes.write(f"#   {line}".rstrip() + "\n")
    return notes.getvalue()


def _written(value: Any, as_text: bool) -> str:
    if as_text:
        return str(value)
    return msgspec.json.format(show_value(value), indent=2)


def _is_text(value: Any) -> bool:
    """Whether an editor shows it and gives it back as it was."""
    return isinstance(value, str) and all(c.isprintable() or c in "\n\t" for c in value)


def check_json(conflict: Conflict) -> None:
    """`Refused` if the values are of a kind (times, bytes) that JSON gives back as another."""
    for value in conflict.siblings:
        if msgspec.json.decode(show_value(value)) != value:
            raise Refused(
                f"JSON cannot carry {value!r}, so it cannot be written here; take one of the"
                " values with --ours, --theirs or --pick"
            )
