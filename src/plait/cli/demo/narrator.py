"""What the demo's audience sees: scenes with times, a progress bar, tables."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from plait.cli.display import console, seconds, table


class Summary(dict[str, Any]):
    """The demo's figures, by name; units come last in the names."""


class Narrator:
    """Tells a story on a console; plain lines where nobody sees colours."""

    def __init__(self, output: Console | None = None) -> None:
        self._console = output or console()
        self._started = time.monotonic()

    def scene(self, title: str) -> None:
        """A new scene begins."""
        self._console.print()
        self._console.print(Text(title, "bold"))

    def say(self, text: str, style: str = "") -> None:
        """One thing happened."""
        elapsed = time.monotonic() - self._started
        self._console.print(Text.assemble((f"{elapsed:6.1f} s  ", "dim"), (text, style)))

    def show(self, lines: list[str]) -> None:
        """What a command would print."""
        for line in lines:
            self._console.print(Text(f"          {line}", "cyan"))

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Any]:
        """A bar on a terminal; yields a function that takes how many are done."""
        if not self._console.is_terminal:
            yield lambda done: None
            return
        columns = (TextColumn("          {task.description}"), BarColumn(), MofNCompleteColumn(),
                   TimeElapsedColumn())  # fmt: skip
        with Progress(*columns, console=self._console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def print(self, renderable: Any) -> None:
        """Anything that rich can print."""
        self._console.print(renderable)

    def summary(self, figures: Summary) -> None:
        """The figures as a table, and the verdict."""
        grid = table()
        grid.add_column("what")
        grid.add_column("figure", justify="right")
        for name, value in figures.items():
            if name == "lost":
                style = "bold red" if value else "bold green"
                grid.add_row(Text("acknowledged and lost", style), Text(str(value), style))
            elif not isinstance(value, (bool, str)):
                grid.add_row(*_figure(name, value))
        self.scene("Summary")
        self._console.print(grid)


def _figure(name: str, value: Any) -> tuple[str, str]:
    label = name.removesuffix("_s").replace("_", " ")
    if value is None:
        return label, "-"
    return label, seconds(value) if name.endswith("_s") else f"{value:,}"


def farewell(url: str, first: str) -> str:
    """What can be done with the cluster that the demo leaves running."""
    return "\n".join(
        (
            "The cluster stays up until Ctrl-C. In another terminal:",
            f"  export PLAIT_URL={url}",
            "  plait status --watch",
            "  plait get cities 2950159 --read follower",
            "  plait scan cities --limit 5",
            f"  plait switchover {first}",
            "  plait rescued list",
        )
    )
