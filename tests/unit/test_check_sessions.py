import pytest

from plait.check import check_sessions, from_events, lost_writes


def events(*operations):
    """Operations one after the other: (process, f, key, value) and a version, if known."""
    found = []
    for process, f, key, value, *version in operations:
        asked = value if f != "read" else None
        found.append({"process": process, "type": "invoke", "f": f, "key": key, "value": asked})
        done = {"process": process, "type": "ok", "f": f, "key": key, "value": value}
        found.append(done | ({"version": version[0]} if version else {}))
    return from_events(found)


def broken(*operations):
    return [violation.guarantee for violation in check_sessions(events(*operations))]


@pytest.mark.parametrize("versions", [True, False])
def test_each_guarantee_is_told_from_the_others(versions):
    def run(*operations):
        return broken(*(o if versions else o[:4] for o in operations))

    first, second = (0, "write", "x", 1, 1), (0, "write", "x", 2, 2)
    assert run(first, second, (0, "read", "x", 1, 1)) == ["read your writes"]
    assert run(first, second, (1, "read", "x", 2, 2), (1, "read", "x", 1, 1)) == ["monotonic reads"]
    assert run(
        (0, "write", "y", 0, 1), first, (0, "write", "y", 5, 2), (1, "read", "y", 5, 2),
        (1, "read", "x", None, 0),
    ) == ["monotonic writes"]  # fmt: skip
    assert run(
        first, (2, "read", "x", 1, 1), (2, "write", "y", 5, 1), (1, "read", "y", 5, 1),
        (1, "read", "x", None, 0),
    ) == ["writes follow reads"]  # fmt: skip


def test_versions_show_writes_in_the_wrong_order_at_once():
    assert broken((0, "write", "x", 1, 2), (0, "write", "x", 2, 1)) == ["monotonic writes"]
    assert broken((1, "write", "x", 1, 5), (0, "read", "x", 1, 5), (0, "write", "x", 2, 3)) == [
        "writes follow reads"
    ]


def test_a_stale_read_of_another_session_breaks_no_promise():
    assert not broken((0, "write", "x", 1), (0, "write", "x", 2), (1, "read", "x", 1))
    assert not broken((0, "write", "x", 1), (1, "read", "x", None), (1, "read", "x", 1))


def test_values_that_were_written_twice_prove_nothing():
    writes = [(0, "write", "x", 1), (0, "write", "x", 2), (1, "write", "x", 1)]
    assert not broken(*writes, (1, "read", "x", 1))
    assert not broken(*writes, (2, "read", "x", 2), (2, "read", "x", 1))


def test_nothing_after_a_delete_is_no_proof_of_age():
    assert not broken((0, "write", "x", 1), (0, "delete", "x", None), (0, "read", "x", None))


def test_a_violation_says_who_saw_what_after_what():
    (found,) = check_sessions(
        events((0, "write", "x", 1), (0, "write", "x", 2), (0, "read", "x", 1))
    )
    assert (
        str(found)
        == "read your writes of key 'x': [0] read → 1 (line 5) after [0] write 2 (line 3)"
    )


def test_an_acknowledged_write_that_is_gone_is_lost():
    history = events((0, "write", "x", 1), (1, "write", "x", 2), (0, "write", "y", 3))
    assert not lost_writes(history, {"x": 2, "y": 3})
    assert [lost.operation.argument for lost in lost_writes(history, {"x": 1, "y": 3})] == [2]
    assert [lost.operation.argument for lost in lost_writes(history, {"x": 2})] == [3]
    assert [lost.operation.argument for lost in lost_writes(history, {"y": 3})] == [1, 2]


def test_a_write_that_nobody_acknowledged_may_be_there_or_not():
    history = from_events(
        [
            {"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 1},
            {"process": 0, "type": "ok", "f": "write"},
            {"process": 0, "type": "invoke", "f": "write", "key": "x", "value": 2},
            {"process": 0, "type": "info", "f": "write"},
        ]
    )
    assert not lost_writes(history, {"x": 2})
    assert not lost_writes(history, {"x": 1})
    assert len(lost_writes(history, {})) == 1


def test_without_a_final_read_the_historys_own_last_reads_are_taken():
    writes = [(0, "write", "x", 1), (0, "write", "x", 2)]
    assert not lost_writes(events(*writes, (1, "read", "x", 2)))
    assert [lost.found for lost in lost_writes(events(*writes, (1, "read", "x", 1)))] == [1]
    assert not lost_writes(events((1, "read", "x", None), *writes))  # that read was not the last


def test_appended_and_added_elements_are_looked_for():
    history = events((0, "append", "x", "a"), (0, "append", "x", "b"), (0, "add", "s", 1))
    assert not lost_writes(history, {"x": "ab", "s": [1]})
    assert [lost.operation.argument for lost in lost_writes(history, {"x": "b", "s": []})] == [
        "a",
        1,
    ]
