"""The scenario `text`: editing, merging, keeping and opening a text, beside pycrdt and loro.

Every measure of every system runs in a process of its own on one core, and the systems take turns;
medians are over rounds. What a process does is in `text_sequential`, `text_concurrent` and
`text_live`; every text that comes out is checked, and a wrong one is a failure of the run.
"""

import argparse
import importlib.metadata
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from rich.console import Console

from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.one_core import machine_of, take_one_core
from plait.bench.report_text import judge_text, print_text
from plait.bench.rounds import Progress
from plait.bench.text_synthetic import SYNTHETIC
from plait.bench.text_systems import PEERS, PLAIT, system
from plait.bench.text_traces import CONCURRENT, find_traces
from plait.bench.text_worker import LIVE, Job, load_trace
from plait.host.compiled import compiled_modules

_PROJECT = Path(__file__).resolve().parents[3]
TRACES = _PROJECT.parent / "shared" / "data" / "editing-traces"
QUICK_TRACES = ("sveltecomponent", "friendsforever")

_PREPARED = {False: "prepare", True: "prepare graph"}  # by whether a trace is concurrent
_MEASURES = {
    False: ("replay", "wire", "merge empty", "merge stale", "open text", "open edit", "memory"),
    True: ("arrive", "whole graph", "state"),
}
_UNPREPARED = ("replay", "wire")  # these start from nothing
_PROCESS_MAX_S = 900.0


class TextOptions(msgspec.Struct, frozen=True):
    """What to measure, and how much of it."""

    traces: dict[str, str]  # by name, the path or the name of a synthetic one
    rounds: int = 3
    peers: tuple[str, ...] = PEERS
    live_edits: int = 36_000  # of each writer: an hour
    live_limit_s: float = 60.0  # of work, after which a session ends early
    quick_run: bool = False

    def quick(self) -> "TextOptions":
        """One round and a shorter session; not to be quoted."""
        return msgspec.structs.replace(
            self, rounds=1, live_edits=6_000, live_limit_s=10.0, quick_run=True
        )


def run_text(options: TextOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Measure; the figures as JSON-like values. `failed` names what went wrong."""
    systems, skipped = _present((PLAIT, *options.peers))
    take_one_core()
    failed: list[str] = []
    traces = []
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as made:
        for name, source in options.traces.items():
            folder = Path(made) / name
            traces.append(_trace(name, source, systems, folder, options, failed, progress))
        live = {}
        for who in systems:
            progress(f"live editing, {who}")
            job = Job(who, LIVE, edits=options.live_edits, limit_s=options.live_limit_s)
            live[who] = _process(job, failed)
    return {
        "scenario": "text",
        "options": msgspec.to_builtins(options),
        "machine": machine_of(options.peers, plait=_own_version()),
        "skipped": skipped,
        "failed": failed,
        "traces": traces,
        "live": {who: found for who, found in live.items() if found},
    }


def run(arguments: Sequence[str]) -> int:
    """``plait bench text …``: print tables; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    notes = Console(stderr=True)
    peers = names_in(parsed.peers)
    if not all_known("peer", peers, PEERS):
        return 2
    try:
        traces = choose_traces(parsed.traces, parsed.trace, parsed.quick)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    if not parsed.traces and not TRACES.is_dir():
        notes.print(
            f"no recorded traces at {TRACES} (--traces DIR): synthetic ones", style="yellow"
        )
    options = TextOptions(traces, rounds=parsed.rounds, peers=peers)
    figures = run_text(options.quick() if parsed.quick else options, progress_beside())
    print_text(figures, Console())
    if parsed.json:
        aims = msgspec.to_builtins(judge_text(figures))
        write_figures({**figures, "aims": aims}, parsed.json)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench text",
        description="A text: local edits, updates, merges, size, opening, memory and live editing, "
        "beside pycrdt and loro in one run.",
    )
    parser.add_argument("--traces", metavar="DIR", help=f"editing traces (default {TRACES})")
    parser.add_argument(
        "--trace",
        metavar="NAME",
        action="append",
        help=f"only this one, again for more; {' and '.join(SYNTHETIC)} need no folder",
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round, two traces, a short session"
    )
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers; '' for none")
    parser.add_argument("--json", metavar="FILE", help="write every figure and aim there too")
    return parser


def choose_traces(folder: str | None, names: Sequence[str] | None, quick: bool) -> dict[str, str]:
    """The sources of the traces to measure, by name; LookupError says what is not there.

    Without a folder and names, the recorded traces beside the project, or the synthetic ones.
    """
    place = Path(folder) if folder else TRACES
    recorded = {name: str(path) for name, path in find_traces(place).items()}
    if folder and not recorded:
        raise LookupError(
            f"{place} holds no traces: they are expected as sequential/NAME.json.gz "
            "and concurrent/NAME.json.gz"
        )
    known = {**recorded, **{name: name for name in SYNTHETIC}}
    if names:
        if unknown := [name for name in names if name not in known]:
            raise LookupError(f"no trace {unknown[0]!r} in {place}; there are {', '.join(known)}")
        return {name: known[name] for name in names}
    chosen = recorded or known
    if quick:
        return {name: chosen[name] for name in QUICK_TRACES if name in chosen} or chosen
    return chosen


def _present(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The systems that are installed, and why the others are not measured."""
    systems, skipped = [], {}
    for name in names:
        try:
            system(name)
        except ImportError as error:
            skipped[name] = str(error)
        else:
            systems.append(name)
    return systems, skipped


def _own_version() -> str:
    built = "compiled" if compiled_modules() else "plain"
    return f"{importlib.metadata.version('plait')} {built}"


def _trace(
    name: str,
    source: str,
    systems: Sequence[str],
    folder: Path,
    options: TextOptions,
    failed: list[str],
    progress: Progress,
) -> dict[str, Any]:
    """Every measure of one trace, by system."""
    trace = load_trace(source)
    concurrent = trace.kind == CONCURRENT
    found: dict[str, dict[str, list[float]]] = {who: {} for who in systems}

    def take(who: str, measure: str) -> bool:
        job = Job(who, measure, source, str(folder / who))
        figures = _process(job, failed, name)
        for figure, value in figures.items():
            found[who].setdefault(figure, []).append(value)
        return bool(figures)

    prepared = []
    for who in systems:
        progress(f"{name}: {who} prepares")
        if take(who, _PREPARED[concurrent]):
            prepared.append(who)
    for number in range(options.rounds):
        for measure in _MEASURES[concurrent]:
            progress(f"{name}: {measure}, round {number + 1} of {options.rounds}")
            for who in systems if measure in _UNPREPARED else prepared:
                take(who, measure)
    return {
        "trace": name,
        "kind": trace.kind,
        "edits": len(trace.edits()),
        "characters": len(trace.end),
        "systems": {who: _medians(figures) for who, figures in found.items()},
        "rounds": found,
    }


def _medians(figures: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: median(values) for name, values in figures.items()}


def _process(job: Job, failed: list[str], trace: str = "") -> dict[str, float]:
    """What a process measures; nothing if it fails, which is then noted, once."""
    command = [sys.executable, "-m", "plait.bench.text_worker", msgspec.json.encode(job).decode()]
    what = " ".join(part for part in (trace, job.measure, job.system) if part)
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_PROCESS_MAX_S)
    except subprocess.TimeoutExpired:
        problem = f"{what}: not done within {_PROCESS_MAX_S:g} s"
    else:
        if not done.returncode:
            return msgspec.json.decode(done.stdout, type=dict[str, float])
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        problem = f"{what}: {lines[-1] if lines else f'ended with {done.returncode}'}"
    if problem not in failed:
        failed.append(problem)
    return {}
