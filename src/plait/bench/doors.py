"""The scenario `doors`: Redis clients, HTTP and WebSocket, each beside a server of its kind.

Each part is a module of its own that measures and says what it is meant to reach; this one lists
them.
"""

import argparse
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from plait.bench.doors_http import measure_http
from plait.bench.doors_part import DoorsOptions
from plait.bench.doors_redis import measure_redis
from plait.bench.doors_sockets import measure_sockets
from plait.bench.parts import Part, figures_of, judged_of, own_folder, print_rounds
from plait.bench.parts_command import parts_parser, run_parts
from plait.bench.processes import PeerUnavailable
from plait.bench.report_parts import aims_table, plain_table, print_skipped
from plait.bench.rounds import Progress

Measure = Callable[[DoorsOptions, Path, Progress], Awaitable[Part]]

PARTS: dict[str, Measure] = {
    "redis": measure_redis,
    "http": measure_http,
    "sockets": measure_sockets,
}


async def run_doors(
    names: Sequence[str], options: DoorsOptions, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Measure the parts in turn; the figures as JSON-like values, each part's aims with them."""
    parts: dict[str, Part] = {}
    skipped: dict[str, str] = {}
    for name in names:
        with own_folder(options.folder) as folder:
            try:
                parts[name] = await PARTS[name](options, folder, progress)
            except PeerUnavailable as error:
                skipped[name] = str(error)
    return figures_of("doors", options, parts) | {"skipped": skipped}


def print_doors(figures: dict[str, Any], console: Console) -> None:
    """Each part's table, and every aim beside what was found."""
    for name, rows in figures["rows"].items():
        if rows:
            table = plain_table(name, *rows[0], names=2)
            for row in rows[1:]:
                table.add_row(*row)
            console.print(table)
    judged = [(f"{part}: {each.what}", each) for part, each in judged_of(figures)]
    console.print(aims_table("Aims", judged))
    print_skipped(figures, console)
    print_rounds(figures, console)


def run(arguments: Sequence[str]) -> int:
    """``plait bench doors …``: print tables; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    options = DoorsOptions(
        parsed.requests, parsed.clients, parsed.rounds, parsed.seconds, folder=parsed.folder
    )
    return run_parts(parsed, options, PARTS, run_doors, print_doors)


def _parser() -> argparse.ArgumentParser:
    usual = DoorsOptions()
    parser = parts_parser(
        "doors",
        "Redis clients, HTTP and WebSocket, each beside a server of its kind.",
        PARTS,
        "one short round of each",
    )
    parser.add_argument("--requests", type=int, default=usual.requests, help="of Redis clients")
    parser.add_argument("--clients", type=int, default=usual.clients, help="at a time")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="of each")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of other load")
    return parser
