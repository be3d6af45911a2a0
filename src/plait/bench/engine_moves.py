"""How long writers wait while the line that they write moves to another engine.

Three nodes, one client, `WRITERS` tasks that each put one row after the other. What counts is the
longest time between two answers to one writer that has to do with a move: it began before the
move was over, and ended after the move had begun. Beside it stands the longest such time in the
second before, with nothing going on: a busy machine makes writers wait, too.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import msgspec

import plait
from plait import Consensus, Table
from plait.bench.cluster import start_cluster
from plait.bench.rounds import Progress

WRITERS = 8
QUIET_S = 1.0  # of writing before each move
TABLE = "moving"
OWN = "raft"


class Answers:
    """When each writer was answered."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._gaps: list[tuple[float, float]] = []  # between two answers to one writer
        self._last = [0.0] * WRITERS

    @asynccontextmanager
    async def written(self) -> AsyncIterator[None]:
        """Write for as long as the context lasts; the first error ends it."""
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(self._write(number)) for number in range(WRITERS)]
            yield
            for writer in writers:
                writer.cancel()

    async def _write(self, number: int) -> None:
        count, before = 0, perf_counter()
        while True:
            await self._table.put(f"k{number}", count)
            count += 1
            self._last[number] = now = perf_counter()
            self._gaps.append((before, now))
            before = now

    async def all_after(self, moment: float) -> None:
        """Return once every writer has had an answer after `moment`."""
        while min(self._last) <= moment:
            await asyncio.sleep(0.002)

    def longest(self, began: float, ended: float) -> float:
        """The longest gap that has to do with a time, in seconds; earlier gaps are forgotten."""
        self._gaps = [gap for gap in self._gaps if gap[1] > began]
        return max(until - since for since, until in self._gaps if since < ended)


class Move(msgspec.Struct, frozen=True):
    """One move, in seconds."""

    pause_s: float
    before_s: float  # the longest wait for an answer in the second before
    took_s: float  # from the command to its answer


async def measure_moves(
    folder: Path, urls: Mapping[str, str], moves: int, progress: Progress
) -> list[dict[str, Any]]:
    """A row for each direction of a tour over the nodes and every engine of `urls`."""
    cluster = await start_cluster(folder, settings=Consensus())
    try:
        async with plait.connect(cluster.url) as store:
            table = await store.table(TABLE, Consensus())
            answers = Answers(table)
            found: dict[tuple[str, str], list[Move]] = {}
            tour = [*urls, OWN]
            async with answers.written():
                for number in range(moves):
                    progress(f"moves, round {number + 1} of {moves}")
                    for source, to in zip([OWN, *urls], tour, strict=True):
                        url = urls.get(to, OWN)
                        found.setdefault((source, to), []).append(await _move(store, answers, url))
            return [row(source, to, made) for (source, to), made in found.items()]
    finally:
        cluster.close()


async def _move(store: plait.Store, answers: Answers, to: str) -> Move:
    quiet = perf_counter()
    await asyncio.sleep(QUIET_S)
    began = perf_counter()
    before_s = answers.longest(quiet, began)
    await store.move(TABLE, to)
    ended = perf_counter()
    await answers.all_after(ended)
    return Move(answers.longest(began, ended), before_s, ended - began)


def row(source: str, to: str, made: list[Move]) -> dict[str, Any]:
    """What is told of the moves in one direction."""
    pauses = sorted(move.pause_s * 1000 for move in made)
    return {
        "from": source,
        "to": to,
        "moves": len(made),
        "pause_ms": median(pauses),
        "pause_min_ms": pauses[0],
        "pause_max_ms": pauses[-1],
        "before_ms": median(move.before_s * 1000 for move in made),
        "took_ms": median(move.took_s * 1000 for move in made),
        "all_pauses_ms": [move.pause_s * 1000 for move in made],
    }
