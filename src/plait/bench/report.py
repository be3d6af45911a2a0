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
    table = comparison(
        "Three nodes on one machine, 100-byte values, acknowledged by any:1", "writes in flight"
    )
    for group in _groups(figures):
        for row in group:
            table.add_row(*row)
        table.add_section()
    console.print(table)
    print_circumstances(figures, console)


def comparison(title: str, first: str) -> Table:
    """An empty table for rows of `compared`; `first` heads the column of what was done."""
    table = Table(
        title=title,
        caption="Plait is: its figure over the row's. * marks the better peer.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column(first, no_wrap=True)
    table.add_column("client", no_wrap=True)
    for heading in ("a second", "p50 ms", "p99 ms", "Plait is"):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def print_circumstances(figures: dict[str, Any], console: Console) -> None:
    """What was left out and why, and on what the rest was measured."""
    for name, why in figures["skipped"].items():
        console.print(f"skipped {name}: {why}", style="yellow", highlight=False)
    machine = figures["machine"]
    console.print(
        f"{machine['cores']} cores, shared by clients and all nodes; Python {machine['python']}.\n"
        f"Medians of {figures['options']['rounds']} interleaved rounds.",
        highlight=False,
    )


def _groups(figures: dict[str, Any]) -> Iterator[list[tuple[str, ...]]]:
    yield from loads(figures, "writes", "{} on a connection", "{} connections")
    bulk = [row | {"client": row["into"]} for row in figures["bulk"]]
    yield list(compared("bulk import", bulk, "records_per_s"))
    yield [_reads(row) for row in figures["reads"]]
    yield [_lag(row) for row in figures["lag"]]
    yield memory(figures)
    start = figures["start"]
    what = f"start, {start['records']:,} rows"
    yield [(what, f"plait {start['seconds']:.2f} s", "", "", "", "")]


def loads(
    figures: dict[str, Any], kind: str, one: str, many: str
) -> Iterator[list[tuple[str, ...]]]:
    """A group of rows for each number in flight, first on `one` connection, then on `many`."""
    for mode, how in ((ONE, one), (MANY, many)):
        for in_flight in figures["options"]["in_flight"]:
            rows = [
                row
                for row in figures[kind]
                if row["mode"] == mode and row["in_flight"] == in_flight
            ]
            what = how.format(in_flight)
            yield list(compared(what if in_flight > 1 else what.removesuffix("s"), rows, "per_s"))


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


def memory(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """A row for each system that was measured at rest."""
    return [
        (
            "MiB at rest, a node",
            " ".join(
                [row["system"], *(f"{size / MEBIBYTE:.0f}" for size in row["bytes_per_node"])]
            ),
            *("", "", "", ""),
        )
        for row in figures["memory"]
    ]


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def compared(what: str, rows: list[dict[str, Any]], figure: str) -> Iterator[tuple[str, ...]]:
    """Rows of one comparison, Plait's first; ratios are to Plait's first row."""
    ours = next((row for row in rows if row["system"] == "plait"), None)
    best = better_peer(rows, figure)
    for row in rows:
        peer = row["system"] != "plait"
        yield (
            what if row is rows[0] else "",
            f"{row['system']} {row['client']}{'*' if row is best else ''}",
            f"{row[figure]:,.0f}",
            *(_ms(row[name]) if name in row else "" for name in ("p50_ms", "p99_ms")),
            ratio(ours[figure], row[figure]) if peer and ours else "",
        )
