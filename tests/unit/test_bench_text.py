"""The scenario `text`: its traces, its peers, what it checks, its tables and aims."""

import copy
import gzip
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from plait.bench.report_text import judge_text, print_text
from plait.bench.text import TextOptions, choose_traces, run
from plait.bench.text_authors import author, unseen
from plait.bench.text_kept import Kept
from plait.bench.text_live import LATE, live, script
from plait.bench.text_offsets import ByteOffsets, in_bytes
from plait.bench.text_plait import PlaitArrival
from plait.bench.text_sequential import native
from plait.bench.text_synthetic import synthetic_concurrent, synthetic_sequential
from plait.bench.text_systems import system
from plait.bench.text_timing import WrongText, check_text
from plait.bench.text_traces import CONCURRENT, SEQUENTIAL, Trace, Transaction, parse_trace
from plait.bench.text_worker import MEASURES, Job, measure

TRACES = Path(__file__).resolve().parents[3] / "shared" / "data" / "editing-traces"

needs_traces = pytest.mark.skipif(
    not TRACES.is_dir(), reason="SKIPPED: the editing traces are not beside the project"
)

TYPED = {"replay_s": 0.1, "wire_s": 0.3, "update_bytes": 10.0, "apply_s": 0.5}
MERGED = {"empty_first_s": 0.02, "empty_s": 0.01, "stale_first_s": 0.02, "stale_s": 0.01}
KEPT = {"full_bytes": 120_000, "stable_bytes": 60_000}
OPENED = {"open_first_s": 0.002, "open_s": 0.0009, "edit_first_s": 0.003, "edit_s": 0.002}
MEMORY = {"opened_mib": 0.5, "edited_mib": 0.6}
PLAIT = {**TYPED, **MERGED, **KEPT, **OPENED, **MEMORY}

FIGURES = {
    "options": {"rounds": 3, "quick_run": True},
    "machine": {"cores": 2, "python": "3.11.0", "load": 0.5, "versions": {"loro": "1.0.0"}},
    "skipped": {},
    "failed": [],
    "traces": [
        {
            "trace": "automerge-paper", "kind": "sequential",
            "edits": 259_778, "characters": 104_852,
            "systems": {
                "plait": PLAIT,
                "pycrdt": {name: value * 12 for name, value in PLAIT.items()},
                "loro": {name: value * 2 for name, value in PLAIT.items()},
            },
        },
        {
            "trace": "friendsforever", "kind": "concurrent",
            "edits": 26_078, "characters": 21_362,
            "systems": {
                "plait": {"own_order": 0, "arrive_s": 0.3, "whole_first_s": 0.2, "whole_s": 0.1},
                "pycrdt": {"own_order": 1, "arrive_s": 0.08, "whole_first_s": 0.2, "whole_s": 0.1},
                "loro": {"own_order": 0, "arrive_s": 1.4, "whole_first_s": 0.2, "whole_s": 0.05},
            },
        },
    ],
    "live": {
        "plait": {"edits": 72_000, "session_s": 3600.0, "edit_us": 20.0}
        | {"first_us": 10.0, "last_us": 30.0},
        "loro": {"edits": 7_200, "session_s": 360.0, "edit_us": 9_000.0}
        | {"first_us": 900.0, "last_us": 20_000.0},
    },
}  # fmt: skip


def printed(figures):
    console = Console(file=io.StringIO(), width=80)
    print_text(figures, console)
    return console.file.getvalue()


def aims(figures):
    return {one.what: one.met for one in judge_text(figures)}


# ------------------------------------------------------------------------------- the report


def test_every_figure_of_a_text_is_shown_whole_on_80_columns():
    shown = printed(FIGURES)
    assert "…" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    for part in ("259,778 edits", "2.00x", "0.27x", "120", "loro was stopped after 6 minutes"):
        assert part in shown
    assert "pycrdt orders some of what was typed at one place differently" in " ".join(
        shown.split()
    )


def test_aims_of_a_text_are_judged_against_the_peer_that_each_names():
    met = aims(FIGURES)
    assert met["automerge-paper: local edits, loro"]
    assert met["automerge-paper: local edits, pycrdt"]  # 12 times, of 10
    assert not met["automerge-paper: and an update for each, loro"]  # 2 times, of 3
    assert met["automerge-paper: open to text"]
    assert not met["automerge-paper: kept, with history, known"]
    assert met["automerge-paper: kept, without, known"]
    assert met["friendsforever: events one by one, loro"]
    assert not met["friendsforever: events one by one, pycrdt"]
    assert not met["friendsforever: all at once, loro"]
    assert met["live: an edit"]
    assert not met["live: last tenth over first"]


def test_what_plait_failed_at_is_told_and_not_judged():
    broken = copy.deepcopy(FIGURES)
    for name in ("wire_s", "update_bytes", "apply_s"):
        del broken["traces"][0]["systems"]["plait"][name]
    broken["failed"] = ["automerge-paper wire plait: WrongText: 3 characters, not [4]"]
    assert not any("an update" in what for what in aims(broken))
    assert "FAILED automerge-paper wire plait" in printed(broken)


def test_a_text_report_without_peers_has_no_ratios():
    alone = copy.deepcopy(FIGURES)
    for row in alone["traces"]:
        row["systems"] = {"plait": row["systems"]["plait"]}
    del alone["live"]["loro"]
    assert "x " not in printed(alone).split("plait is:")[0].split("plait is", 1)[1]
    assert all("loro" not in what for what in aims(alone))


# ------------------------------------------------------------------------------- traces


def test_a_trace_starts_with_its_start_content():
    data = json.dumps(
        {"startContent": "ab", "endContent": "xb", "txns": [{"patches": [[0, 1, "x"]]}]}
    )
    trace = parse_trace(data.encode())
    assert trace.kind == SEQUENTIAL
    assert trace.edits() == [(0, 0, "ab"), (0, 1, "x")]


def test_traces_are_chosen_by_name_and_absent_ones_named(tmp_path):
    for kind, name in ((SEQUENTIAL, "one"), (CONCURRENT, "two")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.json.gz").write_bytes(gzip.compress(b"{}"))
    folder = str(tmp_path)
    assert list(choose_traces(folder, None, quick=False)) == ["one", "two"]
    assert list(choose_traces(folder, None, quick=True)) == ["one", "two"]
    assert list(choose_traces(folder, ["synthetic-concurrent"], quick=False)) == [
        "synthetic-concurrent"
    ]
    with pytest.raises(LookupError, match="no trace 'three'"):
        choose_traces(folder, ["three"], quick=False)


def test_without_recorded_traces_the_synthetic_ones_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("plait.bench.text.TRACES", tmp_path / "absent")
    assert set(choose_traces(None, None, quick=True)) == {
        "synthetic-sequential", "synthetic-concurrent",
    }  # fmt: skip


def test_a_folder_without_traces_is_a_clear_error(tmp_path, capsys):
    assert run(["--traces", str(tmp_path)]) == 2
    assert "holds no traces" in capsys.readouterr().err
    assert run(["--peers", "yjs"]) == 2
    assert "unknown peer 'yjs'" in capsys.readouterr().err


def test_a_quick_run_of_texts_measures_less():
    whole = TextOptions({})
    quick = whole.quick()
    assert quick.quick_run
    assert quick.rounds < whole.rounds
    assert quick.live_edits < whole.live_edits


@needs_traces
def test_the_recorded_traces_are_found():
    found = choose_traces(str(TRACES), None, quick=True)
    assert list(found) == ["sveltecomponent", "friendsforever"]


# ------------------------------------------------------------------------------- positions


def test_positions_are_told_in_bytes():
    edits = [(0, 0, "aé数b"), (2, 1, "x"), (1, 2, ""), (2, 0, "é")]
    assert in_bytes(edits) == [(0, 0, "aé数b"), (3, 3, "x"), (1, 3, ""), (2, 0, "é")]


def test_a_long_text_is_told_in_bytes_as_a_plain_one():
    plain, offsets = "", ByteOffsets()
    for position, deleted, inserted in synthetic_sequential(8_000).edits():
        gone = plain[position : position + deleted]
        expected = (len(plain[:position].encode()), len(gone.encode()), inserted)
        assert offsets.edit(position, deleted, inserted) == expected
        plain = plain[:position] + inserted + plain[position + deleted :]
    assert offsets.text() == plain
    assert len(plain) > 5_000  # several chunks
    with pytest.raises(IndexError):
        offsets.edit(len(plain), 1, "")


# ------------------------------------------------------------------------------- checks


def test_a_wrong_text_is_an_error_that_shows_where():
    check_text("same", "same")
    with pytest.raises(WrongText, match="at 2 'abX', not 'abc'"):
        check_text("abX", "abc")
    with pytest.raises(WrongText, match="4 characters, not 3"):
        check_text("abcd", "abc")


def test_a_replica_is_told_what_it_has_not_seen_and_no_more():
    parents = [[], [0], [0], [1, 2], [2]]
    assert unseen(parents, [3], 3) == []
    assert unseen(parents, [3], 1) == [2, 3]
    assert unseen(parents, [2], -1) == [0, 2]
    assert unseen(parents, [3, 4], 0) == [1, 2, 3, 4]
    assert unseen(parents, [4], 1) is None
    assert unseen(parents, [], 0) is None


def test_a_live_script_begins_as_a_longer_one():
    short, long = script(200), script(300)
    assert long.steps[:200] == short.steps
    mine, yours = zip(*long.steps, strict=True)
    assert mine[0] == (0, 0, mine[0][2])
    assert yours[LATE - 1][0] < LATE + 1  # as if the other had not typed yet


# ------------------------------------------------------------------------------- systems


@pytest.fixture(params=["plait", "pycrdt", "loro"])
def library(request):
    if request.param != "plait":
        pytest.importorskip(request.param)
    return system(request.param)


def test_every_sequential_measure_has_figures(library, tmp_path):
    trace, kept = synthetic_sequential(300), Kept(tmp_path)
    figures = {}
    for work in list(MEASURES.values())[:8]:
        figures |= work(library, trace, kept)
    assert set(figures) == set(PLAIT)
    assert all(value > 0 for name, value in figures.items() if not name.endswith("_mib"))


def test_a_worker_opens_what_was_prepared_without_the_trace(library, tmp_path):
    trace = synthetic_sequential(300)
    MEASURES["prepare"](library, trace, Kept(tmp_path))
    job = Job(library.name, "open text", trace="not read", folder=str(tmp_path))
    assert measure(job)["open_s"] > 0


def test_every_concurrent_measure_has_figures(library, tmp_path):
    trace, kept = synthetic_concurrent(300), Kept(tmp_path)
    figures = {}
    for name in ("prepare graph", "arrive", "whole graph"):
        figures |= MEASURES[name](library, trace, kept)
    assert figures.pop("own_order") == 0
    assert set(figures) == {"arrive_s", "whole_first_s", "whole_s"}
    assert all(value > 0 for value in figures.values())


def test_live_editing_ends_with_the_same_text_and_stops_at_its_limit(library):
    figures = live(library, 200, limit_s=60.0)
    assert figures["edits"] == 400
    assert figures["first_us"] > 0
    assert live(library, 400, limit_s=1e-9)["edits"] == 100  # it looks at the clock in between


def test_a_wrong_end_fails_the_measure(library, tmp_path):
    trace = synthetic_sequential(50)
    wrong = Trace(trace.kind, trace.transactions, trace.end + "?")
    with pytest.raises(WrongText):
        MEASURES["replay"](library, wrong, Kept(tmp_path))


@pytest.mark.parametrize("peer", ["pycrdt", "loro"])
def test_an_author_at_two_places_at_once_has_two_replicas(peer):
    pytest.importorskip(peer)
    trace = Trace(
        CONCURRENT,
        [
            Transaction([(0, 0, "é\n")]),
            Transaction([(0, 0, "a")], parents=[0]),
            Transaction([(2, 0, "b")], parents=[0]),
            Transaction([(1, 1, "")], parents=[1, 2]),
        ],
        "a\nb",
    )
    assert author(system(peer), trace).text == trace.end


def test_a_byte_counting_library_gets_its_positions_in_bytes():
    pytest.importorskip("pycrdt")
    trace = synthetic_sequential(400)
    text = system("pycrdt").new()
    text.type(native(system("pycrdt"), trace))
    assert not trace.ascii()
    assert text.text() == trace.end


def test_a_transaction_that_does_nothing_is_passed_over_in_the_graph_of_events():
    trace = Trace(
        CONCURRENT,
        [
            Transaction([(0, 0, "ab")], 0, []),
            Transaction([(0, 0, "")], 1, [0]),
            Transaction([(1, 1, "cd")], 0, [1]),
        ],
        "acd",
    )
    assert PlaitArrival(trace).events == [
        (0, 1, [0, "ab"], ()),
        (0, 3, [1, 1, 1, "cd"], (1,)),
    ]
