"""The scenario `engines` for people: loads on each engine, moves, and the aims."""

from typing import Any

from rich.console import Console

from plait.bench.aims_engines import judge_engines
from plait.bench.report import compared, comparison, print_circumstances
from plait.bench.report_parts import aims_table, plain_table

TITLES = {
    "jetstream": "On NATS JetStream: three servers, three replicas, synced before they answer",
    "postgres": "On PostgreSQL: one server, every commit on its disk",
}
NAMES = {"writes": "writes at {}", "reads": "reads at {}"}


def print_engines(figures: dict[str, Any], console: Console) -> None:
    """Print every table; each fits 80 columns."""
    for engine, loads in figures["loads"].items():
        table = comparison(TITLES[engine], "in flight")
        for kind, name in NAMES.items():
            for in_flight in figures["options"]["in_flight"]:
                rows = [row for row in loads[kind] if row["in_flight"] == in_flight]
                for row in compared(name.format(in_flight), rows, "per_s"):
                    table.add_row(*row)
                table.add_section()
        console.print(table)
    if figures["moves"]:
        _print_moves(figures["moves"], console)
    judged = [(one.what, one) for one in judge_engines(figures)]
    if judged:
        console.print(aims_table("Aims", judged))
    for text in figures["failed"]:
        console.print(f"failed: {text}", style="red", highlight=False)
    print_circumstances(figures, console)
    console.print(f"Load when it began: {figures['machine']['load']:.1f}.", highlight=False)
    if figures["options"]["quick_run"]:
        console.print("A quick run: smaller than what is to be quoted.", highlight=False)


def _print_moves(rows: list[dict[str, Any]], console: Console) -> None:
    table = plain_table(
        "A line that eight writers write moves: the longest wait for an answer",
        "from", "to", "moves", "median ms", "min", "max", "before", "took ms",
        caption="before: the longest wait in the second before the move, without one.",
        names=2,
    )  # fmt: skip
    for row in rows:
        figures = ("pause_ms", "pause_min_ms", "pause_max_ms", "before_ms", "took_ms")
        shown = (f"{row[name]:,.0f}" for name in figures)
        table.add_row(row["from"], row["to"], str(row["moves"]), *shown)
    console.print(table)
