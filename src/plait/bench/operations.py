"""The scenario `operations`: what running a store for real costs. So far: feeds.

Each part is a module that measures on a cluster of its own and gives rows; here they are run one
after the other and printed.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.processes import PeerUnavailable
from plait.bench.report_operations import print_operations
from plait.bench.rounds import Progress
from plait.bench.watchers import measure_watchers

PARTS = ("feeds",)


class OperationsOptions(msgspec.Struct, frozen=True):
    """What to measure, and how much of it."""

    parts: tuple[str, ...] = PARTS
    watchers: tuple[int, ...] = (0, 1, 100, 1000)
    rows: int = 2000  # written flat out
    paced: int = 25  # changes, one at a time
    folder: str | None = None
    quick_run: bool = False

    def quick(self) -> "OperationsOptions":
        """Fewer rows; not to be quoted."""
        return msgspec.structs.replace(self, rows=300, paced=5, quick_run=True)


def run_operations(
    options: OperationsOptions, progress: Progress = lambda _: None
) -> dict[str, Any]:
    """Measure; the figures as JSON-like values. `failed` names what was not as promised."""
    figures: dict[str, Any] = {
        "scenario": "operations",
        "options": msgspec.to_builtins(options),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "failed": [],
    }
    if "feeds" in options.parts:
        with tempfile.TemporaryDirectory(prefix="plait-bench-", dir=options.folder) as folder:
            work = measure_watchers(
                Path(folder), options.watchers, options.rows, options.paced, progress
            )
            figures["feeds"] = rows = asyncio.run(work)
        figures["failed"] += [
            f"{row['watchers']} watchers: {row['wrong']} changes came twice or out of order"
            for row in rows
            if row["wrong"]
        ]
    figures["machine"]["load"] = os.getloadavg()[0]
    return figures


def run(arguments: Sequence[str]) -> int:
    """``plait bench operations …``: print tables; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    parts = names_in(parsed.parts)
    if not all_known("part", parts, PARTS):
        return 2
    options = OperationsOptions(parts, folder=parsed.folder)
    if parsed.watchers:
        options = msgspec.structs.replace(
            options, watchers=tuple(int(count) for count in names_in(parsed.watchers))
        )
    try:
        figures = run_operations(options.quick() if parsed.quick else options, progress_beside())
    except PeerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print_operations(figures, Console())
    write_figures(figures, parsed.json)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench operations",
        description="What running a store for real costs: feeds with up to 1,000 watchers.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer rows: half a minute")
    parser.add_argument("--parts", default=",".join(PARTS), help="which of them")
    parser.add_argument("--watchers", metavar="N,N", help="how many; default: 0,1,100,1000")
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    parser.add_argument("--folder", help="make the temporary folder in there (default: system's)")
    return parser
