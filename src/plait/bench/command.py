"""What scenarios have in common as commands: options that are names, progress, figures in a file.

Tables go to standard output; whatever else there is to say goes beside it, to standard error.
"""

import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from plait.bench.rounds import Progress


def names_in(text: str) -> tuple[str, ...]:
    """The names in an option, which are separated by commas; none if it is empty."""
    return tuple(name for name in text.split(",") if name)


def all_known(kind: str, names: Iterable[str], known: Collection[str]) -> bool:
    """Whether each is one of those that there are; if not, says which is not, and what there is."""
    for name in names:
        if name not in known:
            print(f"unknown {kind} {name!r}; there are {', '.join(known)}", file=sys.stderr)
            return False
    return True


def progress_beside() -> Progress:
    """Tells on standard error what is being measured."""
    notes = Console(stderr=True)
    return lambda text: notes.print(text, style="dim", highlight=False)


def write_figures(figures: dict[str, Any], file: str | None) -> None:
    """Write every figure as JSON where the option `--json` says, if it was given."""
    if file:
        Path(file).write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
