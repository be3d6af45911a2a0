"""Figures of the scenario `operations` for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from plait.bench.report_parts import plain_table


def print_operations(figures: Mapping[str, Any], console: Console) -> None:
    """Print the scenario `operations`; fits 80 columns."""
    if "feeds" in figures:
        _print_feeds(figures["feeds"], figures["options"], console)
    for text in figures["failed"]:
        console.print(text, style="red", highlight=False)
    machine = figures["machine"]
    console.print(
        f"Three nodes, writers and watchers on {machine['cores']} cores, Python "
        f"{machine['python']}; load {machine['load']:.1f} at the end.",
        highlight=False,
    )
    if figures["options"]["quick_run"]:
        console.print("A quick run: not to be quoted.")


def _print_feeds(rows: list[dict[str, Any]], options: Mapping[str, Any], console: Console) -> None:
    table = plain_table(
        "A table's feed, by how many watch it",
        "watchers", "first ms", "middle", "last", "written/s", "delivered/s",
        caption=f"From a put until watchers have it, medians of {options['paced']} changes one at "
        f"a time;\nthen {options['rows']:,} rows as fast as they are taken. Each change once, in "
        "order.",
    )  # fmt: skip
    for row in rows:
        waits = (row["first_ms"], row["median_ms"], row["last_ms"])
        table.add_row(
            f"{row['watchers']:,}",
            *("-" if wait is None else f"{wait:.1f}" for wait in waits),
            f"{row['written_per_s']:,.0f}",
            f"{row['delivered_per_s']:,.0f}" if row["watchers"] else "-",
        )
    console.print(table)
