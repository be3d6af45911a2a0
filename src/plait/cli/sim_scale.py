"""`plait sim --replicas N --topology NAME`: how far the design carries, as tables and a page."""

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from plait.base.errors import PlaitError
from plait.cli.display import table
from plait.cli.exits import OK, REFUSED
from plait.sim.scale import ModeLatency, Scale, measure
from plait.sim.scale_page import render_scale
from plait.sim.scale_zones import measure_zones
from plait.sim.topology import topology

ZONED = "wan5"  # which has the regions that zones are measured in


def scale_command(replicas: int, name: str, seed: int, html: Path | None, file: Path | None) -> int:
    """Measure and print; the exit code."""
    try:
        least = len(topology(name).regions)
    except PlaitError as error:
        click.echo(str(error), err=True)
        return REFUSED
    if replicas < least:
        click.echo(f"{name} has {least} regions: at least so many replicas", err=True)
        return REFUSED
    notes = Console(stderr=True)
    scale = measure(replicas, name, seed, lambda text: notes.print(text, style="dim"))
    if name == ZONED:
        notes.print(f"zones over {name}", style="dim")
        scale = msgspec.structs.replace(scale, zones=measure_zones(topology(name), seed))
    print_scale(scale, Console())
    if html is not None:
        html.write_text(render_scale(scale), encoding="utf-8")
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(scale)))
    return OK


def print_scale(scale: Scale, console: Console) -> None:
    """Two tables."""
    console.print(_latencies("a write from", scale.latencies))
    console.print("Median milliseconds; in brackets, light in fibre for the same messages.\n")
    if scale.zones:
        console.print(_latencies("with zones, from", scale.zones))
        console.print("Two nodes in Virginia, two in Oregon, one in Frankfurt; led in Virginia.\n")
    grown = _table("replicas", "converged, s", "light, s", "sent", "needed", "joining", "real, s")
    for one in scale.convergence:
        grown.add_row(
            str(one.replicas), f"{one.seconds:.2f}", f"{one.light_s:.2f}",
            f"{one.bytes_sent / 1e3:,.0f} kB", f"{one.bytes_needed / 1e3:,.0f} kB",
            f"{one.joining_s:.1f} s, {one.joining_bytes / 1e3:,.0f} kB", f"{one.real_s:.1f}",
        )  # fmt: skip
    console.print(grown)
    console.print(
        "One edit by each replica, from the last edit until everybody has all; `needed` is the "
        "edits' own bytes, once to each other replica."
    )


def _latencies(heading: str, latencies: list[ModeLatency]) -> Table:
    grid = _table(heading, *dict.fromkeys(row.region for row in latencies))
    for mode in dict.fromkeys(row.mode for row in latencies):
        rows = [row for row in latencies if row.mode == mode]
        grid.add_row(mode, *(f"{row.median_ms:.0f} ({row.light_ms:.0f})" for row in rows))
    return grid


def _table(*headings: str) -> Table:
    made = table()
    for number, heading in enumerate(headings):
        made.add_column(heading, justify="right" if number else "left")
    return made
