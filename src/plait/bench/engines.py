"""The scenario `engines`: lines that a shared engine orders, beside that engine's own clients.

On a JetStream cluster of three (three replicas, synced before they answer) Plait stands beside
nats-py and a raw socket, on PostgreSQL beside psycopg; both as a store embedded in this process
and as a client of one served node. Then a line that eight writers write goes from its nodes to
JetStream, to PostgreSQL and back, again and again, and the longest wait for an answer counts.
Figures are medians over rounds in which the systems take turns.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.console import Console

from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.engine_moves import measure_moves
from plait.bench.engines_plait import Embedded, EmbeddedReads, embedded, served
from plait.bench.load import Driver
from plait.bench.plait_client import OneStore, OneStoreReads
from plait.bench.processes import PeerUnavailable
from plait.bench.report_engines import print_engines
from plait.bench.rounds import Progress, first_cause, measure_rounds

ENGINES = ("jetstream", "postgres")


class EnginesOptions(msgspec.Struct, frozen=True):
    """What to measure, and for how long."""

    seconds: float = 3.0  # of each load in each round
    rounds: int = 3
    in_flight: tuple[int, ...] = (1, 16, 256)
    moves: int = 10  # in each direction
    engines: tuple[str, ...] = ENGINES
    folder: str | None = None  # where the temporary folder is made; the disk matters
    quick_run: bool = False

    def quick(self) -> "EnginesOptions":
        """The same with short rounds and few moves."""
        return msgspec.structs.replace(
            self, seconds=min(self.seconds, 0.7), moves=min(self.moves, 3), quick_run=True
        )


class Contest(msgspec.Struct):
    """One engine that runs, and everybody's clients for it."""

    engine: str
    url: str
    writers: list[Driver]
    readers: list[Driver]


def run_engines(options: EnginesOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Start everything, measure, end everything; the figures as JSON-like values."""
    return uvloop.run(_measure_all(options, progress))


def run(arguments: Sequence[str]) -> int:
    """``plait bench engines …``: print tables; the exit code, 1 if a system gave up."""
    parsed = _parser().parse_args(list(arguments))
    engines = names_in(parsed.engines)
    if not all_known("engine", engines, ENGINES):
        return 2
    options = EnginesOptions(
        seconds=parsed.seconds,
        rounds=parsed.rounds,
        moves=parsed.moves,
        engines=engines,
        folder=parsed.folder,
    )
    try:
        figures = run_engines(options.quick() if parsed.quick else options, progress_beside())
    except PeerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print_engines(figures, Console())
    write_figures(figures, parsed.json)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench engines",
        description="Lines on NATS JetStream and PostgreSQL beside nats-py and psycopg on the same "
        "servers, and the pause of a line that moves.",
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: about two minutes")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load in each round")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    parser.add_argument("--moves", type=int, default=10, help="in each direction; 0: none")
    parser.add_argument("--engines", default=",".join(ENGINES), help="which; '' for none")
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    parser.add_argument("--folder", help="make the temporary folder in there (default: system's)")
    return parser


async def _measure_all(options: EnginesOptions, progress: Progress) -> dict[str, Any]:
    temporary = tempfile.TemporaryDirectory(
        prefix="plait-bench-", dir=options.folder, ignore_cleanup_errors=True
    )
    with temporary as made:
        folder = Path(made)
        # Not only ours: a server may run as somebody who has no other rights.
        folder.chmod(0o755)
        figures: dict[str, Any] = {
            "scenario": "engines",
            "options": msgspec.to_builtins(options),
            "machine": {
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "load": os.getloadavg()[0],
            },
            "skipped": {},
            "failed": [],
            "loads": {},
            "moves": [],
        }
        async with AsyncExitStack() as stack:
            contests = []
            for name in options.engines:
                progress(f"starting {name}")
                try:
                    contests.append(await _STARTERS[name](folder, stack))
                except (PeerUnavailable, ImportError) as error:
                    figures["skipped"][name] = str(error)
                    progress(f"{name} is left out: {error}")
            for contest in contests:
                figures["loads"][contest.engine] = await _loads(options, contest, figures, progress)
            urls = {contest.engine: contest.url for contest in contests}
            if options.moves and urls:
                try:
                    moved = await measure_moves(folder / "moves", urls, options.moves, progress)
                    figures["moves"] = moved
                except Exception as error:  # the loads' figures are worth keeping
                    figures["failed"].append(f"moves: {first_cause(error)!r}")
                    progress(figures["failed"][-1])
        return figures


async def _loads(
    options: EnginesOptions, contest: Contest, figures: dict[str, Any], progress: Progress
) -> dict[str, Any]:
    found = {}
    for what, drivers in (("writes", contest.writers), ("reads", contest.readers)):
        found[what] = await measure_rounds(
            f"{contest.engine} {what}",
            drivers,
            options.in_flight,
            options.seconds,
            options.rounds,
            progress,
            figures["failed"],
        )
    return found


# ----------------------------------------------------------------------------- engines


async def _jetstream(folder: Path, stack: AsyncExitStack) -> Contest:
    peer = import_module("plait.bench.jetstream")  # its client is no dependency of Plait
    thin = import_module("plait.bench.jetstream_thin")
    peers = import_module("plait.bench.engines_peers")
    cluster = peer.JetStream(folder / "jetstream")
    stack.callback(cluster.close)
    await cluster.start()
    url = "nats://" + ",".join(f"127.0.0.1:{port}" for port in cluster.ports)
    writers = [peer.OneConnection(cluster), thin.RawSocket(cluster)]
    return await _contest("jetstream", url, folder, stack, writers, [peers.LastMessage(cluster)])


async def _postgres(folder: Path, stack: AsyncExitStack) -> Contest:
    peer = import_module("plait.bench.postgres")
    peers = import_module("plait.bench.engines_peers")
    server = peer.Postgres(folder / "postgres")
    stack.callback(server.close)
    await server.start(nodes=1)
    url = f"postgresql://postgres@127.0.0.1:{server.ports[0]}/postgres"
    readers = [peers.Selects(server)]
    return await _contest("postgres", url, folder, stack, [peers.Inserts(server)], readers)


async def _contest(
    name: str,
    url: str,
    folder: Path,
    stack: AsyncExitStack,
    writers: list[Driver],
    readers: list[Driver],
) -> Contest:
    node = await served(folder / f"{name}-served", url)
    stack.callback(node.close)
    store = await stack.enter_async_context(embedded(folder / f"{name}-embedded", url))
    return Contest(
        name,
        url,
        [Embedded(store), OneStore(node), *writers],
        [EmbeddedReads(store), OneStoreReads(node), *readers],
    )


_STARTERS: dict[str, Callable[[Path, AsyncExitStack], Awaitable[Contest]]] = {
    "jetstream": _jetstream,
    "postgres": _postgres,
}
