import json
import re

import pytest
from click.testing import CliRunner

from plait.cli.main import cli

GOOD = """\
{"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 1}
{"process": 0, "type": "ok", "f": "write", "key": "x", "value": 1}
{"process": 1, "type": "invoke", "f": "read", "key": "x"}
{"process": 1, "type": "ok", "f": "read", "key": "x", "value": 1}
"""
BAD = (
    GOOD
    + """\
{"process": 2, "type": "invoke", "f": "read", "key": "x"}
{"process": 2, "type": "ok", "f": "read", "key": "x", "value": 2}
"""
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in (("good", GOOD), ("bad", BAD), ("cut", GOOD[:-9])):
        (tmp_path / name).write_text(text)
    return lambda *arguments: CliRunner().invoke(cli, ["check", *arguments])


def test_the_exit_code_is_the_verdict(run):
    assert run("good").exit_code == 0
    assert run("bad").exit_code == 1
    assert run("cut").exit_code == 3
    assert run("none").exit_code == 3
    assert run(".").exit_code == 3


@pytest.mark.parametrize(
    "arguments",
    [[], ["--bogus", "good"], ["--model", "quux", "good"], ["--time-limit", "x", "good"]],
)
def test_a_usage_error_cannot_be_taken_for_a_verdict(run, arguments):
    assert run(*arguments).exit_code == 3


def test_the_worst_of_several_files_decides_and_a_violation_is_the_worst(run):
    assert run("good", "good").exit_code == 0
    assert run("good", "cut").exit_code == 3
    result = run("good", "bad", "cut")
    assert result.exit_code == 1
    table = result.stdout.splitlines()
    assert [line.split()[0] for line in table[1:4]] == ["good", "bad", "cut"]
    assert "NOT linearizable" in table[2]
    assert "unreadable" in table[3]
    assert "cut:4" in result.stderr


def test_unknown_is_a_code_of_its_own(run, tmp_path):
    begin = {"process": 90, "type": "invoke", "f": "read"}
    end = {"process": 90, "type": "ok", "f": "read"}
    events = [begin, end | {"value": {"a": 2**30}}]
    events += [
        {"process": p, "type": "invoke", "f": "transfer", "value": ["a", "b", 2**p]}
        for p in range(24)
    ]
    events += [begin, end | {"value": {"a": 2**30 - 0.5, "b": 0.5}}]
    (tmp_path / "hard").write_text("\n".join(map(json.dumps, events)))
    result = run("hard", "--time-limit", "0.1")
    assert result.exit_code == 2
    assert result.stdout.startswith("unknown: the time limit")


def test_an_unreadable_file_is_named_with_line_and_advice_on_stderr(run):
    result = run("cut")
    assert result.stdout == ""
    assert result.stderr.startswith("error: cut:4: not JSON")
    assert "cut off" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_json_says_everything_that_the_text_says(run):
    data = json.loads(run("bad", "--json").stdout)
    assert data["linearizable"] is False
    assert data["counterexample"]["part"] == 'key "x"'
    assert [o["line"] for o in data["counterexample"]["operations"]] == [5]
    both = json.loads(run("good", "cut", "--json").stdout)
    assert both[0]["linearizable"] is True
    assert both[1]["line"] == 4


def test_the_html_page_needs_nothing_else_and_escapes_what_it_shows(run, tmp_path):
    (tmp_path / "bad").write_text(BAD.replace('"value": 2', '"value": "<script>&"'))
    assert run("bad", "good", "--html", "page.html").exit_code == 1
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "prefers-color-scheme: dark" in page
    assert "&lt;script&gt;&amp;" in page
    assert "<script" not in page
    assert not re.search(r"(src|href)=|url\(|@import|https?://", page)
    assert run("good", "--html", "none/page.html").exit_code == 3


def test_sessions_and_final_rows_are_judged_on_request(run, tmp_path):
    assert run("good", "--sessions").exit_code == 0
    (tmp_path / "rows").write_text('{"key": "x", "value": 1}\n')
    assert run("good", "--final", "rows").exit_code == 0
    (tmp_path / "rows").write_text("")
    result = run("good", "--final", "rows")
    assert result.exit_code == 1
    assert "lost: key 'x': [0] write 1" in result.stdout
    assert run("good", "--final", "none").exit_code == 3
    stale = GOOD + GOOD.replace('"value": 1', '"value": 7').replace(
        '"f": "read", "key": "x", "value": 7', '"f": "read", "key": "x", "value": 1'
    ).replace('"process": 1', '"process": 0')
    (tmp_path / "stale").write_text(stale)
    result = run("stale", "--sessions")
    assert result.exit_code == 1
    assert "read your writes" in result.stdout
