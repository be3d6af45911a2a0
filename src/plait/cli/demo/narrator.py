"""What the demo's audience sees: scenes with times, a progress bar, tables."""

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from plait.cli.display import console, seconds, table

INDENT = 10  # columns, in front of what is said

_LABELS = {
    "cut_to_next_write_s": "leader cut off, to the next write",
    "time_to_next_write_s": "leader killed, to the next write",
    "time_to_next_transfer_s": "leader killed, to the next transfer",
    "catch_up_s": "node started, to all level",
    "documents_agree_s": "links back, to equal documents",
    "lost": "acknowledged and lost",
}


class Summary(dict[str, Any]):
    """The demo's figures, by name; units come last in the names."""


class Narrator:
    """Tells a story on a console; plain lines where nobody sees colours."""

    def __init__(self, output: Console | None = None) -> None:
        self._console = output or console()
        self._started = time.monotonic()
        # who else hears what is told: the text, whether a scene begins, seconds since the start
        self.listeners: list[Callable[[str, bool, float], None]] = []

    @property
    def width(self) -> int:
        """Columns of the console."""
        return self._console.width

    def scene(self, title: str) -> None:
        """A new scene begins."""
        self._console.print()
        self._console.print(Text(title, "bold"))
        self._told(title, True)

    def say(self, text: str, style: str = "") -> None:
        """One thing happened."""
        first, *more = textwrap.wrap(text, max(self.width - INDENT, INDENT)) or [""]
        elapsed = time.monotonic() - self._started
        self._console.print(Text.assemble((f"{elapsed:6.1f} s  ", "dim"), (first, style)))
        for line in more:
            self._console.print(Text(" " * INDENT + line, style))
        self._told(text, False)

    def _told(self, text: str, scene: bool) -> None:
        for listener in self.listeners:
            listener(text, scene, time.monotonic() - self._started)

    def addresses(self, found: list[tuple[str, str]]) -> None:
        """Where to look, so that nobody overlooks it."""
        self._console.print()
        for name, where in found:
            line = Text.assemble((f"  {name:<10}", "bold"), (where, "bold cyan"))
            self._console.print(line, soft_wrap=True)

    def show(self, lines: list[str]) -> None:
        """What a command would print."""
        for line in lines:
            self._console.print(Text(" " * INDENT + line, "cyan"), soft_wrap=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Any]:
        """A bar on a terminal; yields a function that takes how many are done."""
        if not self._console.is_terminal:
            yield lambda done: None
            return
        label = TextColumn(" " * INDENT + "{task.description}")
        columns = (label, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def print(self, renderable: Any) -> None:
        """Anything that rich can print; text is not broken, so that it can be copied."""
        self._console.print(renderable, soft_wrap=isinstance(renderable, str))

    def summary(self, figures: Summary) -> None:
        """The figures as a table, and the verdict."""
        grid = table()
        grid.add_column("what")
        grid.add_column("figure", justify="right")
        for name, value in figures.items():
            if name in ("lost", "linearizable"):
                good = value is True if name == "linearizable" else not value
                style = "bold green" if good else "bold red"
                label, shown = _figure(name, value)
                grid.add_row(Text(label, style), Text(shown, style))
            elif not isinstance(value, (bool, str)):
                grid.add_row(*_figure(name, value))
        self.scene("Summary")
        self._console.print(grid)


def _figure(name: str, value: Any) -> tuple[str, str]:
    label = _LABELS.get(name) or name.removesuffix("_s").replace("_", " ")
    if name == "linearizable":
        return label, {True: "yes", False: "NO"}.get(value, "unknown")
    if value is None:
        return label, "-"
    return label, seconds(value) if name.endswith("_s") else f"{value:,}"


def farewell(url: str, first: str, judge: str) -> str:
    """What can be done with the cluster that the demo leaves running."""
    return "\n".join(
        (
            "The cluster stays up until Ctrl-C. In another terminal:",
            f"  export PLAIT_URL={url}",
            "  plait status --watch",
            "  plait get cities 2950159 --read follower",
            "  plait scan accounts",
            f"  plait switchover {first}",
            "  plait rescued list",
            f"  {judge}",
        )
    )
