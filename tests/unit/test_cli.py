"""The command line against a fake store: what is asked, what is printed, and the exit codes."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from plait.api.settings import Consensus, Leader
from plait.base.errors import (
    BadMachine,
    BadSettings,
    Busy,
    Conflict,
    Corrupt,
    NoSuchCollection,
    PlaitError,
    PromotionRefused,
    Unavailable,
    VersionMismatch,
)
from plait.cli.connecting import DEFAULT_URL, choose
from plait.cli.exits import DemoFailed, error_line, exit_code
from plait.cli.main import COMMANDS
from plait.cli.serve import machine_class
from plait.cli.values import parse_value, show_value
from tests.fakes_cli import FakeTable, Shell, fake_shell
from tests.machines import Bank

NODE = {
    "address": "127.0.0.1:7401", "uptime_s": 5.0, "memory_bytes": 50_000_000, "read_only": None,
    "tables": [{"name": "films", "line": "leader/majority", "acks": "majority"}],
}  # fmt: skip


def state(role: str, **more: object) -> dict[str, object]:
    return {
        "role": role, "epoch": "2.n2", "rule": "any:1", "rule_in_force": "any:1", "tail": 12,
        "committed": 11, "applied": 10, "lag": {"records": 3, "bytes": 1500, "seconds": 0.25},
        "rescued": 0,
    } | more  # fmt: skip


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with fake_shell(monkeypatch) as shell:
        shell.store.tables_by_name["films"] = FakeTable()
        shell.store.settings["films"] = Leader()
        yield shell


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Busy("full"), 1),
        (PromotionRefused("too few"), 1),
        (Corrupt("bad bytes"), 1),
        (VersionMismatch("other"), 1),
        (PlaitError("plain"), 1),
        (BadSettings("no"), 2),
        (NoSuchCollection("none"), 3),
        (Conflict("lost"), 4),
        (Unavailable("silence"), 5),
        (DemoFailed("lost"), 6),
    ],
)
def test_every_kind_of_error_has_its_exit_code_and_one_line(
    shell: Shell, error: PlaitError, code: int
) -> None:
    assert exit_code(error) == code
    shell.store.error = error
    result = shell.run("tables")
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {error.message}")
    assert result.stderr.count("\n") == 1


def test_an_error_line_stays_one_line_and_ends_with_advice() -> None:
    assert error_line(Busy("two\nlines")) == "error: two lines (wait a moment and try again)"
    assert "--accept-loss" in error_line(PromotionRefused("one of three answered"))


@pytest.mark.parametrize(
    "arguments", [("bogus",), ("get", "films"), ("get", "films", "k", "--read", "moon"), ()]
)
def test_wrong_usage_ends_with_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert shell.run(*arguments).exit_code == 2


def test_a_value_is_json_or_else_text() -> None:
    assert parse_value("1") == 1
    assert parse_value('"1"') == "1"
    assert parse_value("true") is True
    assert parse_value('{"a": [1, null]}') == {"a": [1, None]}
    assert parse_value("blue") == "blue"
    assert parse_value("00123") == "00123"
    assert parse_value("{broken") == "{broken"
    assert parse_value("1", plain=True) == "1"


def test_what_json_cannot_hold_is_printed_all_the_same() -> None:
    assert show_value({"a": b"\x00\x01"}) == '{"a":"AAE="}'
    assert show_value(float("nan")) == "null"
    assert show_value([msgspec.msgpack.Ext(5, b"x")]) == """["Ext(5, b'x')"]"""


def test_put_then_get_gives_the_value_as_json(shell: Shell) -> None:
    assert shell.run("put", "films", "f1", '{"year": 2026}', "--acks", "all").exit_code == 0
    assert shell.rows("films") == {"f1": {"year": 2026}}
    assert shell.store.tables_by_name["films"].acks == ["all"]
    assert shell.run("get", "films", "f1").stdout == '{"year":2026}\n'


def test_put_reads_standard_input_for_a_dash(shell: Shell) -> None:
    shell.run("put", "films", "f1", "-", stdin="[1, 2]")
    assert shell.rows("films")["f1"] == [1, 2]


def test_a_string_of_digits_is_told_from_a_number(shell: Shell) -> None:
    shell.run("put", "films", "zip", "01234", "--string")
    shell.run("put", "films", "n", "7")
    assert shell.run("get", "films", "zip").stdout == '"01234"\n'
    assert shell.run("get", "films", "zip", "--raw").stdout == "01234\n"
    assert shell.run("get", "films", "n").stdout == "7\n"


def test_a_missing_key_is_told_from_a_null_and_ends_with_3(shell: Shell) -> None:
    shell.run("put", "films", "null", "null")
    found, missing = shell.run("get", "films", "null"), shell.run("get", "films", "f9")
    assert (found.exit_code, found.stdout) == (0, "null\n")
    assert missing.exit_code == 3
    assert "'f9'" in missing.stderr


def test_a_read_asks_the_replica_and_lag_that_were_given(shell: Shell) -> None:
    shell.run("get", "films", "f1", "--read", "follower", "--max-lag", "0.5")
    assert shell.store.tables_by_name["films"].read_options == [("follower", 0.5)]


def test_scan_prints_rows_for_people_and_for_programs(shell: Shell) -> None:
    shell.store.tables_by_name["films"].rows = {"a": 1, "b": "x", "c": None}
    assert shell.run("scan", "films").stdout == 'a\t1\nb\t"x"\nc\tnull\n'
    assert shell.run("scan", "films", "--keys", "--limit", "2").stdout == "a\nb\n"
    assert shell.run("scan", "films", "--json", "--prefix", "b").stdout == (
        '{"key":"b","value":"x"}\n'
    )
    assert shell.run("count", "films").stdout == "3\n"


def test_delete_removes_and_drop_asks_first(shell: Shell) -> None:
    shell.run("put", "films", "f1", "1")
    assert shell.run("delete", "films", "f1").exit_code == 0
    assert shell.rows("films") == {}
    assert shell.run("drop", "films", stdin="n\n").exit_code == 130
    assert "films" in shell.store.tables_by_name
    assert shell.run("drop", "films", "--yes").exit_code == 0
    assert "films" not in shell.store.tables_by_name


def test_create_passes_the_settings_on_and_refuses_a_bad_rule(shell: Shell) -> None:
    assert shell.run("create", "audit", "--acks", "any:2", "--own-line").exit_code == 0
    assert shell.store.settings["audit"] == Leader(acks="any:2", line="own")
    assert shell.run("create", "other", "--acks", "most").exit_code == 2
    listed = msgspec.json.decode(shell.run("tables", "--json").stdout)
    assert [row["name"] for row in listed] == ["audit", "films"]


def test_a_consensus_table_is_created_and_listed_with_its_mode(shell: Shell) -> None:
    assert shell.run("create", "accounts", "--consensus").exit_code == 0
    assert shell.store.settings["accounts"] == Consensus()
    assert shell.run("create", "x", "--consensus", "--acks", "all").exit_code == 2
    assert shell.run("create", "x", "--consensus", "--degrade").exit_code == 2
    rows = msgspec.json.decode(shell.run("tables", "--json").stdout)
    assert {row["name"]: row["mode"] for row in rows} == {
        "accounts": "consensus", "films": "leader"
    }  # fmt: skip
    assert "consensus" in shell.run("tables").stdout


def test_a_machine_is_named_by_its_module_and_class() -> None:
    assert machine_class("tests.machines:Bank") is Bank
    for text, why in [
        ("tests.machines", "is not MODULE:CLASS"),
        ("tests.no_such:Bank", "No module named"),
        ("tests.machines:Shop", "has no attribute 'Shop'"),
        ("tests.machines:stamp", "no class derived from plait.StateMachine"),
    ]:
        with pytest.raises(BadMachine, match=why):
            machine_class(text)


def test_the_target_is_an_option_then_the_environment_then_the_default() -> None:
    both = {"PLAIT_URL": "plait://a", "PLAIT_DATA": "folder"}
    assert choose("plait://b", None, False, both, False).url == "plait://b"
    assert choose(None, Path("d"), False, both, False).data == Path("d")
    assert choose(None, None, False, both, False).url == "plait://a"
    assert choose(None, None, False, {"PLAIT_DATA": "folder"}, False).data == Path("folder")
    assert choose(None, None, True, {}, False).url == DEFAULT_URL
    with pytest.raises(BadSettings, match="exclude"):
        choose("plait://b", Path("d"), False, {}, False)


def test_reading_a_folder_that_does_not_exist_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLAIT_URL", raising=False)
    result = Shell().run("get", "films", "f1", "--data", str(tmp_path / "misspelt"))
    assert result.exit_code == 2
    assert not (tmp_path / "misspelt").exists()


def test_a_folder_keeps_what_was_put_into_it(tmp_path: Path) -> None:
    real, data = Shell(), ("--data", str(tmp_path / "data"))
    assert real.run("create", "films", *data).exit_code == 0
    assert real.run("put", "films", "f1", "[1]", *data).exit_code == 0
    assert real.run("get", "films", "f1", *data).stdout == "[1]\n"
    assert real.run("get", "nothing", "f1", *data).exit_code == 3


def test_status_shows_every_member_and_names_the_silent_one(shell: Shell) -> None:
    leader = state("leader", followers={"n1": {"state": "snapshot", "lag": {"records": 77}}})
    shell.store.status_answer = {
        "nodes": {
            "n1": {**NODE, "lines": {"leader/any:1": state("follower", rescued=2)}},
            "n2": {**NODE, "lines": {"leader/any:1": leader}},
            "n3": {"error": "connection refused"},
        }
    }
    page = shell.run("status").stdout
    row = next(line for line in page.splitlines() if "follower" in line)
    assert row.split()[:5] == ["n1", "follower", "snapshot", "2.n2", "12"]
    assert "77" in row
    assert row.rstrip().endswith("2")
    assert "does not answer: connection refused" in page
    assert "acks any:1" in page
    assert msgspec.json.decode(shell.run("status", "--json").stdout) == shell.store.status_answer


def test_status_says_when_a_rule_is_degraded(shell: Shell) -> None:
    lines = {"l": state("leader", rule_in_force="leader")}
    shell.store.status_answer = {"nodes": {"n1": {**NODE, "lines": lines}}}
    assert "DEGRADED to leader" in shell.run("status").stdout


def test_promote_and_switchover_ask_what_was_said(shell: Shell) -> None:
    result = shell.run("promote", "n2", "--line", "control", "--accept-loss", "--timeout", "3")
    assert result.stdout == "n2 leads control (two promised)\n"
    assert shell.run("promote").exit_code == 0
    assert shell.run("switchover", "n3").stdout == "n3 leads control\n"
    assert shell.store.asked == [
        ("promote", "n2", "control", True, 3.0),
        ("promote", None, None, False, 10.0),
        ("switch_over", "n3", None, 30.0),
    ]


def test_rescued_records_are_listed_shown_replayed_and_dropped(shell: Shell) -> None:
    shown = [{"position": 5, "offset": 0, "command": "put", "table": 1, "key": "k", "value": 1}]
    shell.store.rescued_answer = [
        {"node": "n1", "rescued": 4, "line": "l", "start": 5, "records": 3, "bytes": 9,
         "epoch": "1.n1", "cut_by": "2.n2", "shown": shown}
    ]  # fmt: skip
    assert "1.n1" in shell.run("rescued", "list").stdout
    page = shell.run("rescued", "show", "n1", "4").stdout
    assert "  5:0  put k = 1\n" in page
    assert "and 2 more" in page
    shell.store.replay_answer = {"applied": 2, "already": 1, "failed": []}
    assert shell.run("rescued", "replay", "n1", "4").stdout.startswith("2 applied, 1 were")
    failed = [{"line": "l", "index": 2, "code": "Conflict", "message": "changed"}]
    shell.store.replay_answer = {"applied": 2, "already": 0, "failed": failed}
    result = shell.run("rescued", "replay", "n1", "4")
    assert result.exit_code == 1
    assert "command 2: Conflict: changed" in result.stderr
    assert shell.run("rescued", "drop", "n1", "4", stdin="n\n").exit_code == 130
    assert shell.run("rescued", "drop", "n1", "4", "--yes").exit_code == 0
    assert [asked[0] for asked in shell.store.asked] == ["show", "replay", "replay", "drop"]


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_scripts_call_plait(kind: str) -> None:
    result = Shell().run("completion", kind)
    assert result.exit_code == 0
    assert "_PLAIT_COMPLETE" in result.stdout


def test_every_command_explains_itself() -> None:
    for name in COMMANDS:
        if name != "bench":
            assert Shell().run(name, "--help").exit_code == 0, name
