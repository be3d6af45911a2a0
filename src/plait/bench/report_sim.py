"""Figures of the scenario `sim` for people: one row a world, virtual seconds in a real one."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

NIGHT_S = 8 * 3600
CORES = 2  # on which nights are counted


def print_sim(figures: Mapping[str, Any], console: Console) -> None:
    """Print the scenario `sim`; fits 80 columns."""
    table = Table(
        title=f"Three nodes, {len(figures['faults'])} kinds of faults at once: times real time",
        caption="Virtual seconds in one of a core, and of the clock on the wall.",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("workloads", no_wrap=True)
    for heading in ("core", "least", "wall", "events/s", "of them a virtual s", "seeds/s"):
        table.add_column(heading, justify="right")
    for name, found in figures["worlds"].items():
        table.add_row(*_cells(name, found))
    table.add_section()
    table.add_row(*_cells("all of these", figures["all"]))
    if figures["campaign"]:
        table.add_row(*_cells("a campaign", figures["campaign"]))
    console.print(table)
    _print_circumstances(figures, console)


def _cells(name: str, found: Mapping[str, float]) -> tuple[str, ...]:
    return (
        name,
        f"{found['virtual_per_cpu_s']:.0f}x",
        f"{found['virtual_per_cpu_s_least']:.0f}x",
        f"{found['virtual_per_wall_s']:.0f}x",
        f"{found['events_per_cpu_s']:,.0f}",
        f"{found['events_per_virtual_s']:,.0f}",
        f"{found['seeds_per_cpu_s']:.1f}",
    )


def _print_circumstances(figures: Mapping[str, Any], console: Console) -> None:
    if figures["campaign"]:
        seeds = CORES * NIGHT_S * figures["campaign"]["seeds_per_cpu_s"]
        console.print(f"A night of 8 hours on {CORES} cores: {seeds:,.0f} seeds of a campaign.")
    machine, options = figures["machine"], figures["options"]
    console.print(
        f"Medians of {options['seeds']} seeds and {options['rounds']} rounds; Python "
        f"{machine['python']}, {machine['cores']} cores, load {machine['load']:.1f} at the end."
    )
    if options["quick_run"]:
        console.print("A quick run: not to be quoted.")
    for problem in figures["failed"]:
        console.print(f"failed: {problem}", style="red", markup=False, highlight=False)
