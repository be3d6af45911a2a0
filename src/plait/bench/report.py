"""Figures for people: one table, every peer's row with how many times Plait does as well."""

from collections.abc import Iterator
from typing import Any

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
    """Print the scenario `leader`."""
    table = Table(
        title="Three nodes on one machine, 100-byte values, acknowledged by any:1",
        caption="Ratios are Plait's figure over the row's; the better peer of a group is marked *.",
        title_justify="left",
        caption_justify="left",
    )
    for heading in ("what", "system", "client"):
        table.add_column(heading)
    for heading in ("a second", "p50 ms", "p99 ms", "Plait is"):
        table.add_column(heading, justify="right")
    for group in _groups(figures):
        for row in group:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    for name, why in figures["skipped"].items():
        console.print(f"skipped {name}: {why}", style="yellow", highlight=False)
    machine = figures["machine"]
    console.print(
        f"{machine['cores']} cores, Python {machine['python']}; clients, leader and followers "
        "share them. Medians of interleaved rounds.",
        highlight=False,
    )


def _groups(figures: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    for mode in (ONE, MANY):
        for in_flight in figures["options"]["in_flight"]:
            rows = [
                row
                for row in figures["writes"]
                if row["mode"] == mode and row["in_flight"] == in_flight
            ]
            what = f"writes, {in_flight} in flight, {mode}"
            yield list(_compared(what, rows, "per_s"))
    bulk = [row | {"client": row["into"]} for row in figures["bulk"]]
    yield list(_compared("bulk import, records", bulk, "records_per_s"))
    yield [_reads(row) for row in figures["reads"]]
    yield [_lag(row) for row in figures["lag"]]
    yield [_memory(row) for row in figures["memory"]]
    start = figures["start"]
    what = f"start, {start['records']:,} records"
    yield [(what, "plait", "process to first read", "", "", "", f"{start['seconds']:.2f} s")]


def _reads(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"reads, {row['clients']} client processes",
        "plait",
        f"from {row['nodes']} node{'s' if row['nodes'] > 1 else ''}",
        f"{row['reads_per_s']:,.0f}",
        f"{row['p50_ms']:.2f}",
        f"{row['p99_ms']:.2f}",
        "",
    )


def _lag(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"follower lag, {row['in_flight']} in flight",
        "plait",
        f"up to {row['records_max']:,.0f} records behind",
        f"{row['writes_per_s']:,.0f}",
        f"{row['lag_p50_ms']:.1f}",
        f"max {row['lag_max_ms']:.1f}",
        "",
    )


def _memory(row: dict[str, Any]) -> tuple[str, ...]:
    sizes = ", ".join(f"{size / MEBIBYTE:.0f}" for size in row["bytes_per_node"])
    return ("memory at rest, MiB", row["system"], "leader, followers", "", "", "", sizes)


def _compared(what: str, rows: list[dict[str, Any]], figure: str) -> Iterator[tuple[str, ...]]:
    """Rows of one comparison; Plait's first, against the first of Plait's own."""
    ours = next((row for row in rows if row["system"] == "plait"), None)
    best = better_peer(rows, figure)
    for row in rows:
        compared = (
            "" if row["system"] == "plait" or ours is None else ratio(ours[figure], row[figure])
        )
        mark = "*" if row is best else ""
        yield (
            what if row is rows[0] else "",
            row["system"] + mark,
            row["client"],
            f"{row[figure]:,.0f}",
            f"{row['p50_ms']:.2f}" if "p50_ms" in row else "",
            f"{row['p99_ms']:.2f}" if "p99_ms" in row else "",
            compared,
        )
