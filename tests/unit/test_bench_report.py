"""The table of figures, and the options of the scenario."""

import io

from rich.console import Console

from plait.bench.leader import LeaderOptions, run
from plait.bench.report import better_peer, print_leader, ratio

WRITES = [
    {"mode": "connections", "in_flight": 16, "system": system, "client": client}
    | {"per_s": per_s, "p50_ms": 1.0, "p99_ms": 2.0}
    for system, client, per_s in (
        ("plait", "client", 30_000.0),
        ("postgres", "psycopg", 6_000.0),
        ("valkey", "raw socket", 12_000.0),
    )
]
FIGURES = {
    "options": {"in_flight": [16], "rounds": 3},
    "machine": {"cores": 2, "python": "3.11.0"},
    "skipped": {"etcd": "not installed"},
    "writes": WRITES,
    "bulk": [{"system": "plait", "into": "embedded", "records_per_s": 250_000.0}],
    "reads": [
        {"nodes": 1, "clients": 3, "reads_per_s": 9_000.0, "p50_ms": 1.0, "p99_ms": 2.0},
    ],
    "lag": [
        {"in_flight": 16, "writes_per_s": 20_000.0, "lag_p50_ms": 1.5, "lag_max_ms": 9.0}
        | {"records_max": 300}
    ],
    "memory": [{"system": "plait", "bytes_per_node": [40 << 20, 41 << 20]}],
    "start": {"records": 1_000_000, "seconds": 0.42},
}


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_leader(figures, console)
    return console.file.getvalue()


def test_a_ratio_is_ours_over_theirs():
    assert ratio(30_000.0, 12_000.0) == "2.50x"


def test_the_better_peer_is_never_ourselves():
    assert better_peer(WRITES, "per_s")["system"] == "valkey"
    assert better_peer(WRITES[:1], "per_s") is None


def test_every_peer_shows_how_plait_compares_and_the_better_one_is_marked():
    lines = printed(FIGURES).splitlines()
    postgres = next(line for line in lines if "psycopg" in line)
    valkey = next(line for line in lines if "raw socket" in line)
    assert "5.00x" in postgres
    assert "psycopg*" not in postgres
    assert "2.50x" in valkey
    assert "raw socket*" in valkey


def test_what_was_skipped_is_said():
    assert "skipped etcd: not installed" in printed(FIGURES)


def test_figures_without_peers_can_be_printed():
    alone = FIGURES | {"writes": WRITES[:1]}
    assert "30,000" in printed(alone)


def test_an_unknown_peer_is_a_usage_error(capsys):
    assert run(["--peers", "postgres,oracle"]) == 2
    assert "oracle" in capsys.readouterr().err


def test_quick_shortens_rounds_and_keeps_their_number():
    quick = LeaderOptions().quick()
    assert quick.seconds == 0.5
    assert quick.rounds == 3
    assert LeaderOptions(seconds=0.1).quick().seconds == 0.1
