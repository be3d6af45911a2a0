"""Figures for people: one table, every peer's row with how many times Plait does as well."""

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plait.bench.load import MANY, ONE

MEBIBYTE = 1 << 20


def ratio(plait: float, peer: float) -> str:
    """How many times a peer's figure Plait's is."""
    return f"{plait / peer:.2f}x"


def better_peer(rows: list[dict[str, Any]], figure: str) -> dict[str, Any] | None:
    """The row of the peer that does best, if any peer ran."""
    peers = [row for row in rows if row["system"] != "plait"]
    return max(peers, key=lambda row: float(row[figure]), default=None)


def print_leader(figures: dict[str, Any], console: Console) -> None:
    """Print the scenario `leader`; fits 80 columns."""
    table = Table(
        title="Three nodes on one machine, 100-byte values, acknowledged by any:1",
        caption="Plait is: its figure over the row's. * marks the better peer.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("writes in flight", no_wrap=True)
    table.add_column("client", no_wrap=True)
    for heading in ("a second", "p50 ms", "p99 ms", "Plait is"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in _groups(figures):
        for row in group:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    for name, why in figures["skipped"].items():
        console.print(f"skipped {name}: {why}", style="yellow", highlight=False)
    machine = figures["machine"]
    console.print(
        f"{machine['cores']} cores, shared by clients and all nodes; Python {machine['python']}.\n"
        f"Medians of {figures['options']['rounds']} interleaved rounds.",
        highlight=False,
    )


def _groups(figures: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    for mode, what in ((ONE, "{} on a connection"), (MANY, "{} connections")):
        for in_flight in figures["options"]["in_flight"]:
            rows = [
                row
                for row in figures["writes"]
                if row["mode"] == mode and row["in_flight"] == in_flight
            ]
            yield list(_compared(what.format(in_flight), rows, "per_s"))
    bulk = [row | {"client": row["into"]} for row in figures["bulk"]]
    yield list(_compared("bulk import", bulk, "records_per_s"))
    yield [_reads(row) for row in figures["reads"]]
    yield [_lag(row) for row in figures["lag"]]
    yield [_memory(row) for row in figures["memory"]]
    start = figures["start"]
    what = f"start, {start['records']:,} rows"
    yield [(what, f"plait {start['seconds']:.2f} s", "", "", "", "")]


def _reads(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"reads at {row['nodes']} node{'s' if row['nodes'] > 1 else ''}",
        f"plait, {row['clients']} processes",
        f"{row['reads_per_s']:,.0f}",
        f"{row['p50_ms']:.2f}",
        f"{row['p99_ms']:.2f}",
        "",
    )


def _lag(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"lag at {row['in_flight']}",
        f"plait, max {row['records_max']:,.0f} rows",
        f"{row['writes_per_s']:,.0f}",
        f"{row['lag_p50_ms']:.1f}",
        f"max {row['lag_max_ms']:.0f}",
        "",
    )


def _memory(row: dict[str, Any]) -> tuple[str, ...]:
    sizes = " ".join(f"{size / MEBIBYTE:.0f}" for size in row["bytes_per_node"])
    return ("MiB at rest, a node", f"{row['system']} {sizes}", "", "", "", "")


def _compared(what: str, rows: list[dict[str, Any]], figure: str) -> Iterator[tuple[str, ...]]:
    """Rows of one comparison, Plait's first; ratios are to Plait's first row."""
    ours = next((row for row in rows if row["system"] == "plait"), None)
    best = better_peer(rows, figure)
    for row in rows:
        peer = row["system"] != "plait"
        yield (
            what if row is rows[0] else "",
            f"{row['system']} {row['client']}{'*' if row is best else ''}",
            f"{row[figure]:,.0f}",
            f"{row['p50_ms']:.2f}" if "p50_ms" in row else "",
            f"{row['p99_ms']:.2f}" if "p99_ms" in row else "",
            ratio(ours[figure], row[figure]) if peer and ours else "",
        )
