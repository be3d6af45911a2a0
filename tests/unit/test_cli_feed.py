"""`plait feed` and `plait create --keep-before`, on a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from plait.cli.main import cli


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(words))
    return done.exit_code, done.output


@pytest.fixture
def data(tmp_path: Path) -> str:
    folder = str(tmp_path / "data")
    assert run("create", "films", "--keep-before", "--data", folder)[0] == 0
    for value in ("1", '{"n":2}'):
        assert run("put", "films", "f1", value, "--data", folder)[0] == 0
    assert run("put", "films", "g1", "3", "--data", folder)[0] == 0
    return folder


def test_a_feed_fills_a_file_and_goes_on(data: str, tmp_path: Path) -> None:
    path = tmp_path / "films.jsonl"
    words = ("feed", "films", "--data", data, "--to", f"jsonl:{path}", "--group", "g")
    code, said = run(*words, "--from", "0.0", "--prefix", "f", "--limit", "2")
    assert (code, said) == (0, "2 changes delivered\n")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert (first["key"], first["value"], "before" in first) == ("f1", 1, False)
    assert (second["value"], second["before"], second["last"]) == ({"n": 2}, 1, True)
    assert run("put", "films", "f2", "x", "--data", data)[0] == 0
    assert run(*words, "--limit", "1")[0] == 0  # g1, which the group did not want before
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()][2:] == ["g1"]


@pytest.mark.parametrize(
    ("to", "what"), [("ftp://x", "a sink is jsonl:FILE"), ("nats://h:4222", "SUBJECT")]
)
def test_what_is_no_sink_is_refused(data: str, to: str, what: str) -> None:
    code, said = run("feed", "films", "--data", data, "--to", to, "--group", "g")
    assert code == 2
    assert said.startswith("error: ")
    assert what in said


def test_a_sink_with_a_password_need_not_stand_on_the_command_line(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAIT_FEED_TO", f"jsonl:{tmp_path / 'films.jsonl'}")
    words = ("feed", "films", "--data", data, "--group", "g", "--from", "0.0", "--limit", "3")
    assert run(*words)[0] == 0
    assert len((tmp_path / "films.jsonl").read_text().splitlines()) == 3
