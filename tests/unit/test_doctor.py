"""`plait doctor`: trials of disks, nodes compared with each other, and what a loss would do."""

from pathlib import Path
from typing import Any

import msgspec

import plait
from plait import Consensus
from plait.cli.doctor_cluster import differences, losses
from plait.host.disk_trial import DiskTrial, mount_of, try_disk
from plait.node.disk_findings import disk_findings
from tests.fakes_cli import Shell

GOOD = DiskTrial("ext4", frozenset({"rw"}), 0.001, 0.002, 300e6)


def found(**changed: Any) -> list[str]:
    return [each["severity"] for each in disk_findings("n1", GOOD._replace(**changed))]


def test_a_good_disk_is_nothing_to_talk_about() -> None:
    assert found() == []


def test_a_disk_that_cannot_keep_what_it_confirms_must_be_put_right() -> None:
    assert found(kind="tmpfs", sync_s=1e-6) == ["refuse"]
    assert found(options=frozenset({"rw", "barrier=0"})) == ["refuse"]


def test_a_disk_that_is_slow_or_suspiciously_quick_is_warned_of() -> None:
    assert found(sync_s=5e-6) == ["warn"]
    assert found(sync_s=0.05) == ["warn"]
    assert found(sync_s_max=2.0) == ["warn"]
    assert found(bytes_per_s=1e6) == ["warn"]
    assert found(kind="nfs4") == ["warn"]


def test_a_trial_measures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    trial = try_disk(tmp_path)
    assert trial is not None
    assert 0 < trial.sync_s <= trial.sync_s_max
    assert trial.bytes_per_s > 0
    assert list(tmp_path.iterdir()) == []
    assert try_disk(tmp_path / "absent") is None


def test_the_innermost_mount_tells_what_a_folder_is_on(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw,relatime - ext4 /dev/sda rw,barrier=0\n"
        "2 1 0:5 / /var/my\\040data rw shared:1 - tmpfs tmpfs rw,size=4k\n"
    )
    assert mount_of(Path("/var/other"), mounts) == (
        "ext4",
        frozenset({"rw", "relatime", "barrier=0"}),
    )
    assert mount_of(Path("/var/my data/x"), mounts)[0] == "tmpfs"
    assert mount_of(tmp_path, tmp_path / "absent") == ("", frozenset())


# --------------------------------------------------------------------------------- nodes


def node(leads: tuple[str, ...] = (), **changed: Any) -> dict[str, Any]:
    members = ["n1", "n2", "n3"]
    rules = {"control": "consensus", "strong": "consensus", "any": "any:1", "mine": "leader"}
    lines = {
        line: {
            "role": "leader" if line in leads else "follower",
            "leader": "n1",
            "rule": rule,
            "rule_in_force": rule,
            "members": members,
        }
        for line, rule in rules.items()
    }
    return {
        "lines": lines, "clock_ms": 1_000_000, "version": "1.0", "limits": {"lease_s": 2.0},
    } | changed  # fmt: skip


def three(**changed: Any) -> dict[str, dict[str, Any]]:
    return {"n1": node(("control", "strong", "any", "mine"), **changed), "n2": node(), "n3": node()}


def severities(nodes: dict[str, Any], asked_s: float = 0.01) -> list[str]:
    return [each["severity"] for each in differences(nodes, asked_s)]


def test_nodes_that_agree_are_nothing_to_talk_about() -> None:
    assert severities(three()) == []
    alone = node()
    alone["lines"]["control"]["members"] = ["n1"]
    assert severities({"n1": alone}) == []


def test_clocks_are_apart_only_if_that_is_certain() -> None:
    assert severities(three(clock_ms=1_003_000)) == ["warn"]
    assert severities(three(clock_ms=1_003_000), asked_s=2.5) == []
    assert severities(three(clock_ms=1_100_000)) == ["refuse"]


def test_versions_and_settings_that_differ_are_named() -> None:
    (older,) = differences(three(version="0.9"), 0.01)
    assert "n1 0.9, n2 1.0" in older["what"]
    (other,) = differences(three(limits={"lease_s": 9.0}), 0.01)
    assert "limits.lease_s differs: 9.0 at n1" in other["what"]


def test_a_majority_that_does_not_answer_must_be_put_right() -> None:
    down = {"error": "no answer"}
    assert severities(three() | {"n3": down}) == []
    assert severities(three() | {"n2": down, "n3": down}) == ["refuse"]


def test_what_a_loss_does_depends_on_the_rule_and_on_who_leads() -> None:
    lost = {each.node: each for each in losses(three())}
    assert not lost["n1"].goes_on
    assert lost["n1"].what == "no more writes: mine"  # only an operator may accept its loss
    assert lost["n2"].goes_on
    assert lost["n2"].what == "nothing stops"


def test_with_one_node_down_the_next_loss_stops_what_needs_a_majority() -> None:
    lost = {each.node: each for each in losses(three() | {"n3": {"error": "no answer"}})}
    assert set(lost) == {"n1", "n2"}
    assert lost["n2"].what == "no more writes: control, strong, any"


async def test_the_nodes_own_status_is_what_the_comparison_reads(tmp_path: Path) -> None:
    async with plait.open(tmp_path / "d") as store:
        await store.table("t", Consensus())
        nodes = (await store.status())["nodes"]
    assert differences(nodes, 0.01) == []
    assert losses(nodes) == []
    assert [each.what for each in losses(nodes | {"n2": {"error": "none"}})] == [
        "no more writes: control, consensus"
    ]


def test_a_store_that_is_well_is_said_to_be(tmp_path: Path) -> None:
    shell = Shell()
    assert shell.run("create", "t", "--data", str(tmp_path / "d")).exit_code == 0
    report = msgspec.json.decode(
        shell.run("doctor", "--data", str(tmp_path / "d"), "--json").stdout
    )
    assert [each for each in report["findings"] if "sync" not in each["what"]] == []
