"""What lines on shared engines are meant to reach, and whether a run did.

Each way to use Plait is held against the engine's usual client on the same servers. The raw
socket, which nobody writes programs with, has no aim.
"""

from collections.abc import Iterator
from typing import Any

from plait.bench.aims import Judged

JETSTREAM_WRITES = {256: 0.7}  # in flight: times what nats-py does
JETSTREAM_P50 = 1.5  # times what nats-py takes, at most
POSTGRES_WRITES = {16: 1.0, 256: 1.0}
PAUSE_MS = 100.0  # of writers during a move: tens of milliseconds


def judge_engines(figures: dict[str, Any]) -> list[Judged]:
    """Every aim that the figures say something about."""
    loads = figures["loads"]
    judged: list[Judged] = []
    for engine, client, aims in (
        ("jetstream", "nats-py", JETSTREAM_WRITES),
        ("postgres", "psycopg", POSTGRES_WRITES),
    ):
        rows = loads.get(engine, {}).get("writes", [])
        judged += _throughput(rows, engine, client, aims)
    judged += _latencies(loads.get("jetstream", {}).get("writes", []))
    judged += _pauses(figures["moves"])
    return judged


def _pairs(
    rows: list[dict[str, Any]], client: str
) -> Iterator[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Number in flight, a row of ours, and the peer's client's row."""
    for ours in rows:
        for theirs in rows:
            same = theirs["in_flight"] == ours["in_flight"]
            if ours["system"] == "plait" and theirs["client"] == client and same:
                yield ours["in_flight"], ours, theirs


def _throughput(
    rows: list[dict[str, Any]], engine: str, client: str, aims: dict[int, float]
) -> Iterator[Judged]:
    for in_flight, ours, theirs in _pairs(rows, client):
        if in_flight in aims:
            times, aim = ours["per_s"] / theirs["per_s"], aims[in_flight]
            what = f"{engine} writes at {in_flight}, {ours['client']} / {client}"
            yield Judged(what, f"{times:.2f}x", f"{aim:g}x", times >= aim)


def _latencies(rows: list[dict[str, Any]]) -> Iterator[Judged]:
    for in_flight, ours, theirs in _pairs(rows, "nats-py"):
        times = ours["p50_ms"] / theirs["p50_ms"]
        what = f"jetstream p50 at {in_flight}, {ours['client']} / nats-py"
        yield Judged(what, f"{times:.2f}x", f"< {JETSTREAM_P50:g}x", times < JETSTREAM_P50)


def _pauses(rows: list[dict[str, Any]]) -> Iterator[Judged]:
    for row in rows:
        what = f"pause, {row['from']} to {row['to']}"
        found = row["pause_ms"]
        yield Judged(what, f"{found:.0f} ms", f"< {PAUSE_MS:g} ms", found < PAUSE_MS)
