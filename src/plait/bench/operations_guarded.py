"""TLS and rights: parts of the scenario `operations`.

Puts and gets at 16 in flight from one client process, in turns: to three nodes as processes that
speak TLS on every connection, and to three that do not; to three nodes that ask everybody who they
are and what they may do, and to the same ones with that switched off. The loss is the share of
operations a second that is missing beside the round without.

What a check of rights takes is measured where it is made, in a node of this process: for a user
with rights by prefix, with the check while rights are off taken away.
"""

import datetime
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import msgspec

import plait
from plait import Consensus
from plait.api.messages import Get, Propose, Read
from plait.api.settings import ReadOptions
from plait.base.codec import encode
from plait.bench.aims import Judged
from plait.bench.cluster import ClusterHandle, start_cluster
from plait.bench.load import VALUE
from plait.bench.operations_part import OperationsOptions
from plait.bench.parts import Part
from plait.bench.plait_client import OneStore, OneStoreReads
from plait.bench.rounds import Progress
from plait.host.certificates import Authority
from plait.host.tls import Tls
from plait.node.guard import Guard
from plait.node.local import Local
from plait.types.commands import Put, encode_group

IN_FLIGHT = 16
LOSS_MAX = 0.2
CHECK_US_MAX = 2.0
CHECKS = 2_000  # in a run
RUNS = 15
TURNS = 5  # in a round: short ones, so that a neighbour's work hits both sides
DAYS = 2  # that the certificates are valid


async def measure_tls(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
    """What TLS costs puts and gets."""
    papers = folder / "certs"
    plain = await start_cluster(folder / "plain", settings=Consensus())
    try:
        guarded = await start_cluster(
            folder / "tls", settings=Consensus(), papers=_certified(papers)
        )
        try:
            rounds = _Rounds(options)
            for number in range(options.rounds * TURNS):
                progress(f"TLS, turn {number + 1} of {options.rounds * TURNS}")
                await rounds.measure("without", plain)
                await rounds.measure("with", guarded)
        finally:
            guarded.close()
    finally:
        plain.close()
    return Part(rounds.figures(), rounds.judged("TLS"))


async def measure_rights(options: OperationsOptions, folder: Path, progress: Progress) -> Part:
    """What rights cost puts and gets, and how long a check takes."""
    cluster = await start_cluster(folder / "nodes", settings=Consensus())
    try:
        token = await _user(cluster)
        rounds = _Rounds(options)
        for number in range(options.rounds * TURNS):
            progress(f"rights, turn {number + 1} of {options.rounds * TURNS}")
            cluster.options["token"] = ""
            await rounds.measure("without", cluster)
            await _switch(cluster, token, True)
            cluster.options["token"] = token
            await rounds.measure("with", cluster)
            await _switch(cluster, token, False)
    finally:
        cluster.close()
    progress("rights: checks")
    checks = await measure_checks(folder / "alone", options.rounds)
    judged = rounds.judged("rights")
    judged += [
        Judged(
            f"rights checked, {what}, an operation", f"{us:.2f} us",
            f"< {CHECK_US_MAX:g} us", us < CHECK_US_MAX,
        )
        for what, us in checks.items()
    ]  # fmt: skip
    return Part(rounds.figures() | {"checks_us": checks}, judged)


class _Rounds:
    """Operations a second, with and without."""

    def __init__(self, options: OperationsOptions) -> None:
        self._seconds = options.seconds / TURNS
        self._found: dict[str, dict[str, list[float]]] = {
            kind: {"without": [], "with": []} for kind in ("puts", "gets")
        }

    async def measure(self, which: str, cluster: ClusterHandle) -> None:
        """A turn of both kinds."""
        for kind, client in (("puts", OneStore), ("gets", OneStoreReads)):
            sample = await client(cluster).measure(IN_FLIGHT, self._seconds)
            self._found[kind][which].append(sample.per_s)

    def losses(self) -> dict[str, float]:
        """The share that is missing, of medians."""
        return {
            kind: 1 - median(found["with"]) / median(found["without"])
            for kind, found in self._found.items()
        }

    def figures(self) -> dict[str, Any]:
        return {"in_flight": IN_FLIGHT, "per_s": self._found, "losses": self.losses()}

    def judged(self, what: str) -> list[Judged]:
        return [
            Judged(f"{kind} lost to {what}", f"{loss:.0%}", f"< {LOSS_MAX:.0%}", loss < LOSS_MAX)
            for kind, loss in self.losses().items()
        ]


def _certified(folder: Path) -> Callable[[str, str], Tls]:
    now = datetime.datetime.now(datetime.UTC)
    authority = Authority.found(folder, now, DAYS)

    def papers(role: str, name: str) -> Tls:
        path = authority.certify(role, name, now, DAYS, False)
        return Tls(folder / "ca.pem", path, path.with_suffix(".key"))

    return papers


async def _user(cluster: ClusterHandle) -> str:
    async with cluster.connect() as store:
        await store.rights.put_user("bench", ["admin"])
        return await store.rights.add_token("bench")


async def _switch(cluster: ClusterHandle, token: str, on: bool) -> None:
    async with plait.connect(cluster.url, token=token) as store:
        await store.rights.switch(on)


# ------------------------------------------------------------------------------- one check


async def measure_checks(folder: Path, rounds: int) -> dict[str, float]:
    """Microseconds an operation, medians: what a check takes beyond one with rights off."""
    async with plait.open(folder) as store:
        table = await store.table("orders", Consensus())
        await store.rights.put_role("clerk", ["orders/eu-:read,write", "prices:read"])
        await store.rights.put_user("ann", ["clerk"])
        await store.rights.put_user("root", ["admin"])
        backend = store._backend
        assert isinstance(backend, Local)  # a store in this process
        token = await store.rights.add_token("ann", days=DAYS)
        guard = Guard(backend.node, await backend.node.rights.by_token(token))
        number = next(one.table for one in await backend.tables() if one.name == "orders")
        asked = {
            "a get": (_read(table.line, number), 1),
            "a put": (_puts(table.line, number, 1), 1),
            f"a put of {IN_FLIGHT} in a group": (_puts(table.line, number, IN_FLIGHT), IN_FLIGHT),
        }
        found: dict[str, list[float]] = {what: [] for what in asked}
        for _ in range(rounds):
            for what, (request, operations) in asked.items():
                await store.rights.switch(False)
                without_s = _checked_s(guard, request)
                await store.rights.switch(True)
                took_s = _checked_s(guard, request) - without_s
                found[what].append(took_s / CHECKS / operations * 1e6)
        return {what: median(each) for what, each in found.items()}


def _checked_s(guard: Guard, request: Any) -> float:
    """The best of short runs: a busy machine only ever adds."""
    found = []
    for _ in range(RUNS):
        began = perf_counter()
        for _ in range(CHECKS):
            guard.check(request)
        found.append(perf_counter() - began)
    return min(found)


def _read(line: str, table: int) -> Read:
    return Read(1, line, ReadOptions(), None, (Get(table, "eu-1"),))


def _puts(line: str, table: int, count: int) -> Propose:
    value = msgspec.Raw(encode(VALUE))
    commands = [encode(Put(table, f"eu-{number}", value)) for number in range(count)]
    return Propose(1, line, encode_group(1, 0, 0, commands))
