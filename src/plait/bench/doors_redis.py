"""The Redis part of `doors`: Plait's door and Valkey under the same load, in turns.

Beside one node: Valkey in memory (its default but for snapshots), as what an eventual database is
compared with, and Valkey with `appendfsync always`, as what a leader–follower one is. Three nodes:
SET with a majority's disks beside Valkey's SET and WAIT 1, from the same sockets.
"""

import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

import redis.asyncio

from plait.bench.aims import Judged
from plait.bench.doors_load import COMMANDS, load, plain, tool, waited
from plait.bench.doors_part import DoorsOptions
from plait.bench.parts import Part
from plait.bench.processes import Server, free_ports, until
from plait.bench.rounds import Progress
from plait.bench.valkey import Valkey, binary

PIPELINES: Final = (1, 16)
KEYS: Final = 100_000
AIMS: Final = {("GET", 1): 0.6, ("SET", 1): 0.6, ("GET", 16): 0.3, ("SET", 16): 0.3}
NODES: Final = 3

# name: what its ratio is taken to, and the database of the door
SYSTEMS: Final = {
    "valkey": ("", 0),
    "valkey, fsync": ("", 0),
    "plait eventual": ("valkey", 2),
    "plait leader": ("valkey, fsync", 0),
}

_HEADINGS: Final = ("", "", "valkey", "fsync", "eventual", "leader", "ev.", "lead.")


async def measure_redis(options: DoorsOptions, folder: Path, progress: Progress) -> Part:
    """Every command, pipelined and not, at every system in turn; then three nodes."""
    rates = await _one_node(options, folder / "one", progress)
    replicated = await _three_nodes(options, folder / "three", progress)
    rows: list[tuple[str, ...]] = [_HEADINGS]
    figures: list[dict[str, Any]] = []
    judged: list[Judged] = []
    for (command, pipeline, keys), found in rates.items():
        ratios = {name: found[name] / found[peer] for name, (peer, _) in SYSTEMS.items() if peer}
        label = f"-P {pipeline}" + (f" -r {keys}" if keys else "")
        rows.append(
            (command, label, *(f"{found[name]:,.0f}" for name in SYSTEMS),
             *(f"{ratio:.2f}x" for ratio in ratios.values()))
        )  # fmt: skip
        figures.append({"command": command, "pipeline": pipeline, "keys": keys, "per_s": found,
                        "ratios": ratios})  # fmt: skip
        aim = None if keys else AIMS.get((command, pipeline))
        for name, ratio in ratios.items():
            if aim is not None:
                what = f"{name}, {command} {label}"
                judged.append(Judged(what, f"{ratio:.2f}x", f"{aim:g}x", ratio >= aim))
    times = replicated["plait"] / replicated["valkey"]
    judged.append(
        Judged("SET on 3 nodes, over fsync and WAIT 1", f"{times:.2f}x", "1x", times >= 1)
    )
    return Part(
        {"one_node": figures, "three_nodes": replicated, "load": tool() or "raw sockets"},
        judged,
        rows,
    )


Rates = dict[tuple[str, int, int], dict[str, float]]


async def _one_node(options: DoorsOptions, folder: Path, progress: Progress) -> Rates:
    ports = dict(zip(("valkey", "valkey, fsync", "plait", "node"), free_ports(4), strict=True))
    servers = _start(folder, ports)
    samples: dict[tuple[str, int, int], dict[str, list[float]]] = {}
    try:
        for name in ("valkey", "valkey, fsync", "plait"):
            await until(partial(_answers, ports[name]), servers, name)
        for number in range(options.rounds):
            for pipeline in PIPELINES:
                for command, keys in [*((name, 0) for name in COMMANDS), ("SET", KEYS)]:
                    progress(f"{command} -P {pipeline}, round {number + 1} of {options.rounds}")
                    for name, (_, database) in SYSTEMS.items():
                        rate = await load(
                            ports.get(name, ports["plait"]), command,
                            options.requests * (10 if pipeline > 1 else 1), options.clients,
                            pipeline, database=database, keys=keys,
                        )  # fmt: skip
                        found = samples.setdefault((command, pipeline, keys), {})
                        found.setdefault(name, []).append(rate)
    finally:
        for server in servers:
            server.stop()
    return {
        key: {name: median(rates) for name, rates in found.items()}
        for key, found in samples.items()
    }


def _start(folder: Path, ports: dict[str, int]) -> list[Server]:
    servers = []
    for name in ("valkey", "valkey, fsync", "plait"):
        home = folder / name.replace(", ", "-")
        home.mkdir(parents=True)
        command: list[str | Path]
        if name == "plait":
            command = [sys.executable, "-m", "plait", "serve", "--data", home / "data"]
            command += ["--listen", f"127.0.0.1:{ports['node']}"]
            command += ["--resp", f"127.0.0.1:{ports[name]}"]
        else:
            command = [binary(), "--port", str(ports[name]), "--dir", home, "--save", ""]
            if name.endswith("fsync"):
                command += ["--appendonly", "yes", "--appendfsync", "always"]
        servers.append(Server(name, command, home))
    return servers


async def _answers(port: int) -> bool:
    """Whether every database can be written."""
    for database in (0, 2):
        async with redis.asyncio.Redis(port=port, db=database) as client:
            await client.set("ready", 1)
    return True


async def _three_nodes(options: DoorsOptions, folder: Path, progress: Progress) -> dict[str, float]:
    """SETs a second that are on two disks: median over rounds, in turns."""
    ports = free_ports(2 * NODES)
    names = [f"n{number + 1}" for number in range(NODES)]
    members = ",".join(f"{n}=127.0.0.1:{p}" for n, p in zip(names, ports[:NODES], strict=True))
    servers: list[Server] = []
    (folder / "valkey").mkdir(parents=True)
    peer = Valkey(folder / "valkey")
    rates: dict[str, list[float]] = {"plait": [], "valkey": []}
    try:
        for name, address, door in zip(names, ports[:NODES], ports[NODES:], strict=True):
            home = folder / name
            home.mkdir(parents=True)
            servers.append(Server(name, [
                sys.executable, "-m", "plait", "serve", "--data", home / "data", "--name", name,
                "--listen", f"127.0.0.1:{address}", "--members", members, "--leader", "n1",
                "--resp", f"127.0.0.1:{door}",
            ], home))  # fmt: skip
        await until(lambda: _answers(ports[NODES]), servers, "three nodes", 60.0)
        await peer.start(NODES)
        for number in range(options.rounds):
            progress(f"SET on three nodes, round {number + 1} of {options.rounds}")
            count = options.requests // 5
            rates["plait"].append(await plain(ports[NODES], count, options.clients))
            rates["valkey"].append(await waited(peer.ports[0], count, options.clients))
    finally:
        for server in servers:
            server.stop()
        peer.close()
    return {name: median(found) for name, found in rates.items()}
