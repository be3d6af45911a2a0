"""The scenario `engines`: its options, what counts as a pause, its aims, and its tables."""

import asyncio
import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from plait.bench.aims_engines import judge_engines
from plait.bench.engine_moves import Answers, Move, row
from plait.bench.engines import EnginesOptions, run
from plait.bench.load import MANY, ONE
from plait.bench.report_engines import print_engines


def load(system, client, per_s, in_flight=256, p50_ms=10.0):
    return {"mode": ONE if system != "postgres" else MANY, "system": system, "client": client} | {
        "in_flight": in_flight, "per_s": per_s, "p50_ms": p50_ms, "p99_ms": 1234.0
    }  # fmt: skip


JETSTREAM = [
    load("plait", "embedded", 7_000.0, p50_ms=14.9),
    load("plait", "client", 6_999.0, p50_ms=15.0),
    load("jetstream", "nats-py", 10_000.0),
    load("jetstream", "raw socket", 90_000.0, p50_ms=1.0),
]
POSTGRES = [
    load("plait", "embedded", 2_001.0),
    load("plait", "client", 1_999.0),
    load("postgres", "psycopg", 2_000.0),
]
MOVES = [
    row("raft", "jetstream", [Move(0.040, 0.010, 0.7), Move(0.090, 0.020, 0.8)]),
    row("jetstream", "postgres", [Move(0.110, 0.010, 0.1)]),
]
FIGURES = {
    "options": {"in_flight": [256], "rounds": 3, "quick_run": True},
    "machine": {"cores": 2, "python": "3.11.0", "load": 7.5},
    "skipped": {"postgres": "not installed"},
    "failed": ["jetstream writes, 256 in flight, plait client: no"],
    "loads": {
        "jetstream": {"writes": JETSTREAM, "reads": JETSTREAM[:2]},
        "postgres": {"writes": POSTGRES, "reads": []},
    },
    "moves": MOVES,
}


def judged(**figures):
    return {one.what: one for one in judge_engines({"loads": {}, "moves": []} | figures)}


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_engines(figures, console)
    return console.file.getvalue()


def test_each_way_to_use_plait_is_held_against_the_usual_client():
    found = judged(loads={"jetstream": {"writes": JETSTREAM}, "postgres": {"writes": POSTGRES}})
    assert found["jetstream writes at 256, embedded / nats-py"].met
    assert not found["jetstream writes at 256, client / nats-py"].met
    assert found["jetstream p50 at 256, embedded / nats-py"].met
    assert not found["jetstream p50 at 256, client / nats-py"].met
    assert found["postgres writes at 256, embedded / psycopg"].met
    assert not found["postgres writes at 256, client / psycopg"].met
    assert len(found) == 6


def test_a_lone_writer_is_judged_by_what_it_waits_for_only():
    rows = [load("plait", "client", 1.0, 1, 1.4), load("jetstream", "nats-py", 9.0, 1, 1.0)]
    assert list(judged(loads={"jetstream": {"writes": rows}})) == [
        "jetstream p50 at 1, client / nats-py"
    ]


def test_a_pause_is_judged_by_the_median_of_its_direction():
    found = judged(moves=MOVES)
    assert found["pause, raft to jetstream"].met
    assert found["pause, raft to jetstream"].found == "65 ms"
    assert not found["pause, jetstream to postgres"].met


async def test_a_wait_counts_if_it_has_to_do_with_the_move_and_only_then():
    answers = Answers(SimpleNamespace())
    answers._gaps = [(0.0, 9.0), (9.0, 9.5), (9.5, 11.0), (11.0, 11.2), (12.1, 90.0)]
    assert answers.longest(10.0, 12.0) == 1.5
    answers._gaps.append((11.2, 14.2))  # it ended after the move
    assert answers.longest(10.0, 12.0) == pytest.approx(3.0)


async def test_writers_write_until_the_context_ends_and_all_are_waited_for():
    put: list[str] = []

    async def write(key, value):
        put.append(key)
        await asyncio.sleep(0)

    answers = Answers(SimpleNamespace(put=write))
    async with answers.written():
        await answers.all_after(0.0)
    assert {f"k{number}" for number in range(8)} == set(put)
    count = len(put)
    await asyncio.sleep(0)
    assert len(put) == count


async def test_a_writer_that_fails_ends_the_measurement():
    async def write(key, value):
        raise ConnectionError("gone")

    with pytest.raises(ExceptionGroup):
        async with Answers(SimpleNamespace(put=write)).written():
            await asyncio.sleep(5)


def test_every_figure_is_shown_whole_on_80_columns():
    text = printed(FIGURES)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    for shown in ("7,000", "90,000", "2,001", "1234", "65", "750", "0.70x", "load"):
        assert shown in text.lower()
    assert "skipped postgres: not installed" in text
    assert "failed: jetstream writes" in text
    assert "A quick run" in text


def test_figures_without_moves_and_engines_can_be_printed():
    assert "Medians of 3" in printed(FIGURES | {"loads": {}, "moves": []})


def test_an_unknown_engine_is_a_usage_error(capsys):
    assert run(["--engines", "jetstream,kafka"]) == 2
    assert "kafka" in capsys.readouterr().err


def test_quick_shortens_rounds_and_saves_moves():
    quick = EnginesOptions().quick()
    assert (quick.seconds, quick.rounds, quick.moves, quick.quick_run) == (0.7, 3, 3, True)
    assert EnginesOptions(moves=0).quick().moves == 0
