"""The status page: elections, members, fail-over and width."""

import io
from typing import Any

from rich.console import Console

from plait.cli.status_page import render

NODE = {"address": "10.0.0.1:7401", "uptime_s": 5.0, "memory_bytes": 50_000_000, "read_only": None}


def state(role: str, **more: Any) -> dict[str, Any]:
    return {
        "role": role, "epoch": "3.n2", "rule": "consensus", "rule_in_force": "consensus",
        "tail": 12, "committed": 11, "applied": 10, "rescued": 0, "term": 3,
        "lag": {"records": 3, "bytes": 1500, "seconds": 0.25},
        "members": ["n1", "n2", "n3"],
    } | more  # fmt: skip


def page(lines: dict[str, dict[str, Any]], width: int = 200, **node: Any) -> list[str]:
    """The page of a cluster in which every node but the first says the same of each line."""
    nodes = {
        name: NODE | {"lines": states} | (node if name == "n1" else {})
        for name, states in lines.items()
    }
    console = Console(file=io.StringIO(), width=width)
    console.print(render({"nodes": nodes}, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_control_line_comes_first_with_its_term_and_members() -> None:
    leader = state("leader")
    lines = page({"n1": {"a": leader, "control": leader}, "n2": {"control": state("follower")}})
    headings = [line for line in lines if "acks" in line]
    assert headings == [
        "control   acks consensus, term 3; members n1, n2, n3",
        "a   acks consensus, term 3; members n1, n2, n3",
    ]


def test_who_comes_goes_and_only_votes_stands_above_the_line() -> None:
    changing = state(
        "leader", learners=["n5"], witnesses=["n3"], outgoing=["n1", "n2"], members=["n2", "n3"]
    )
    (heading,) = [line for line in page({"n1": {"control": changing}}) if "acks" in line]
    assert heading.endswith("members n2, n3 (witness); without a vote n5; CHANGING from n1, n2")


def test_the_last_appointment_and_every_veto_are_told_once() -> None:
    old = {"appointed": "n2", "times": 1, "time_ms": 0, "why": "n1 fell silent", "veto": None}
    new = old | {"appointed": "n3", "times": 2, "why": "n2 fell silent", "time_ms": 1000}
    veto = {"veto": "its rule is degraded"}
    lines = page({
        "n1": {"l": state("leader", failover=old)},
        "n2": {"l": state("follower", failover=new)},
        "n3": {"l": state("follower", failover=veto)},
    })  # fmt: skip
    told = [line for line in lines if "fail-over" in line]
    assert told == [
        "fail-over 2: n3 was appointed at 1970-01-01 00:00:01 UTC: n2 fell silent",
        "no automatic fail-over: its rule is degraded",
    ]


def test_a_node_that_others_refuse_says_why() -> None:
    text = "\n".join(page({"n1": {}}, links={"n2": True, "n3": "this is cluster 'b', not 'a'"}))
    assert "refused by n3: this is cluster 'b', not 'a'" in text
    assert "n2" not in text


def test_a_narrow_terminal_shows_whole_rows_of_fewer_columns() -> None:
    lines = {
        "n1": {"l": state("leader", epoch="1048579.n1")},
        "n2": {"l": state("follower", epoch="1048579.n1")},
    }
    wide, narrow = page(lines), page(lines, width=80)
    assert any("committed" in line and "bytes" in line for line in wide)
    assert not any("committed" in line or "rescued" in line for line in narrow)
    (row,) = [line for line in narrow if line.startswith("n2   ") and "follower" in line]
    assert row.split() == ["n2", "follower", "1048579.n1", "12", "10", "3", "250", "ms"]


def test_a_line_that_stopped_says_where_and_why() -> None:
    lines = page({"n1": {"l": state("follower", halted="no class Bank")}})
    assert "stopped at n1: no class Bank" in lines


def on_engine(*bases: int, **more: Any) -> dict[str, Any]:
    """A line on NATS that began on the nodes' own disks."""
    places = ["members", "nats://a:4222"]
    segments = [{"base": b, "place": p} for b, p in zip(bases, places, strict=False)]
    return {
        "role": "engine", "epoch": "3.n2", "place": "nats://a:4222", "tail": 12, "applied": 12,
        "committed": 12, "segments": segments, "moving_to": None, "forced": [],
    } | more  # fmt: skip


def test_a_line_on_an_engine_says_where_it_is_and_was() -> None:
    lines = page({"n1": {"l": on_engine(0, 7)}, "n2": {"l": on_engine(0, 7)}})
    assert "l   on nats://a:4222" in lines
    assert "moved: members from 0 on, then nats://a:4222 from 7 on" in lines
    assert not any("MOVING" in line or "gone over" in line for line in lines)


def test_a_move_that_is_not_finished_is_shown_once() -> None:
    moving = on_engine(0, 7, moving_to="postgresql://b/plait")
    lines = page({"n1": {"l": moving}, "n2": {"l": moving}})
    (told,) = [line for line in lines if "MOVING" in line]
    assert told == "MOVING to postgresql://b/plait: it goes on when both ends answer"


def test_who_has_not_gone_over_or_waits_for_a_copy_is_named() -> None:
    behind = on_engine(0, needs_copy="nobody has what stands at 0")
    lines = page({"n1": {"l": on_engine(0, 7)}, "n2": {"l": behind}})
    assert "n2 has not gone over yet" in lines
    assert "n2 waits for a copy of the state: nobody has what stands at 0" in lines


def test_an_end_by_force_stays_on_the_page() -> None:
    forced = {"tail": 9, "known": 9, "by": "ada", "time_ms": 0, "warning": "some may be lost"}
    lines = page({"n1": {"l": on_engine(0, 7, forced=[forced])}})
    assert "ended by force at 9 by ada, 1970-01-01 00:00:00 UTC: some may be lost" in lines


def replica(**more: Any) -> dict[str, Any]:
    members = {"1": {"name": "n1", "holds_back": 0}, "2": {"name": "n2", "holds_back": 7}}
    return {
        "documents": 5, "events": 40, "events_retained": 12, "unstable": 7, "writable": True,
        "error": None, "clock": None, "members": members, "peers": ["n2", "guest-1/1", "guest-2/1"],
        "unsent_messages": 0, "quarantined_batches": 0, "flush_error": None, "fresh_ids": [],
        "notices": [],
    } | more  # fmt: skip


def test_documents_stand_below_the_lines_with_whom_garbage_is_kept_for() -> None:
    lines = page({"n1": {}}, documents={"notes": replica()})
    start = lines.index("notes   documents; members n1, n2")
    rows = [line.split() for line in lines[start + 1 : start + 4]]
    assert rows[0] == ["node", "documents", "events", "retained", "unstable", "unsent", "peers"]
    assert rows[1] == ["n1", "5", "40", "12", "7", "0", "n2,", "2", "clients"]
    assert lines[start + 3] == "garbage is kept for n2 (7 events)"
    narrow = page({"n1": {}}, width=80, documents={"notes": replica()})
    assert not any("unsent" in line for line in narrow)
    assert all(len(line) <= 80 for line in narrow)


def test_what_is_not_well_with_documents_is_told_node_by_node() -> None:
    state = replica(
        clock="2 h ahead of the others", quarantined_batches=3, fresh_ids=["cloned", "restored"],
        notices=["a", "a", "b", "c", "d"], error="the disk is full",
    )  # fmt: skip
    lines = page({"n1": {}}, documents={"notes": state})
    assert [line for line in lines if line.startswith("n1: ")] == [
        "n1: takes no writes: the disk is full",
        "n1: clock: 2 h ahead of the others",
        "n1: 3 batches in quarantine until the clock reaches them",
        "n1: took a fresh id, lately because: restored",
        "n1: earlier notices, 1 of them: see --json",
        "n1: b",
        "n1: c",
        "n1: d",
    ]
    assert not [line for line in page({"n1": {}}, documents={"notes": replica()}) if "n1: " in line]
