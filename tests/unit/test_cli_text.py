import gzip
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from plait.cli import text as command
from plait.cli.main import cli
from plait.types.text.storage import load

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

TRACE = {
    "startContent": "",
    "endContent": "héllo\n",
    "txns": [{"patches": [[0, 0, "hallo\n"]]}, {"patches": [[1, 1, "é"]]}],
}
GRAPH = {
    "txns": [
        {"span": [0, 1], "parents": [], "agent": "b", "seqStart": 0, "ops": [[0, 0, "b"]]},
        {"span": [1, 2], "parents": [], "agent": "a", "seqStart": 0, "ops": [[0, 0, "a"]]},
    ],
    "endContent": "ab",
}
MISFIT = {
    "endContent": "",
    "txns": [
        {"agent": 0, "parents": [], "patches": [[0, 0, "a"]]},
        {"agent": 1, "parents": [], "patches": [[1, 0, "b"]]},
    ],
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trace = json.dumps(TRACE).encode()
    wrong = json.dumps(TRACE | {"endContent": "hello\n"}).encode()
    graph = json.dumps(GRAPH).encode()
    files = {
        "good": trace,
        "packed": gzip.compress(trace),
        "wrong": wrong,
        "lines": graph + b"\n" + wrong + b"\n" + trace + b"\n",
        "endless": json.dumps(TRACE | {"endContent": None}).encode(),
        "cut": trace[:-3],
        "misfit": json.dumps(MISFIT).encode(),
        "misfits": graph + b"\n" + json.dumps(MISFIT).encode(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(cli, ["text", *arguments], input=stdin, prog_name="plait")

    return invoke


def test_replay_prints_the_text_to_the_character(run):
    for name in ("good", "packed"):
        result = run("replay", name)
        assert result.exit_code == 0
        assert result.stdout_bytes == "héllo\n".encode()
        assert result.stderr == ""


def test_replay_reads_standard_input(run, tmp_path):
    result = run("replay", "-", stdin=(tmp_path / "packed").read_bytes())
    assert result.stdout == "héllo\n"
    assert run("replay", "-", stdin=b"{").stderr.startswith("error: standard input: not JSON")


def test_of_several_documents_each_text_is_a_json_string_on_its_line(run):
    lines = run("replay", "lines").stdout.splitlines()
    assert [json.loads(line) for line in lines] == ["ab", "héllo\n", "héllo\n"]


def test_stats_are_one_json_object_instead_of_the_text(run):
    found = json.loads(run("replay", "good", "--stats").stdout)
    assert list(found) == ["events", "runs", "bytes", "seconds"]
    assert (found["events"], found["runs"]) == (8, 3)
    assert found["bytes"] > 6
    assert found["seconds"] >= 0


def test_stats_of_several_documents_are_sums(run, tmp_path):
    one = json.loads(run("replay", "good", "--stats").stdout)
    (tmp_path / "twice").write_bytes((tmp_path / "good").read_bytes() + b"\n" * 2 +
                                     (tmp_path / "good").read_bytes())  # fmt: skip
    both = json.loads(run("replay", "twice", "--stats").stdout)
    assert both["documents"] == 2
    assert both["bytes"] == 2 * one["bytes"]
    assert both["events"] == 2 * one["events"]


def test_bytes_are_those_of_the_saved_document(run, tmp_path):
    found = json.loads(run("replay", "good", "--stats", "--save", "out").stdout)
    assert found["bytes"] == (tmp_path / "out").stat().st_size


def test_check_counts_and_ends_with_1_if_a_text_differs(run):
    result = run("replay", "good", "--check")
    assert (result.exit_code, result.stdout) == (0, "1 equal, 0 different\n")
    result = run("replay", "wrong", "--check")
    assert (result.exit_code, result.stdout) == (1, "0 equal, 1 different\n")
    assert "the first difference is at 1" in result.stderr
    result = run("replay", "lines", "--check")
    assert (result.exit_code, result.stdout) == (1, "2 equal, 1 different\n")
    assert result.stderr.startswith("document 2: ")


def test_check_and_stats_print_a_line_each(run):
    result = run("replay", "lines", "--check", "--stats")
    stats, verdict = result.stdout.splitlines()
    assert json.loads(stats)["documents"] == 3
    assert verdict == "2 equal, 1 different"
    assert result.exit_code == 1


def test_a_text_that_is_a_beginning_of_what_it_should_be_is_different(run, tmp_path):
    (tmp_path / "short").write_text(json.dumps(TRACE | {"endContent": "héllo\n!"}))
    result = run("replay", "short", "--check")
    assert result.exit_code == 1
    assert 'at 6: "", not "!"' in result.stderr


def test_a_saved_document_is_read_by_cat_and_has_its_history(run, tmp_path):
    assert run("replay", "good", "--save", "out").stdout == "héllo\n"
    assert run("cat", "out").stdout_bytes == "héllo\n".encode()
    assert run("cat", "-", stdin=(tmp_path / "out").read_bytes()).stdout == "héllo\n"
    state = load((tmp_path / "out").read_bytes())
    state.thaw()
    assert state.end - state.graph.first == 8


def test_save_replaces_a_file_whole_and_leaves_nothing_beside_it(run, tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    before = set(os.listdir(tmp_path))
    assert run("replay", "good", "--save", "out").exit_code == 0
    assert set(os.listdir(tmp_path)) == before
    assert run("cat", "out").stdout == "héllo\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in the file system")
def test_save_to_a_pipe_writes_into_it_and_does_not_replace_it(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("replay", "good", "--save", "pipe").exit_code == 0
        assert load(os.read(reader, 65536)).text() == "héllo\n"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_save_that_cannot_be_written_is_one_line_and_code_1(run):
    result = run("replay", "good", "--save", "none/out")
    assert result.exit_code == 1
    assert "cannot be written" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "none"], "does not exist"),
        (["replay", "."], "is a directory"),
        (["replay"], "Missing argument"),
        (["replay", "cut"], "cut: not JSON"),
        (["replay", "misfit"], "misfit: transaction 1: position 1 of"),
        (["replay", "misfits"], "misfits: document 2: transaction 1: position 1 of"),
        (["replay", "endless", "--check"], "no endContent"),
        (["replay", "lines", "--save", "out"], "--save takes one document"),
        (["cat", "none"], "does not exist"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_code_2(run, arguments, words):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_damaged_bytes_are_no_text(run, tmp_path):
    run("replay", "good", "--save", "out")
    saved = (tmp_path / "out").read_bytes()
    for damaged in (b"", b"hello", saved[:-1], saved[: len(saved) // 2]):
        (tmp_path / "bad").write_bytes(damaged)
        result = run("cat", "bad")
        assert result.exit_code == 1
        assert result.stdout == ""
        assert result.stderr.startswith("error: bad: ")
        assert len(result.stderr.splitlines()) == 1


def test_a_file_is_read_no_further_than_the_limit(run, monkeypatch):
    monkeypatch.setattr(command, "UNPACKED_BYTES_MAX", 10)
    result = run("replay", "good")
    assert result.exit_code == 2
    assert "good: longer than 10 bytes" in result.stderr


def test_too_little_memory_is_an_error_like_others(run, monkeypatch):
    def exhausted(data, bytes_max):
        raise MemoryError

    monkeypatch.setattr(command, "parse_traces", exhausted)
    result = run("replay", "good")
    assert result.exit_code == 1
    assert "not enough memory" in result.stderr


def test_a_terminal_gets_a_line_end_and_a_pipe_the_text_alone(run, monkeypatch, tmp_path):
    (tmp_path / "open").write_text('{"txns": [{"patches": [[0, 0, "no end"]]}]}')
    assert run("replay", "open").stdout == "no end"
    terminal = SimpleNamespace(isatty=lambda: True)
    world = SimpleNamespace(stdout=terminal, stderr=sys.stderr, exit=sys.exit)
    monkeypatch.setattr(command, "sys", world)
    assert run("replay", "open").stdout == "no end\n"


@pytest.mark.skipif(
    not DATA.is_dir(), reason="SKIPPED: the recorded histories are not beside the project"
)
@pytest.mark.parametrize(
    ("file", "verdict"),
    [
        ("text-conformance/event-graphs-100.jsonl.gz", "100 equal, 0 different\n"),
        ("editing-traces/concurrent/friendsforever.json.gz", "1 equal, 0 different\n"),
        ("editing-traces/sequential/rustcode.json.gz", "1 equal, 0 different\n"),
        ("editing-traces/sequential/seph-blog1.json.gz", "1 equal, 0 different\n"),
    ],
)
def test_recorded_histories_give_their_texts(run, file, verdict):
    result = run("replay", str(DATA / file), "--check")
    assert (result.exit_code, result.stdout) == (0, verdict)
