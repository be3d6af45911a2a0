"""What scenarios that are made of parts have in common: what a part answers, figures, their print.

Each part is measured in a folder of its own, which goes with it.
"""

import os
import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from plait.bench.aims import Judged


class Part(msgspec.Struct, frozen=True):
    """What one part found."""

    figures: dict[str, Any]
    judged: list[Judged]
    rows: list[tuple[str, ...]] = []  # of its table, the headings first; none: it has none


@contextmanager
def own_folder(beside: str | None) -> Iterator[Path]:
    """A folder for one part, on the disk of `beside`."""
    with tempfile.TemporaryDirectory(prefix="plait-bench-", dir=beside) as folder:
        yield Path(folder)


def figures_of(scenario: str, options: msgspec.Struct, parts: Mapping[str, Part]) -> dict[str, Any]:
    """What was found, as JSON-like values: each part's aims with it."""
    return {
        "scenario": scenario,
        "options": msgspec.to_builtins(options),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        },
        "parts": {name: part.figures for name, part in parts.items()},
        "rows": {name: part.rows for name, part in parts.items()},
        "judged": [
            {"part": name} | msgspec.to_builtins(each)
            for name, part in parts.items()
            for each in part.judged
        ],
    }


def judged_of(figures: dict[str, Any]) -> list[tuple[str, Judged]]:
    """Every aim with the name of its part."""
    return [
        (row["part"], msgspec.convert({key: row[key] for key in Judged.__struct_fields__}, Judged))
        for row in figures["judged"]
    ]


def print_rounds(figures: dict[str, Any], console: Console) -> None:
    """What the medians are over, and on what machine."""
    machine = figures["machine"]
    console.print(
        f"Medians of {figures['options']['rounds']} rounds; Python {machine['python']}, "
        f"{machine['cores']} cores, load {machine['load']:.1f} at the end."
    )
    if figures["options"]["quick_run"]:
        console.print("A quick run: not to be quoted.")
