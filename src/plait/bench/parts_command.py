"""The command of a scenario that is made of parts: the options that all of them have, and a run."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol, Self, TypeVar

from rich.console import Console

from plait.bench.command import all_known, progress_beside, write_figures
from plait.bench.rounds import Progress


class Options(Protocol):
    """What the parts are told."""

    def quick(self) -> Self:
        """One short round of each; not to be quoted."""
        ...


Chosen = TypeVar("Chosen", bound=Options)


def parts_parser(
    scenario: str, description: str, parts: Collection[str], quickly: str
) -> argparse.ArgumentParser:
    """A parser with what every such scenario takes; `quickly`: what `--quick` means."""
    parser = argparse.ArgumentParser(prog=f"plait bench {scenario}", description=description)
    parser.add_argument("--quick", action="store_true", help=quickly)
    parser.add_argument("--part", action="append", help=f"only this: {', '.join(parts)}")
    parser.add_argument("--folder", metavar="DIR", help="on the disk to be measured")
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    return parser


def run_parts(
    parsed: argparse.Namespace,
    options: Chosen,
    parts: Collection[str],
    measure: Callable[[Sequence[str], Chosen, Progress], Awaitable[dict[str, Any]]],
    show: Callable[[dict[str, Any], Console], None],
) -> int:
    """Measure the parts that are asked for, show what was found; the exit code."""
    names = parsed.part or list(parts)
    if not all_known("part", names, parts):
        return 2

    async def measured() -> dict[str, Any]:
        chosen = options.quick() if parsed.quick else options
        return await measure(names, chosen, progress_beside())

    figures = asyncio.run(measured())
    show(figures, Console())
    write_figures(figures, parsed.json)
    return 0
