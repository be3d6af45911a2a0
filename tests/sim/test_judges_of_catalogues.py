"""The judges of catalogues and sessions complain of a record that was tampered with."""

import pytest
from workload_runs import complaints, tampered

from plait import TableRow
from plait.sim.workloads.catalogue import Suffix

# ----------------------------------------------------------------------------- catalogue


def put_of(catalogue, level):
    return next(d for d in catalogue.record.answered("put", key=level) if d.argument[1] is None)


def lose(catalogue, put):
    """As if a promotion had cut it before anybody saw it."""
    for versions in (catalogue.versions, catalogue.replayed):
        versions[put.key] = {t: v for t, v in catalogue.versions[put.key].items() if t != put.token}
    catalogue.record.deeds = {
        token: deed for token, deed in catalogue.record.deeds.items() if deed.f == "put"
    }


@pytest.mark.parametrize("level", ["any:1", "majority", "all"])
def test_a_put_that_enough_members_had_must_not_be_lost_even_if_it_was_rescued(level):
    catalogue = tampered("catalogue")
    put = put_of(catalogue, level)
    lose(catalogue, put)
    catalogue.suffixes = [Suffix(level, [put.token], failed=1)]
    assert complaints(catalogue) == f"{level}: {put.token} was acknowledged and is lost"
    catalogue.accepted = {level: None}
    assert complaints(catalogue) == ""


def test_a_put_that_only_the_leader_had_may_be_lost_if_it_was_rescued():
    catalogue = tampered("catalogue")
    put = put_of(catalogue, "leader")
    lose(catalogue, put)
    assert "is lost and was not rescued" in complaints(catalogue)
    catalogue.suffixes = [Suffix("leader", [put.token], failed=1)]
    assert complaints(catalogue) == ""


def test_a_put_that_asked_for_more_than_its_line_must_not_be_lost():
    catalogue = tampered("catalogue")
    put = next(d for d in catalogue.record.answered("put", key="leader") if d.argument[1])
    lose(catalogue, put)
    catalogue.suffixes = [Suffix("leader", [put.token], failed=1)]
    assert complaints(catalogue) == f"leader: {put.token} was acknowledged and is lost"


def test_rescued_records_that_are_replayed_and_still_not_there_are_found():
    catalogue = tampered("catalogue")
    put = put_of(catalogue, "leader")
    lose(catalogue, put)
    catalogue.suffixes = [Suffix("leader", [put.token])]
    assert f"replayed, and not there: {put.token}" in complaints(catalogue)


def test_a_put_that_was_refused_and_is_there_is_found():
    catalogue = tampered("catalogue")
    put_of(catalogue, "majority").fate = "refused"
    assert "was refused for certain, or never asked for, and is there" in complaints(catalogue)


def read_of(catalogue, level, size):
    return next(d for d in catalogue.record.answered("read", key=level) if len(d.result) >= size)


def test_a_read_that_begins_no_line_is_found():
    catalogue = tampered("catalogue")
    read = read_of(catalogue, "all", 2)
    read.result.remove(min(read.result, key=catalogue.versions["all"].get))
    assert "begins no line" in complaints(catalogue)


def test_a_read_of_what_was_never_committed_is_found():
    catalogue = tampered("catalogue")
    put = put_of(catalogue, "majority")
    put.fate = "unknown"
    read = read_of(catalogue, "majority", 1)
    read.result.append(put.token)
    catalogue.versions["majority"].pop(put.token)
    assert "which was never committed" in complaints(catalogue)


def test_a_read_that_is_older_than_was_asked_for_is_found():
    catalogue = tampered("catalogue")
    put = put_of(catalogue, "majority")
    read = next(d for d in catalogue.record.answered("read", key="majority") if d.who != put.who)
    generation, *_ = put.argument
    read.argument, read.result, read.who = (generation, "nearest", 0.5), [], "somebody"
    read.started_s = put.ended_s + 3.0
    assert complaints(catalogue) == ""
    read.started_s = put.ended_s + 30.0
    assert f"lacks {put.token}" in complaints(catalogue)
    read.argument = (generation, "nearest", None)
    assert complaints(catalogue) == ""


def test_a_session_that_does_not_read_its_own_put_is_found():
    catalogue = tampered("catalogue")
    put = put_of(catalogue, "any:1")
    read = catalogue.record.answered("read", key="any:1")[-1]
    for other in catalogue.record.answered("read", key="any:1"):
        other.who = "somebody else"
    read.who, read.argument, read.result = put.who, (put.argument[0], "nearest", None), []
    assert f"without {put.token}, its own put" in complaints(catalogue)


def test_a_session_that_goes_back_is_found():
    catalogue = tampered("catalogue")
    for read in catalogue.record.answered("read", key="any:1"):
        read.who, read.argument = "reader", (read.argument[0], "nearest", None)
    *_, read = catalogue.record.answered("read", key="any:1")
    read.result = []
    assert "reader reads" in complaints(catalogue)


def test_a_session_that_is_lost_where_nothing_may_be_cut_is_found():
    catalogue = tampered("catalogue")
    read = catalogue.record.answered("read", key="majority")[0]
    read.fate, read.error = "refused", "SessionLost"
    assert "was lost, though nothing may be cut" in complaints(catalogue)


# ----------------------------------------------------------------------------- sessions


def test_a_session_that_reads_an_older_row_is_found():
    sessions = tampered("sessions")
    reads = [d for d in sessions.record.answered("get") if d.key.startswith("notes-led")]
    old = next(d for d in reads if d.result is not None)
    new = [d for d in reads if d.key == old.key and d.result is not None][-1]
    assert new.result.version > old.result.version
    old.who = new.who = "traveller"
    new.result, old.result = old.result, new.result
    assert "monotonic reads" in complaints(sessions)


def test_a_session_that_does_not_read_its_write_is_found():
    sessions = tampered("sessions")
    put = next(d for d in sessions.record.answered("put") if d.key.startswith("notes-agreed"))
    read = sessions.record.answered("get")[-1]
    read.key, read.who = put.key, "traveller"
    put.who = "traveller"
    read.result = TableRow("k", "older", put.result.version - 1)
    assert "read your writes" in complaints(sessions)


def test_a_travelling_session_that_is_lost_is_found():
    sessions = tampered("sessions")
    read = sessions.record.answered("get")[0]
    read.fate, read.error = "refused", "SessionLost"
    assert "though nothing may be cut" in complaints(sessions)
