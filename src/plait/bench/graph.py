"""The scenario `graph`: replicas that never wait, beside pycrdt (Yjs) and loro, on one core.

Local mutations, convergence after a divergence, bytes of small edits, and a store of many
documents. The systems take turns; medians are over rounds. The peers are libraries in memory;
Plait puts every event on disk before anybody hears of it, and its figures say when that counts.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import msgspec
import uvloop
from rich.console import Console

from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.one_core import machine_of, take_one_core
from plait.bench.processes import PeerUnavailable
from plait.bench.report_graph import print_graph
from plait.bench.rounds import Progress

PEERS = ("pycrdt", "loro")


class GraphOptions(msgspec.Struct, frozen=True):
    """What to measure, and how much of it."""

    operations: int = 50_000  # of each kind in each round
    rounds: int = 3
    keys: int = 100_000
    diverged: tuple[int, ...] = (1_000, 10_000, 100_000)  # keys changed on each side
    edits: int = 100_000
    documents: int = 1_000_000  # of the large store
    peers: tuple[str, ...] = PEERS
    folder: str | None = None  # where the temporary folder is made
    quick_run: bool = False

    def quick(self) -> "GraphOptions":
        """A smaller one, of about a minute and a half; not to be quoted."""
        return msgspec.structs.replace(
            self,
            operations=20_000,
            keys=20_000,
            diverged=(1_000, 10_000, 20_000),
            edits=20_000,
            documents=100_000,
            quick_run=True,
        )


def run_graph(options: GraphOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Measure; the figures as JSON-like values."""
    peers: list[Any] = []
    skipped = {}
    try:
        peers = _peers(options.peers)
    except ImportError as error:
        skipped["peers"] = str(error)
    take_one_core()
    with tempfile.TemporaryDirectory(prefix="plait-bench-", dir=options.folder) as made:
        return {
            "scenario": "graph",
            "options": msgspec.to_builtins(options),
            "machine": machine_of(options.peers),
            "skipped": skipped,
            "mutations": uvloop.run(_mutations(options, peers, Path(made), progress)),
            "convergence": uvloop.run(_convergence(options, peers, progress)),
            "edits": uvloop.run(_edits(options, peers, progress)),
            "store": _store(options, Path(made) / "store", progress),
        }


def run(arguments: Sequence[str]) -> int:
    """``plait bench graph …``: print tables; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    options = GraphOptions(
        rounds=parsed.rounds,
        peers=names_in(parsed.peers),
        folder=parsed.folder,
    )
    if not all_known("peer", options.peers, PEERS):
        return 2
    figures = run_graph(options.quick() if parsed.quick else options, progress_beside())
    print_graph(figures, Console())
    write_figures(figures, parsed.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench graph",
        description="Eventual collections: local writes, convergence, bytes and large stores, "
        "beside pycrdt and loro in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="smaller: under two minutes")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers; '' for none")
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    parser.add_argument("--folder", help="make the temporary folder in there (default: system's)")
    return parser


def _peers(names: Sequence[str]) -> list[Any]:
    if not names:
        return []
    module = import_module("plait.bench.graph_peers")
    known = {"pycrdt": module.Pycrdt, "loro": module.Loro}
    return [known[name]() for name in names]


# ----------------------------------------------------------------------------- what is measured


async def _mutations(
    options: GraphOptions, peers: Sequence[Any], folder: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Operations a second of each kind, one operation a transaction."""
    module = import_module("plait.bench.graph_plait")
    kinds: tuple[str, ...] = import_module("plait.bench.graph_peers").KINDS
    found: dict[tuple[str, str, str], list[float]] = {}
    count, removed = options.operations, module.REMOVED_MAX
    for number in range(options.rounds):
        for kind in kinds:
            progress(f"{kind}, round {number + 1} of {options.rounds}")
            done = min(count, removed) if kind == "set remove" else count
            ours = module.Mutations(folder / f"mutations-{number}")
            gc.collect()
            in_memory, durable = await ours.mutate(kind, count)
            found.setdefault((kind, "plait", "in memory"), []).append(done / in_memory)
            found.setdefault((kind, "plait", "on disk"), []).append(done / durable)
            for peer in peers:
                gc.collect()
                seconds = peer.mutate(kind, count)
                found.setdefault((kind, peer.name, "in memory"), []).append(done / seconds)
    return [
        {"kind": kind, "system": system, "until": until, "per_s": median(rates), "rounds": rates}
        for (kind, system, until), rates in found.items()
    ]


async def _convergence(
    options: GraphOptions, peers: Sequence[Any], progress: Progress
) -> list[dict[str, Any]]:
    """Seconds and bytes until two replicas that changed keys on both sides are equal."""
    module = import_module("plait.bench.graph_plait")
    rows: list[dict[str, Any]] = []
    for shape in module.SHAPES:
        pair = module.Pair(shape)
        await pair.open("auto")
        progress(f"two replicas of {options.keys:,} keys, {shape}")
        await pair.fill(options.keys)
        for changed in options.diverged:
            for road in module.ROADS:
                progress(f"{changed:,} keys changed on each side, {shape}, {road}")
                await pair.open(road)
                sides, content = changed_on_each_side(options.keys, changed, road)
                for side, edits in enumerate(sides):
                    await pair.edit(side, edits)
                gc.collect()
                seconds, sent = await pair.converge()
                rows.append(_converged("plait", shape, road, changed, seconds, sent, content))
        await pair.close()
    for peer in peers:
        for road in ("delta", "state"):
            for changed in options.diverged:
                progress(f"{changed:,} keys changed on each side, {peer.name}, {road}")
                two = peer.pair(options.keys)
                sides, content = changed_on_each_side(options.keys, changed, road)
                for side, edits in enumerate(sides):
                    two.edit(side, edits)
                gc.collect()
                seconds, sent = two.converge(whole=road == "state")
                rows.append(_converged(peer.name, "", road, changed, seconds, sent, content))
                del two
    return rows


def changed_on_each_side(
    keys: int, changed: int, tag: str
) -> tuple[list[list[tuple[int, str]]], int]:
    """What each side writes, and the bytes of the keys and values in that."""
    chance = Random(changed)
    key_of: Callable[[int], str] = import_module("plait.bench.graph_peers").key_of
    sides, content = [], 0
    for side in "ab":
        numbers = range(keys) if changed >= keys else chance.sample(range(keys), changed)
        edits = [(number, f"{side} by {tag} wrote {number}") for number in numbers]
        content += sum(len(key_of(number)) + len(value) for number, value in edits)
        sides.append(edits)
    return sides, content


def _converged(
    system: str, shape: str, road: str, changed: int, seconds: float, sent: int, content: int
) -> dict[str, Any]:
    return {
        "system": system,
        "shape": shape,
        "road": road,
        "changed": changed,
        "seconds": seconds,
        "bytes": sent,
        "content_bytes": content,
    }


async def _edits(
    options: GraphOptions, peers: Sequence[Any], progress: Progress
) -> list[dict[str, Any]]:
    """Bytes an edit, as they happen and as they are kept with all history."""
    module = import_module("plait.bench.graph_plait")
    rows = []
    for together in (1, 100):
        progress(f"{options.edits:,} edits, {together} at a time")
        wire, log, kept = await module.measure_edits(options.edits, together)
        figures = {"together": together, "wire": wire, "log": log, "kept": kept}
        rows.append({"system": "plait", **figures})
        for peer in peers:
            wire, kept = peer.edits(options.edits, together)
            rows.append({"system": peer.name, "together": together, "wire": wire, "kept": kept})
    return rows


def _store(options: GraphOptions, folder: Path, progress: Progress) -> dict[str, Any]:
    """A store of many documents: made, opened, touched; a process each."""
    progress(f"a store of {options.documents:,} documents")
    built = _process("build", folder, options.documents)
    progress("opening it")
    runs = [_process("touch", folder, options.documents) for _ in range(options.rounds)]
    figures = {name: median(run[name] for run in runs) for name in runs[0]}
    return {
        "documents": options.documents,
        "build_us": built["seconds"] * 1e6 / options.documents,
        "disk_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        **figures,
    }


def _process(what: str, folder: Path, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "plait.bench.graph_store", what, str(folder), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise PeerUnavailable(f"the process that was to {what} a store ended with an error")
    found: dict[str, Any] = msgspec.json.decode(done.stdout)
    return found
