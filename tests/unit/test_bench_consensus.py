"""The scenario `consensus`: its options, and its tables."""

import io

import pytest
from rich.console import Console

from plait.bench.consensus import ConsensusOptions, run
from plait.bench.load import MANY, ONE
from plait.bench.report_consensus import print_consensus

CLIENTS = [
    ("plait", "client", ONE, 20_000.0),
    ("plait", "client", MANY, 15_000.0),
    ("etcd", "grpc.aio", ONE, 4_000.0),
    ("jetstream", "raw socket", ONE, 10_000.0),
    ("pysyncobj", "1 ms ticks", ONE, 8_000.0),
]
ROWS = [
    {"mode": mode, "in_flight": 256, "system": system, "client": client, "per_s": per_s}
    | {"p50_ms": 101.234, "p99_ms": 1002.0}
    for system, client, mode, per_s in CLIENTS
]
FIGURES = {
    "options": {"in_flight": [256], "batches_in_flight": [16], "rounds": 3},
    "machine": {"cores": 2, "python": "3.11.0"},
    "skipped": {"etcd": "not installed"},
    "failed": ["fail-over of etcd defaults: no write was acknowledged any more"],
    "memory": [{"system": "plait", "bytes_per_node": [40 << 20, 41 << 20, 42 << 20]}],
    "writes": ROWS,
    "reads": ROWS[:3],
    "batches": [ROWS[0] | {"client": "transaction", "in_flight": 16, "per_s": 123_456.0}],
    "failover": [
        {"system": "plait", "timers": "defaults", "median_ms": 412.0, "min_ms": 300.0}
        | {"max_ms": 900.0, "all_ms": [300.0, 412.0, 900.0]},
        {"system": "etcd", "timers": "defaults", "failed": "no write was acknowledged any more"},
    ],
}


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_consensus(figures, console)
    return console.file.getvalue()


def test_every_figure_is_shown_whole_on_80_columns():
    text = printed(FIGURES)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    for shown in ("20,000", "4,000", "123,456", "101", "1002", "40 41 42", "412"):
        assert shown in text


def test_ratios_are_within_a_way_to_connect():
    lines = printed(FIGURES).splitlines()
    assert "5.00x" in next(line for line in lines if "etcd grpc.aio" in line)
    assert "2.00x" in next(line for line in lines if "raw socket*" in line)


def test_what_was_skipped_and_what_failed_is_said():
    text = printed(FIGURES)
    assert "skipped etcd: not installed" in text
    assert "failed: fail-over of etcd defaults: no write was acknowledged any more" in text


def test_that_a_peer_does_not_sync_is_said_if_it_ran():
    assert "never sync" in printed(FIGURES)
    assert "never sync" not in printed(FIGURES | {"writes": ROWS[:3]})


def test_aims_say_whether_they_were_met():
    lines = printed(FIGURES).splitlines()
    assert "missed" in next(line for line in lines if "batched commands" in line)
    assert "met" in next(line for line in lines if "fail-over " in line and "500 ms" in line)


def test_figures_without_peers_and_kills_can_be_printed():
    alone = FIGURES | {"writes": ROWS[:2], "reads": ROWS[:2], "failover": []}
    assert "20,000" in printed(alone)


@pytest.mark.parametrize("option", ["--peers", "--failover-peers"])
def test_an_unknown_peer_is_a_usage_error(option, capsys):
    assert run([option, "etcd,oracle"]) == 2
    assert "oracle" in capsys.readouterr().err


def test_quick_shortens_rounds_and_saves_kills():
    quick = ConsensusOptions().quick()
    assert (quick.seconds, quick.rounds, quick.kills) == (0.5, 3, 3)
    assert ConsensusOptions(kills=0).quick().kills == 0
