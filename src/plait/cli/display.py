"""Consoles: colours and widths where a person looks, plain text where a program reads."""

import sys
from typing import TextIO

from rich.console import Console
from rich.table import Table

PLAIN_WIDTH = 200  # wide enough that nothing is cut when the output goes to a file


def console(stream: TextIO | None = None) -> Console:
    """A console on stdout, or on `stream`, as wide as the terminal or as `PLAIN_WIDTH`."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=width is not None)


def table(title: str = "") -> Table:
    """A table with the look that all of ours have."""
    return Table(
        title=title or None, title_justify="left", title_style="bold", box=None,
        pad_edge=False, header_style="dim", padding=(0, 2, 0, 0),
    )  # fmt: skip


def size(count: int | float) -> str:
    """Bytes for people: ``1.5 MB``."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def seconds(amount: float) -> str:
    """A duration for people: ``3 ms``, ``1.25 s``, ``2 h 5 min``; ``?`` if negative (unknown)."""
    if amount < 0:
        return "?"
    if amount < 1:
        return f"{amount * 1000:.0f} ms"
    if amount < 120:
        return f"{amount:.2f} s"
    minutes = int(amount // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
