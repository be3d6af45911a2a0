"""The scenario `consensus`: Plait's consensus tables beside etcd, NATS JetStream and PySyncObj.

Three processes each, on one machine, 100-byte values, a write acknowledged once a majority has
it on disk. Writes, linearizable reads and batches are medians over rounds in which the systems
take turns; then every system that replaces a dead leader loses one a few times. PySyncObj alone
never syncs its journal, unless it is made to (`pysyncobj`).
"""

import argparse
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

from plait import Consensus
from plait.bench.cluster import start_cluster
from plait.bench.command import all_known, names_in, progress_beside, write_figures
from plait.bench.failovers import PEERS_OF_FAILOVER, measure_failovers
from plait.bench.load import Driver
from plait.bench.plait_client import (
    Batches,
    ManyStores,
    ManyStoresReads,
    OneStore,
    OneStoreReads,
    Transactions,
)
from plait.bench.processes import PeerUnavailable, Server, memory_bytes
from plait.bench.report_consensus import print_consensus
from plait.bench.rounds import Progress, measure_rounds

PEERS = ("etcd", "jetstream", "pysyncobj")


class ConsensusOptions(msgspec.Struct, frozen=True):
    """What to measure, and for how long."""

    seconds: float = 3.0  # of each load in each round
    rounds: int = 3
    in_flight: tuple[int, ...] = (1, 16, 256)
    batches_in_flight: tuple[int, ...] = (1, 4, 16)
    kills: int = 10  # of each system's leader
    peers: tuple[str, ...] = PEERS
    failover_peers: tuple[str, ...] = ("etcd",)
    folder: str | None = None  # where the temporary folder is made; the disk matters

    def quick(self) -> "ConsensusOptions":
        """The same with short rounds and few kills."""
        return msgspec.structs.replace(
            self, seconds=min(self.seconds, 0.5), kills=min(self.kills, 3)
        )


class Contender(msgspec.Struct):
    """One system that runs, and its clients."""

    name: str
    servers: list[Server]  # empty if it runs only in its turn
    writers: list[Driver]
    readers: list[Driver] = []
    batchers: list[Driver] = []


def run_consensus(options: ConsensusOptions, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Start everything, measure, end everything; the figures as JSON-like values."""
    return uvloop.run(_measure_all(options, progress))


def run(arguments: Sequence[str]) -> int:
    """``plait bench consensus …``: print tables; the exit code, 1 if a system gave up."""
    parsed = _parser().parse_args(list(arguments))
    options = ConsensusOptions(
        seconds=parsed.seconds,
        rounds=parsed.rounds,
        kills=parsed.kills,
        peers=names_in(parsed.peers),
        failover_peers=names_in(parsed.failover_peers),
        folder=parsed.folder,
    )
    for names, known in ((options.peers, PEERS), (options.failover_peers, PEERS_OF_FAILOVER)):
        if not all_known("peer", names, known):
            return 2
    try:
        figures = run_consensus(options.quick() if parsed.quick else options, progress_beside())
    except PeerUnavailable as error:
        print(error, file=sys.stderr)
        return 1
    print_consensus(figures, Console())
    write_figures(figures, parsed.json)
    return 1 if figures["failed"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="plait bench consensus",
        description="Consensus writes, reads and fail-over: Plait, etcd, NATS JetStream and "
        "PySyncObj in one run.",
    )
    parser.add_argument("--quick", action="store_true", help="short rounds: about four minutes")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load in each round")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over so many")
    parser.add_argument("--kills", type=int, default=10, help="of each leader; 0: no fail-over")
    parser.add_argument("--peers", default=",".join(PEERS), help="which peers; '' for none")
    parser.add_argument(
        "--failover-peers",
        default="etcd",
        help=f"which peers lose their leaders too (of {', '.join(PEERS_OF_FAILOVER)})",
    )
    parser.add_argument("--json", metavar="FILE", help="write every figure there too")
    parser.add_argument("--folder", help="make the temporary folder in there (default: system's)")
    return parser


async def _measure_all(options: ConsensusOptions, progress: Progress) -> dict[str, Any]:
    temporary = tempfile.TemporaryDirectory(
        prefix="plait-bench-", dir=options.folder, ignore_cleanup_errors=True
    )
    with temporary as made:
        folder = Path(made)
        figures: dict[str, Any] = {
            "scenario": "consensus",
            "options": msgspec.to_builtins(options),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "skipped": {},
            "failed": [],
        }
        with ExitStack() as stack:
            contenders = await _start(options, folder, stack, figures["skipped"], progress)
            figures["memory"] = [
                {"system": one.name, "bytes_per_node": memory_bytes(one.servers)}
                for one in contenders
                if one.servers
            ]
            await _loads(options, contenders, figures, progress)
        figures["failover"] = []
        if options.kills:
            figures["failover"] = await measure_failovers(
                folder / "failover", options.kills, options.failover_peers, progress
            )
            figures["failed"] += [
                f"fail-over of {row['system']} {row['timers']}: {row['failed']}"
                for row in figures["failover"]
                if "failed" in row
            ]
        return figures


async def _loads(
    options: ConsensusOptions,
    contenders: Sequence[Contender],
    figures: dict[str, Any],
    progress: Progress,
) -> None:
    writers = [driver for one in contenders for driver in one.writers]
    readers = [driver for one in contenders for driver in one.readers]
    batchers = [driver for one in contenders for driver in one.batchers]
    for what, drivers, in_flight in (
        ("writes", writers, options.in_flight),
        ("reads", readers, options.in_flight),
        ("batches", batchers, options.batches_in_flight),
    ):
        figures[what] = await measure_rounds(
            *(what, drivers, in_flight, options.seconds, options.rounds),
            progress,
            figures["failed"],
        )


# ----------------------------------------------------------------------------- contenders


async def _start(
    options: ConsensusOptions,
    folder: Path,
    stack: ExitStack,
    skipped: dict[str, str],
    progress: Progress,
) -> list[Contender]:
    progress("starting Plait")
    contenders = [await _plait(folder / "plait", stack)]
    for name in options.peers:
        progress(f"starting {name}")
        try:
            contenders.append(await _PEER_STARTERS[name](folder / name, stack))
        except (PeerUnavailable, ImportError) as error:
            skipped[name] = str(error)
            progress(f"{name} is left out: {error}")
    return contenders


async def _plait(folder: Path, stack: ExitStack) -> Contender:
    cluster = await start_cluster(folder, settings=Consensus())
    stack.callback(cluster.close)
    return Contender(
        "plait",
        cluster.servers,
        [OneStore(cluster), ManyStores(cluster)],
        [OneStoreReads(cluster), ManyStoresReads(cluster)],
        [Batches(cluster), Transactions(cluster)],
    )


async def _etcd(folder: Path, stack: ExitStack) -> Contender:
    peer = import_module("plait.bench.etcd")  # its client is no dependency of Plait
    cluster = peer.Etcd(folder)
    stack.callback(cluster.close)
    await cluster.start()
    writers = [peer.OneChannel(cluster), peer.ManyChannels(cluster)]
    readers = [peer.OneChannelReads(cluster), peer.ManyChannelsReads(cluster)]
    return Contender("etcd", cluster.servers, writers, readers)


async def _jetstream(folder: Path, stack: ExitStack) -> Contender:
    peer = import_module("plait.bench.jetstream")
    thin = import_module("plait.bench.jetstream_thin")
    cluster = peer.JetStream(folder)
    stack.callback(cluster.close)
    await cluster.start()
    writers = [peer.OneConnection(cluster), peer.ManyConnections(cluster)]
    return Contender("jetstream", cluster.servers, [*writers, thin.RawSocket(cluster)])


async def _pysyncobj(folder: Path, _: ExitStack) -> Contender:
    peer = import_module("plait.bench.pysyncobj")
    peer.require()
    ways = (peer.Defaults, peer.QuickTicks, peer.Unbatched, peer.Synced)
    return Contender("pysyncobj", [], [way(folder) for way in ways])


_PEER_STARTERS: dict[str, Callable[[Path, ExitStack], Awaitable[Contender]]] = {
    "etcd": _etcd,
    "jetstream": _jetstream,
    "pysyncobj": _pysyncobj,
}
