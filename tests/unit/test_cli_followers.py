"""`plait follower`, `tables --dropped` and `export --from`: what is asked and what is said."""

from collections.abc import Iterator

import pytest

from plait.base.errors import BadSettings
from plait.cli import followers as cli_followers
from plait.cli.followers import duration_s
from tests.fakes_cli import Shell, fake_shell

DELAYED = {
    "node": "n3", "delay_s": 14400.0, "hold": None, "waiting_entries": 6, "behind_s": 14.8,
    "state_time_ms": 1_700_000_000_000, "leads_anyway": False,
}  # fmt: skip


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    monkeypatch.setattr(cli_followers, "ADOPTION_S", 0.0)
    with fake_shell(monkeypatch) as shell:
        state = {"applied": 8, "delayed": DELAYED}
        settings = {"node": "n3", "delay_s": 14400.0, "hold": None}
        shell.store.status_answer = {
            "nodes": {
                "n1": {"lines": {"consensus": {"applied": 14}}, "follower": None},
                "n2": {"error": "silent"},
                "n3": {"lines": {"consensus": state}, "follower": settings},
            }
        }
        yield shell


@pytest.mark.parametrize(
    ("text", "expected_s"), [("0", 0), ("90", 90), ("1.5s", 1.5), ("15m", 900), ("4h", 14400),
                             ("1d", 86400)],
)  # fmt: skip
def test_a_duration_has_a_unit_or_is_seconds(text: str, expected_s: float) -> None:
    assert duration_s(text) == expected_s


@pytest.mark.parametrize("text", ["", "h", "-1", "4 hours", "1h30m", "inf"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadSettings):
        duration_s(text)


def test_a_delay_is_asked_for_in_seconds_and_where_the_node_stands_is_said(shell: Shell) -> None:
    result = shell.run("follower", "n3", "--delay", "4h")
    assert shell.store.asked == [("set_follower", "n3", 14400.0, None, False, None)]
    said, heading, line = result.stdout.splitlines()
    assert said == "n3 applies everything 4 h 0 min later"
    assert heading.split() == ["line", "applied", "as", "of", "waiting", "behind"]
    assert line.split()[:2] == ["consensus", "8"]
    assert line.split()[3:] == ["6", "14.80", "s"]


def test_without_options_nothing_is_set(shell: Shell) -> None:
    assert shell.run("follower", "n1").stdout == "n1 applies everything at once\n"
    assert shell.store.asked == []


def test_a_follower_is_stopped_goes_on_and_loses_its_vote(shell: Shell) -> None:
    shell.run("follower", "n3", "--hold", "consensus:12")
    shell.run("follower", "n3", "--go")
    shell.run("follower", "n3", "--no-vote")
    assert shell.store.asked == [
        ("set_follower", "n3", None, "consensus:12", False, None),
        ("set_follower", "n3", None, None, True, None),
        ("set_follower", "n3", None, None, False, False),
    ]


def test_a_node_that_is_none_or_silent_is_named(shell: Shell) -> None:
    assert "'n9' is no node" in shell.run("follower", "n9").stderr
    assert "n2 does not answer: silent" in shell.run("follower", "n2").stderr


def test_the_status_page_says_what_is_held_back(shell: Shell) -> None:
    page = shell.run("status").stdout
    assert "n3 is delayed by 4 h 0 min: 6 entries wait, 14.80 s behind" in page
    leading = DELAYED | {"leads_anyway": True}
    shell.store.status_answer["nodes"]["n3"]["lines"]["consensus"]["delayed"] = leading
    assert "leads since nobody else can" in shell.run("status").stdout


def test_dropped_tables_are_listed_with_where_their_rows_went(shell: Shell) -> None:
    assert "no table was dropped" in shell.run("tables", "--dropped").stderr
    shell.store.dropped_answer = [
        {"name": "people", "table": 1, "line": "consensus", "cleared_at": 12, "time_ms": 1},
        {"name": "older", "table": 2, "line": "own/older", "cleared_at": None, "time_ms": 2},
    ]
    rows = [line.split() for line in shell.run("tables", "--dropped").stdout.splitlines()]
    assert rows[1][0] == "people"
    assert rows[1][-1] == "consensus:12"
    assert rows[2][-1] == "own/older"


def test_a_dropped_table_is_exported_from_a_node_that_is_named(shell: Shell) -> None:
    result = shell.run("export", "--table", "people", "--dropped")
    assert result.exit_code
    assert "--from" in result.stderr
    shell.store.members_answer = [{"name": "n1", "address": "h:1"}]
    assert "'n9' is no node" in shell.run("export", "--table", "t", "--from", "n9").stderr


def test_a_source_is_asked_for_and_said(shell: Shell) -> None:
    nodes = shell.store.status_answer["nodes"]
    nodes["n1"]["source"] = {"node": "n3", "lines": ["consensus"]}
    result = shell.run("follower", "n1", "--source", "n3")
    assert shell.store.asked == [("set_follower", "n1", None, None, False, None, "n3")]
    assert result.stdout == "n1 applies everything at once; it takes what comes from n3\n"


def test_a_source_that_feeds_nothing_is_told(shell: Shell) -> None:
    shell.store.status_answer["nodes"]["n1"]["source"] = {"node": "n3", "lines": []}
    assert "which feeds it nothing now" in shell.run("follower", "n1").stdout


def test_chosen_collections_are_asked_for_and_said(shell: Shell) -> None:
    shell.store.status_answer["nodes"]["n1"]["only"] = ["orders", "people"]
    result = shell.run("follower", "n1", "--collections", "people, orders")
    asked = ("set_follower", "n1", None, None, False, None, ["people", "orders"])
    assert shell.store.asked == [asked]
    assert result.stdout.splitlines()[1:] == ["of all collections it follows orders, people only"]
