"""The scenario `graph`: its options, its pairs of replicas, its peers and its tables."""

import copy
import io

import pytest
from rich.console import Console

from plait.bench.graph import GraphOptions, changed_on_each_side, run
from plait.bench.graph_peers import KINDS, Loro, Pycrdt
from plait.bench.graph_plait import ROADS, SHAPES, Mutations, Pair, measure_edits
from plait.bench.report_graph import judge_graph, print_graph


def converged(system, shape, road, milliseconds, kilobytes):
    return {
        "system": system, "shape": shape, "road": road, "changed": 10_000,
        "seconds": milliseconds / 1e3, "bytes": kilobytes * 1_000, "content_bytes": 600_000,
    }  # fmt: skip


FIGURES = {
    "options": {"keys": 100_000, "diverged": [10_000], "edits": 1_000, "rounds": 3}
    | {"quick_run": True},
    "machine": {"cores": 2, "python": "3.11.0", "load": 0.5, "versions": {"loro": "1.0.0"}},
    "skipped": {},
    "mutations": [
        {"kind": "set remove", "system": system, "until": until, "per_s": per_s}
        for system, until, per_s in (
            ("plait", "in memory", 300_000.0),
            ("plait", "on disk", 290_000.0),
            ("pycrdt", "in memory", 200_000.0),
            ("loro", "in memory", 1_200_000.0),
        )
    ],
    "convergence": [
        converged("plait", "documents", "auto", 150, 160),
        converged("plait", "one map", "delta", 700, 230),
        converged("pycrdt", "", "delta", 24, 744),
        converged("loro", "", "delta", 180, 710),
        converged("loro", "", "state", 200, 920),
    ],
    "edits": [
        {"system": "plait", "together": 100, "wire": 5.5, "log": 34.7, "kept": 4.8},
        {"system": "pycrdt", "together": 100, "wire": 24.3, "kept": 13.2},
        {"system": "loro", "together": 100, "wire": 24.4, "kept": 3.0},
    ],
    "store": {
        "documents": 1_000_000, "build_us": 50.2, "disk_bytes": 180_000_000, "open_s": 0.03,
        "start_mib": 40.0, "open_mib": 44.0, "touched_mib": 52.0,
    },
}  # fmt: skip


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_graph(figures, console)
    return console.file.getvalue()


def test_every_figure_is_shown_whole_on_80_columns():
    text = printed(FIGURES)
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    for shown in ("300,000", "290,000", "1,200,000", "1.50x", "0.25x", "150", "0.27", "52 MiB"):
        assert shown in text


def test_a_quick_run_says_so():
    whole = copy.deepcopy(FIGURES)
    whole["options"]["quick_run"] = False
    assert "quick run" in printed(FIGURES)
    assert "quick run" not in printed(whole)


def test_aims_are_judged_against_each_peer_and_the_content():
    met = {one.what: one.met for one in judge_graph(FIGURES)}
    assert met == {
        "set remove, over pycrdt": True,
        "set remove, over loro": False,
        "10,000 changed: bytes, over the content": True,
        "10,000 changed: time, pycrdt": False,
        "10,000 changed: time, loro": True,
        "bytes an edit on the wire, 100 at a time": True,
        "bytes an edit kept, 100 at a time": False,
        "open, 1,000,000 documents": True,
        "memory that touching 1,000 adds": True,
    }


def test_a_healed_partition_shows_the_limit_of_its_link():
    line = next(line for line in printed(FIGURES).splitlines() if "(limit 1.28)" in line)
    assert "1.43" in line  # 160 kB at 1 Mbit/s, and 150 ms of work


def test_without_peers_there_are_tables_all_the_same():
    alone = copy.deepcopy(FIGURES)
    for name in ("mutations", "convergence", "edits"):
        alone[name] = [row for row in alone[name] if row["system"] == "plait"]
    assert "set remove" in printed(alone)
    assert all("loro" not in one.what for one in judge_graph(alone))


def test_both_sides_change_as_many_keys_and_all_if_there_are_no_more():
    (one, other), content = changed_on_each_side(50, 10, "x")
    assert len({number for number, _ in one}) == len({number for number, _ in other}) == 10
    assert one != other
    assert content == sum(len("key-0000000") + len(value) for _, value in one + other)
    (one, _), _ = changed_on_each_side(50, 70, "x")
    assert [number for number, _ in one] == list(range(50))


def test_an_unknown_peer_is_named(capsys):
    assert run(["--peers", "yjs"]) == 2
    assert "unknown peer 'yjs'" in capsys.readouterr().err


def test_a_quick_run_measures_less():
    whole, quick = GraphOptions(), GraphOptions().quick()
    assert quick.quick_run
    assert quick.documents < whole.documents
    assert quick.keys < whole.keys


@pytest.mark.parametrize("kind", KINDS)
async def test_plait_does_every_kind_of_operation(kind, tmp_path):
    in_memory, durable = await Mutations(tmp_path).mutate(kind, 50)
    assert 0 < in_memory <= durable


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_pair_converges_by_every_road(shape, monkeypatch):
    monkeypatch.setattr("plait.bench.graph_plait._SETTLED_S", 0.01)
    pair = Pair(shape)
    await pair.open("auto")
    await pair.fill(30)
    for road in ROADS:
        await pair.open(road)
        for side in (0, 1):
            await pair.edit(side, [(number, f"{side} by {road}") for number in range(5)])
        seconds, sent = await pair.converge()  # which checks that they are equal
        assert seconds > 0
        assert sent > 5 * len("key-0000000")
    await pair.close()


async def test_edits_are_counted_on_the_wire_in_the_log_and_as_they_are_kept():
    wire, log, kept = await measure_edits(200, 100)
    assert 0 < kept < log
    assert wire > 0


@pytest.mark.parametrize("peer", [Pycrdt(), Loro()], ids=lambda peer: peer.name)
def test_peers_do_the_same(peer):
    assert all(peer.mutate(kind, 20) > 0 for kind in KINDS)
    pair = peer.pair(30)
    for side in (0, 1):
        pair.edit(side, [(number, f"by {side}") for number in range(5)])
    seconds, sent = pair.converge(whole=False)  # which checks that they are equal
    assert seconds > 0
    assert sent > 5 * len("key-0000000")
    told, saved = peer.edits(200, 100)
    assert 0 < saved < told
