"""The scenario `leader`: Plait's leader–follower tables beside PostgreSQL and Valkey.

Three processes each, on one machine, 100-byte values, a write acknowledged once it is durable at
the leader and one follower (`any:1`). Every round visits every client at every number in flight;
the figures are medians over rounds. Where a peer's protocol cannot have many writes in flight on
one connection, its batches stand there, and the label says so.
"""

import argparse
import functools
import os
import platform
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from rich.console import Console

from plait.bench import bulk
from plait.bench.cluster import ClusterHandle, start_cluster
from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.load import Driver
from plait.bench.plait_client import ManyStores, OneStore
from plait.bench.processes import PeerUnavailable, Server, memory_bytes
from plait.bench.replicas import follower_reads, lag_under_load, start_time_s
from plait.bench.report import print_leader
from plait.bench.rounds import Progress, measure_rounds

PEERS = ("postgres", "valkey")


class LeaderOptions(msgspec.Struct, frozen=True):
    """What to measure, and for how long."""

    seconds: float = 3.0  # of each load in each round
    rounds: int = 3
    in_flight: tuple[int, ...] = (1, 16, 256)
    peers: tuple[str, ...] = PEERS
    bulk_records: int = 200_000
    stored_records: int = 1_000_000  # in the store whose start is timed
    folder: str | None = None  # where the temporary folder is made; the disk matters

    def quick(self) -> "LeaderOptions":
        """The same in about a minute: short rounds, small imports."""
        return msgspec.structs.replace(
            self, seconds=min(self.seconds, 0.5), bulk_records=30_000, stored_records=100_000
        )


class _Contender(msgspec.Struct):
    """One system that runs: its processes, its clients, and how it imports."""

    name: str
    servers: list[Server]
    drivers: list[Driver]
    importer: bulk.Importer


def run_leader(options: LeaderOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Start everything, measure, end everything; the figures as JSON-like values."""
    return uvloop.run(_measure_all(options, progress))


def run(arguments: Sequence[str]) -> int:
    """``plait bench leader …``: measure and print a table; the exit code."""
    parsed = _parser().parse_args(list(arguments))
    options = LeaderOptions(
        seconds=parsed.seconds,
        rounds=parsed.rounds,
        peers=names_in(parsed.peers),
        folder=parsed.folder,
    )
    if not all_known("peer", options.peers, PEERS):
        return 2
    try:
        figures = run_leader(options.quick() if parsed.quick else options, progress_beside())
    except PeerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print_leader(figures, Console())
    write_figures(figures, parsed.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench leader",
        description="Leader-follower writes and reads: Plait, PostgreSQL and Valkey in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: about a minute")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load in each round")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers; '' for none")
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    parser.add_argument("--folder", help="make the temporary folder in there (default: system's)")
    return parser


async def _measure_all(options: LeaderOptions, progress: Progress) -> dict[str, Any]:
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(
            prefix="plait-bench-", dir=options.folder, ignore_cleanup_errors=True
        )
        folder = Path(stack.enter_context(temporary))
        folder.chmod(0o755)  # a server that runs as another user must get to its own folder
        progress("starting Plait")
        cluster = await start_cluster(folder / "plait")
        stack.callback(cluster.close)
        contenders = [_plait(cluster)]
        skipped: dict[str, str] = {}
        for name in options.peers:
            progress(f"starting {name}")
            try:
                contenders.append(await _PEER_STARTERS[name](folder / name, stack))
            except (PeerUnavailable, ImportError) as error:
                skipped[name] = str(error)
        figures: dict[str, Any] = {
            "scenario": "leader",
            "options": msgspec.to_builtins(options),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "skipped": skipped,
            "memory": [
                {"system": one.name, "bytes_per_node": memory_bytes(one.servers)}
                for one in contenders
            ],
        }
        drivers = [driver for contender in contenders for driver in contender.drivers]
        figures["writes"] = await measure_rounds(
            "writes", drivers, options.in_flight, options.seconds, options.rounds, progress
        )
        figures["bulk"] = await _bulk(options, contenders, folder, progress)
        progress("follower lag and reads")
        figures["lag"] = [
            await lag_under_load(cluster, count, max(1.0, options.seconds))
            for count in options.in_flight
        ]
        figures["reads"] = await follower_reads(cluster, max(1.0, options.seconds))
        figures["start"] = await _start(options, folder, progress)
        return figures


# ----------------------------------------------------------------------------- contenders


def _plait(cluster: ClusterHandle) -> _Contender:
    importer = functools.partial(bulk.into_cluster, cluster)
    return _Contender("plait", cluster.servers, [OneStore(cluster), ManyStores(cluster)], importer)


async def _postgres(folder: Path, stack: ExitStack) -> _Contender:
    peer = import_module("plait.bench.postgres")  # its client is no dependency of Plait
    server = peer.Postgres(folder)
    stack.callback(server.close)
    await server.start()
    drivers = [peer.Psycopg(server), peer.PsycopgPipeline(server), peer.Pgbench(server)]
    importer = functools.partial(server.bulk, batch=bulk.BATCH)
    return _Contender("postgres", server.servers, drivers, importer)


async def _valkey(folder: Path, stack: ExitStack) -> _Contender:
    peer = import_module("plait.bench.valkey")
    server = peer.Valkey(folder)
    stack.callback(server.close)
    await server.start()
    drivers = [peer.RedisPy(server), peer.ThinConnections(server), peer.ThinBatches(server)]
    importer = functools.partial(server.bulk, batch=bulk.BATCH)
    return _Contender("valkey", server.servers, drivers, importer)


_PEER_STARTERS: dict[str, Callable[[Path, ExitStack], Awaitable[_Contender]]] = {
    "postgres": _postgres,
    "valkey": _valkey,
}

# ------------------------------------------------------------------------------- measuring


async def _bulk(
    options: LeaderOptions, contenders: list[_Contender], folder: Path, progress: Progress
) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[float]] = {}
    for number in range(options.rounds):
        progress(f"bulk import, round {number + 1} of {options.rounds}")
        prefix = f"bulk-{number}-"
        for one in contenders:
            per_s = await bulk.records_per_s(one.importer, options.bulk_records, prefix)
            found.setdefault((one.name, "cluster"), []).append(per_s)
        alone = functools.partial(bulk.into_folder, folder / "alone")
        per_s = await bulk.records_per_s(alone, options.bulk_records, prefix)
        found.setdefault(("plait", "embedded"), []).append(per_s)
    return [
        {"system": system, "into": into, "records_per_s": sorted(rates)[len(rates) // 2]}
        for (system, into), rates in found.items()
    ]


async def _start(options: LeaderOptions, folder: Path, progress: Progress) -> dict[str, Any]:
    progress(f"start of a store with {options.stored_records:,} records")
    stored = folder / "stored"
    await bulk.into_folder(stored, bulk.rows(options.stored_records, "r"))
    key = f"r{options.stored_records // 2:010d}"
    took = sorted([await start_time_s(str(stored), key) for _ in range(options.rounds)])
    return {"records": options.stored_records, "seconds": took[len(took) // 2]}
