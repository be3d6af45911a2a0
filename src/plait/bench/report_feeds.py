"""Figures of feeds with many watchers, for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from plait.bench.report_parts import plain_table


def print_feeds(figures: Mapping[str, Any], console: Console) -> None:
    """Print what watchers of a feed got; fits 80 columns."""
    table = plain_table(
        "A table's feed, by how many watch it",
        "watchers", "first ms", "middle", "last", "written/s", "delivered/s",
        caption=f"From a put until watchers have it, medians of {figures['paced']} changes one at "
        f"a time;\nthen {figures['rows']:,} rows as fast as they are taken. Each change once, in "
        "order.",
    )  # fmt: skip
    for row in figures["watchers"]:
        waits = (row["first_ms"], row["median_ms"], row["last_ms"])
        table.add_row(
            f"{row['watchers']:,}",
            *("-" if wait is None else f"{wait:.1f}" for wait in waits),
            f"{row['written_per_s']:,.0f}",
            f"{row['delivered_per_s']:,.0f}" if row["watchers"] else "-",
        )
    console.print(table)
