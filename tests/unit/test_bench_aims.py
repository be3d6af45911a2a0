"""Aims beside figures."""

from plait.bench.aims import judge
from plait.bench.load import MANY, ONE


def row(system, client, per_s, in_flight=16, mode=ONE, p50_ms=1.0):
    return {"system": system, "client": client, "per_s": per_s, "in_flight": in_flight} | {
        "mode": mode,
        "p50_ms": p50_ms,
    }


FIGURES = {"writes": [], "reads": [], "batches": [], "failover": []}


def judged(**figures):
    return {one.what: one for one in judge(FIGURES | figures)}


def test_no_figures_have_nothing_to_judge():
    assert judge(FIGURES) == []


def test_a_ratio_is_to_the_better_row_of_the_peers_own_client():
    writes = [
        row("plait", "client", 12_000),
        row("plait", "client", 99_000, mode=MANY),
        row("etcd", "grpc.aio", 2_000),
        row("etcd", "grpc.aio", 3_000, mode=MANY),
        row("jetstream", "nats-py", 6_001),
        row("jetstream", "raw socket", 60_000),
    ]
    found = judged(writes=writes)
    assert (found["writes at 16, over etcd grpc.aio"].found) == "4.00x"
    assert not found["writes at 16, over etcd grpc.aio"].met
    assert not found["writes at 16, over jetstream nats-py"].met
    assert len(found) == 2


def test_an_aim_that_is_reached_exactly_is_met():
    reads = [row("plait", "client", 4_000), row("etcd", "grpc.aio", 1_000)]
    assert judged(reads=reads)["reads at 16, over etcd grpc.aio"].met


def test_a_lone_writer_is_judged_by_its_median():
    slow = judged(writes=[row("plait", "client", 900, in_flight=1, p50_ms=1.0)])
    quick = judged(writes=[row("plait", "client", 900, in_flight=1, p50_ms=0.99)])
    assert not slow["p50 of a lone writer"].met
    assert quick["p50 of a lone writer"].met


def test_the_best_batches_count():
    batches = [row("plait", "put_many", 90_000), row("plait", "transaction", 210_000)]
    assert judged(batches=batches)["batched commands"].met
    assert not judged(batches=batches[:1])["batched commands"].met


def test_fail_over_is_judged_by_itself_and_beside_each_etcd():
    rows = [
        {"system": "plait", "timers": "defaults", "median_ms": 450.0},
        {"system": "etcd", "timers": "defaults", "median_ms": 1_400.0},
        {"system": "etcd", "timers": "Plait's", "median_ms": 400.0},
    ]
    found = judged(failover=rows)
    assert found["fail-over"].met
    assert found["fail-over, etcd at defaults"].met
    assert not found["fail-over, etcd at Plait's"].met


def test_without_a_fail_over_of_ours_there_is_nothing_to_compare():
    rows = [{"system": "plait", "timers": "defaults", "failed": "no"}]
    assert (
        judged(failover=[*rows, {"system": "etcd", "timers": "defaults", "median_ms": 9.0}]) == {}
    )
