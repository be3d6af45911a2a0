"""What the reports of one-core scenarios have in common: tables of 80 columns, aims, the end."""

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plait.bench.aims import Judged


def plain_table(title: str, *headings: str, caption: str | None = None, names: int = 1) -> Table:
    """A table without lines; the first `names` columns are words, the others figures."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number < names else "right", no_wrap=True)
    return table


def aims_table(title: str, judged: Iterable[tuple[str, Judged]]) -> Table:
    """What was aimed at, by what it is called here, and whether it was met."""
    table = plain_table(title, "what", "found", "aim", "")
    for what, one in judged:
        table.add_row(what, one.found, one.aim, "met" if one.met else "[red]missed[/red]")
    return table


def print_skipped(figures: dict[str, Any], console: Console) -> None:
    """Who was not measured, and why."""
    for name, why in figures["skipped"].items():
        console.print(f"skipped {name}: {why}", style="yellow", highlight=False)


def print_end(figures: dict[str, Any], console: Console, when: str, medians: str) -> None:
    """The machine, its load `when` that was looked at, and what the `medians` are over."""
    machine = figures["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    console.print(
        f"One core of {machine['cores']}, Python {machine['python']}; {versions}.\n"
        f"Load {when}: {machine['load']:.1f}. {medians}",
        highlight=False,
    )
    if figures["options"]["quick_run"]:
        console.print("A quick run: smaller than what is to be quoted.", highlight=False)
