"""The scenario `consensus` for people: writes, reads, batches, fail-over, and the aims."""

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plait.bench.aims import judge
from plait.bench.report import compared, comparison, loads, memory, print_circumstances


def print_consensus(figures: dict[str, Any], console: Console) -> None:
    """Print every table; each fits 80 columns."""
    table = comparison(
        "Three nodes on one machine, 100-byte values, on disk at a majority", "in flight"
    )
    for group in _groups(figures):
        for row in group:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    if any(row["system"] == "pysyncobj" for row in figures["writes"]):
        console.print("pysyncobj: only the row `synced` is on disk; the others never sync.\n")
    if figures["failover"]:
        console.print(_failovers(figures["failover"]))
    console.print(_aims(figures))
    for text in figures["failed"]:
        console.print(f"failed: {text}", style="red", highlight=False)
    print_circumstances(figures, console)


def _groups(figures: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    yield from loads(figures, "writes", "write, {} at once", "write, {} clients")
    yield from loads(figures, "reads", "read, {} at once", "read, {} clients")
    for in_flight in figures["options"]["batches_in_flight"]:
        rows = [row for row in figures["batches"] if row["in_flight"] == in_flight]
        yield list(compared(f"1,000 a call, {in_flight}", rows, "per_s"))
    yield memory(figures)


def _failovers(rows: list[dict[str, Any]]) -> Table:
    table = _plain("kill -9 of the leader to the next acknowledged write")
    table.add_column("system")
    table.add_column("timers")
    for heading in ("kills", "median ms", "min ms", "max ms"):
        table.add_column(heading, justify="right")
    for row in rows:
        if "median_ms" in row:
            times = (f"{row[name]:,.0f}" for name in ("median_ms", "min_ms", "max_ms"))
            table.add_row(row["system"], row["timers"], str(len(row["all_ms"])), *times)
    return table


def _aims(figures: dict[str, Any]) -> Table:
    table = _plain("Aims")
    table.add_column("what")
    for heading in ("found", "aim", ""):
        table.add_column(heading, justify="right")
    for one in judge(figures):
        table.add_row(one.what, one.found, one.aim, "met" if one.met else "[red]missed[/red]")
    return table


def _plain(title: str) -> Table:
    return Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True
    )
