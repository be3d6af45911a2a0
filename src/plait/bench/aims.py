"""What the consensus mode is meant to reach, and whether a run did.

A ratio compares Plait on one connection with the best row that the peer's own client has,
whether on one connection or many. Rows of the thin clients and of settings that a user would not
find have no aim; the tables show them all the same.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from plait.bench.load import ONE

WRITES_OVER_ETCD = {1: 2.0, 16: 5.0, 256: 10.0}  # in flight: times
READS_OVER_ETCD = {1: 2.0, 16: 4.0, 256: 6.0}
WRITES_OVER_JETSTREAM = {1: 1.5, 16: 2.0, 256: 3.0}
WRITES_OVER_PYSYNCOBJ = {1: 10.0, 16: 10.0, 256: 10.0}
BATCHED_COMMANDS_PER_S = 200_000.0
LONE_WRITE_P50_MS = 1.0
FAILOVER_MS = 500.0

_RATIOS = (
    ("writes", "etcd", "grpc.aio", WRITES_OVER_ETCD),
    ("writes", "jetstream", "nats-py", WRITES_OVER_JETSTREAM),
    ("writes", "pysyncobj", "defaults", WRITES_OVER_PYSYNCOBJ),
    ("reads", "etcd", "grpc.aio", READS_OVER_ETCD),
)


class Judged(msgspec.Struct, frozen=True):
    """One aim beside what was measured."""

    what: str
    found: str
    aim: str
    met: bool


def judge(figures: dict[str, Any]) -> list[Judged]:
    """Every aim that the figures say something about."""
    return [*_ratios(figures), *_absolutes(figures), *_failovers(figures)]


def _ratios(figures: dict[str, Any]) -> Iterator[Judged]:
    for kind, system, client, aims in _RATIOS:
        for in_flight, aim in aims.items():
            rows = [row for row in figures[kind] if row["in_flight"] == in_flight]
            ours = [row["per_s"] for row in rows if row["system"] == "plait" and row["mode"] == ONE]
            theirs = [
                row["per_s"] for row in rows if (row["system"], row["client"]) == (system, client)
            ]
            if ours and theirs:
                times = ours[0] / max(theirs)
                what = f"{kind} at {in_flight}, over {system} {client}"
                yield Judged(what, f"{times:.2f}x", f"{aim:g}x", times >= aim)


def _absolutes(figures: dict[str, Any]) -> Iterator[Judged]:
    lone = [
        row["p50_ms"]
        for row in figures["writes"]
        if (row["system"], row["mode"], row["in_flight"]) == ("plait", ONE, 1)
    ]
    if lone:
        met = lone[0] < LONE_WRITE_P50_MS
        yield Judged(
            "p50 of a lone writer", f"{lone[0]:.2f} ms", f"< {LONE_WRITE_P50_MS:g} ms", met
        )
    batched = max((row["per_s"] for row in figures["batches"]), default=None)
    if batched is not None:
        met = batched >= BATCHED_COMMANDS_PER_S
        aim = f"{BATCHED_COMMANDS_PER_S:,.0f}/s"
        yield Judged("batched commands", f"{batched:,.0f}/s", aim, met)


def _failovers(figures: dict[str, Any]) -> Iterator[Judged]:
    rows = [row for row in figures["failover"] if "median_ms" in row]
    ours = next((row["median_ms"] for row in rows if row["system"] == "plait"), None)
    if ours is None:
        return
    yield Judged("fail-over", f"{ours:,.0f} ms", f"< {FAILOVER_MS:,.0f} ms", ours < FAILOVER_MS)
    for row in rows:
        if row["system"] == "etcd":
            theirs = row["median_ms"]
            what = f"fail-over, etcd at {row['timers']}"
            yield Judged(what, f"{ours:,.0f} ms", f"< {theirs:,.0f} ms", ours < theirs)
