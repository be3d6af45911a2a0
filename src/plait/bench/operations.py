"""The scenario `operations`: what it costs to run a store for real, part by part.

Its peer is the same store without what is measured, in turns in the same run. Each part is a module
of its own that measures and says what it is meant to reach; this one lists them.
"""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plait.bench.operations_backup import measure_backups, measure_restore
from plait.bench.operations_guarded import measure_rights, measure_tls
from plait.bench.operations_part import OperationsOptions
from plait.bench.parts import Part, figures_of, judged_of, own_folder, print_rounds
from plait.bench.parts_command import parts_parser, run_parts
from plait.bench.report_feeds import print_feeds
from plait.bench.rounds import Progress
from plait.bench.watchers import measure_feeds

Measure = Callable[[OperationsOptions, Path, Progress], Awaitable[Part]]

PARTS: dict[str, Measure] = {
    "backup": measure_backups,
    "restore": measure_restore,
    "tls": measure_tls,
    "rights": measure_rights,
    "feeds": measure_feeds,
}


async def run_operations(
    names: Sequence[str], options: OperationsOptions, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Measure the parts in turn; the figures as JSON-like values, each part's aims with them."""
    parts = {}
    for name in names:
        with own_folder(options.folder) as folder:
            parts[name] = await PARTS[name](options, folder, progress)
    return figures_of("operations", options, parts)


def print_operations(figures: dict[str, Any], console: Console) -> None:
    """Every aim beside what was found."""
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, title="Running it for real", title_justify="left"
    )
    for heading in ("part", "what", "found", "aim", ""):
        table.add_column(heading)
    for part, each in judged_of(figures):
        table.add_row(part, each.what, each.found, each.aim, "met" if each.met else "missed")
    console.print(table)
    if "feeds" in figures["parts"]:
        print_feeds(figures["parts"]["feeds"], console)
    print_rounds(figures, console)


def run(arguments: Sequence[str]) -> int:
    """``plait bench operations …``: print a table; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    options = OperationsOptions(
        parsed.seconds, parsed.rounds, parsed.records, parsed.watchers, folder=parsed.folder
    )
    return run_parts(parsed, options, PARTS, run_operations, print_operations)


def _parser() -> argparse.ArgumentParser:
    usual = OperationsOptions()
    parser = parts_parser(
        "operations",
        "What it costs to run a store for real: backups under load, restores, TLS, rights, feeds.",
        PARTS,
        "short rounds, few records",
    )
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of one round")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="and so many of each")
    parser.add_argument("--records", type=int, default=usual.records, help="to restore")
    parser.add_argument(
        "--watchers",
        type=int,
        nargs="+",
        default=usual.watchers,
        help="of a feed, from few to many",
    )
    return parser
