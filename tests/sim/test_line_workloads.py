"""Work on lines under faults, and the judges of it: each is shown a record that was tampered with.

A judge that cannot complain proves nothing. So every promise has a test that breaks it on paper.
"""

import copy
from functools import cache
from unittest.mock import patch

import pytest

from plait import Receipt, TableRow
from plait.line.entry import Epoch
from plait.sim.config import Config
from plait.sim.run import simulate
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.catalogue import Suffix
from plait.sim.workloads.deeds import Deed, accounts_for, out_of_order

NAMES = ("appends", "bank", "catalogue", "counters", "feeds", "queues", "sessions")
ROUGH = {"kill": 2.0, "pause": 3.0, "partition": 2.0, "power_cut": 6.0, "reset": 2.0}


def config(name, seed, faults):
    return Config(seed, workloads=(name,), think_s=0.1, faults=faults, work_s=6.0)


def run(name, seed, faults):
    """What came of it, and the workload with all that it recorded."""
    made = []

    class Watched(WORKLOADS_THEN[name]):
        def __init__(self, world, config):
            made.append(self)
            super().__init__(world, config)

    with patch.dict(WORKLOADS, {name: Watched}):
        outcome = simulate(config(name, seed, faults), keep=True)
    return outcome, made[0]


WORKLOADS_THEN = dict(WORKLOADS)


@cache
def rough(name, seed):
    return run(name, seed, ROUGH)


@cache
def calm(name):
    outcome, workload = run(name, 7, {})
    assert outcome.ok, outcome.problems
    assert outcome.operations > 30
    return workload


def tampered(name):
    """A run where nothing failed, to be tampered with."""
    found = copy.copy(calm(name))
    for key, value in vars(found).items():
        if key not in ("world", "config", "record"):
            setattr(found, key, copy.deepcopy(value))
    found.record = copy.copy(found.record)
    found.record.deeds = copy.deepcopy(found.record.deeds)
    return found


def complaints(workload):
    return "\n".join(workload.judge())


def deed(token, invoked, returned=None, fate="acknowledged"):
    return Deed(token, "write", None, None, "", invoked, 0.0, fate, returned=returned)


# ----------------------------------------------------------------------------- under faults


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_promised_is_kept_under_faults(name, seed):
    outcome, _ = rough(name, seed)
    assert outcome.ok, [problem.text for problem in outcome.problems]
    assert outcome.operations > 20
    struck = {happening.kind for happening in outcome.happenings}
    assert len(struck & {"kill", "stop", "cut", "reset", "power cut"}) >= 3


@pytest.mark.parametrize("name", NAMES)
def test_a_run_comes_out_the_same_again(name):
    assert run(name, 1, ROUGH)[0].digest == rough(name, 1)[0].digest


# ----------------------------------------------------------------------------- deeds


def test_what_was_acknowledged_must_be_there():
    assert not list(accounts_for([deed("a", 0, 1), deed("b", 2, fate="unknown")], ["a"], "here"))
    assert "lost" in next(accounts_for([deed("a", 0, 1)], [], "here"))


def test_what_may_have_happened_may_be_there_but_not_twice():
    unknown = deed("a", 0, fate="unknown")
    assert not list(accounts_for([unknown], ["a"], "here"))
    assert "2 times" in next(accounts_for([unknown], ["a", "a"], "here"))


def test_what_was_refused_or_never_asked_for_must_not_be_there():
    refused = deed("a", 0, 1, fate="refused")
    assert "refused" in next(accounts_for([refused], ["a"], "here"))
    assert "nobody" in next(accounts_for([], ["a"], "here"))


def test_a_deed_does_not_stand_before_one_that_had_ended_when_it_began():
    one, other = deed("a", 0, 1), deed("b", 2, 3)
    assert not list(out_of_order([one, other], {"a": 1.0, "b": 2.0}, "here"))
    assert "b stands before write a" in next(out_of_order([one, other], {"a": 2.0, "b": 1.0}, ""))


def test_deeds_at_the_same_time_stand_as_they_like():
    one, other = deed("a", 0, 2), deed("b", 1, 3)
    assert not list(out_of_order([one, other], {"a": 2.0, "b": 1.0}, "here"))


def test_a_deed_that_was_never_answered_may_stand_at_the_end_but_not_before_its_time():
    late, early = deed("a", 0, fate="unknown"), deed("b", 2, 3)
    assert not list(out_of_order([late, early], {"a": 2.0, "b": 1.0}, "here"))
    one, unknown = deed("a", 0, 1), deed("b", 2, fate="unknown")
    assert list(out_of_order([one, unknown], {"a": 2.0, "b": 1.0}, "here"))


# ----------------------------------------------------------------------------- bank


def test_a_read_of_a_bank_that_made_money_is_found():
    bank = tampered("bank")
    bank.record.answered("read old")[0].result["a"] += 1
    assert "not to 400" in complaints(bank)


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_a_read_of_a_bank_that_is_old_is_found(key):
    bank = tampered("bank")
    first, *_, last = bank.record.answered("read", key=key)[:8]
    bank.record.deeds = {
        token: deed for token, deed in bank.record.deeds.items() if deed.invoked <= last.invoked
    }
    assert first.result != last.result
    last.result = first.result
    assert "not linearizable" in complaints(bank)


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_a_transfer_that_is_lost_doubled_or_halved_is_found(key):
    lost, doubled, halved = (tampered("bank") for _ in range(3))
    lost.transfers[key].pop()
    assert "was acknowledged and is lost" in complaints(lost)
    assert "are not those of the transfers" in complaints(lost)
    doubled.transfers[key].append(doubled.transfers[key][0])
    assert "is there 2 times" in complaints(doubled)
    halved.balances[key]["a"] -= 1
    assert "not to 400" in complaints(halved)


def test_a_transfer_that_was_refused_and_is_there_is_found():
    bank = tampered("bank")
    bank.record.deeds[bank.transfers["machine"][0][0]].fate = "refused"
    assert "was refused for certain and is there" in complaints(bank)


# ----------------------------------------------------------------------------- appends


def test_a_list_read_that_begins_no_final_list_is_found():
    appends = tampered("appends")
    read = next(
        d for d in appends.record.answered("read") if len(next(iter(d.result.values()))) > 1
    )
    next(iter(read.result.values())).reverse()
    assert "in the end it is" in complaints(appends)


def test_a_list_read_that_is_old_is_found():
    appends = tampered("appends")
    read = [d for d in appends.record.answered("read") if any(d.result.values())][-1]
    read.result = {key: [] for key in read.result}
    assert f"read {read.token} stands before" in complaints(appends)


def test_appends_out_of_their_order_in_time_are_found():
    appends = tampered("appends")
    appends.record.deeds = {
        token: deed for token, deed in appends.record.deeds.items() if deed.f == "append"
    }
    key = max(appends.lists, key=lambda key: len(appends.lists[key]))
    appends.lists[key].reverse()
    assert "which had ended when it began" in complaints(appends)


def test_half_an_append_to_two_lists_is_found():
    appends = tampered("appends")
    both = next(d for d in appends.record.answered("append") if len(d.argument) == 2)
    both.fate = "unknown"
    appends.lists[both.argument[0]].remove(both.token)
    assert f"append {both.token} is in {both.argument[1]} and not in" in complaints(appends)


def test_appends_to_two_lists_in_different_orders_are_found():
    appends = tampered("appends")
    for key, found in appends.lists.items():
        for other in appends.lists:
            both = [token for token in found if token in appends.lists[other]]
            if other != key and len(both) > 1:
                one, two = found.index(both[0]), found.index(both[1])
                found[one], found[two] = found[two], found[one]
                assert "in different orders" in complaints(appends)
                return
    pytest.fail("no two lists have two appends in common")


# ----------------------------------------------------------------------------- queues


@pytest.mark.parametrize("key", ["rows", "machine"])
def test_values_that_leave_a_queue_in_another_order_are_found(key):
    queues = tampered("queues")
    first, *_, last = [d for d in queues.record.answered("dequeue", key=key) if d.result]
    first.result, last.result = last.result, first.result
    queues.taken[key] |= {first.token: first.result, last.token: last.result}
    assert f"{key}: no queue" in complaints(queues)


def test_a_dequeue_that_was_not_answered_counts_as_what_it_took():
    queues = tampered("queues")
    first, second, *_ = [d for d in queues.record.answered("dequeue", key="machine") if d.result]
    first.fate, first.result = "unknown", None
    assert complaints(queues) == ""
    second.result = queues.taken["machine"][second.token] = queues.taken["machine"][first.token]
    assert "machine: no queue" in complaints(queues)


def test_a_queue_whose_records_contradict_its_answers_is_found():
    queues = tampered("queues")
    value = queues.came["machine"][0]
    queues.came["machine"].append(value)
    assert f"{value} came 2 times" in complaints(queues)
    queues.came["machine"] = [other for other in queues.came["machine"] if other != value]
    assert "was enqueued and never came" in complaints(queues)
    token = next(iter(queues.taken["rows"]))
    queues.taken["rows"].pop(token)
    assert f"{token} was given" in complaints(queues)
    enqueue = queues.record.answered("enqueue", key="rows")[0]
    enqueue.fate = "refused"
    assert f"{enqueue.token} was refused for certain and happened" in complaints(queues)


# ----------------------------------------------------------------------------- counters


@pytest.mark.parametrize("key", ["hits", "visits"])
def test_an_increment_that_counts_twice_or_not_at_all_is_found(key):
    counters = tampered("counters")
    token = counters.counted[key][0]
    counters.counted[key].append(token)
    assert f"{token} is there 2 times" in complaints(counters)
    counters.counted[key] = counters.counted[key][1:-1]
    assert f"add {token} was acknowledged and is lost" in complaints(counters)


def test_a_count_that_is_not_what_was_asked_for_is_found():
    counters = tampered("counters")
    counters.counts["hits"] += 1
    assert "not between" in complaints(counters)


def test_an_increment_that_was_told_another_count_is_found():
    counters = tampered("counters")
    counters.record.answered("add", key="visits")[0].result += 1
    assert "was not the one" in complaints(counters)


def test_a_count_that_is_read_too_old_is_found():
    counters = tampered("counters")
    read = counters.record.answered("read", key="hits")[-1]
    read.result = 0
    assert f"read {read.token} stands before" in complaints(counters)


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


# ----------------------------------------------------------------------------- feeds


def segment_of(feeds, watcher):
    return next(segment for segment in feeds.segments if segment.watcher == watcher)


@pytest.mark.parametrize("watcher", ["v0", "v1", "v2"])
def test_a_change_that_a_watcher_missed_is_found(watcher):
    feeds = tampered("feeds")
    del segment_of(feeds, watcher).changes[0]
    assert f"{watcher} from" in complaints(feeds)


def test_a_watch_from_the_middle_of_a_transaction_shows_all_of_it():
    feeds = tampered("feeds")
    changes = feeds.all["news-led"]
    place = next(place for place, change in enumerate(changes) if not change.last)
    segment = segment_of(feeds, "v1")
    segment.start, segment.changes = changes[place].cursor, changes[place:]
    assert complaints(feeds) == ""
    del segment.changes[0]
    assert "v1 from" in complaints(feeds)


def test_a_change_that_a_watcher_saw_twice_or_too_late_is_found():
    feeds = tampered("feeds")
    changes = segment_of(feeds, "v0").changes
    changes.append(changes[-1])
    assert "comes again, or too late" in complaints(feeds)
    changes[-1] = changes[0]
    assert "comes again, or too late" in complaints(feeds)


def test_a_change_that_only_one_watcher_saw_is_found():
    feeds = tampered("feeds")
    changes = segment_of(feeds, "v1").changes
    changes[0] = changes[0]._replace(value="another")
    assert "v1 from 0.0 of news-led: saw" in complaints(feeds)


def test_half_a_transaction_in_a_feed_is_found():
    feeds = tampered("feeds")
    changes = feeds.all["news-led"]
    place = next(place for place, change in enumerate(changes) if not change.last)
    changes[place + 1] = changes[place + 1]._replace(version=changes[place + 1].version + 1)
    assert "comes in the middle of version" in complaints(feeds)
    del changes[place]
    assert " came" in complaints(feeds)


def test_a_write_that_a_feed_lacks_or_shows_elsewhere_is_found():
    feeds = tampered("feeds")
    put = feeds.record.answered("put")[0]
    put.result = put.result._replace(version=put.result.version + 1000)
    assert f"put {put.token} came with" in complaints(feeds)


def test_a_write_that_was_refused_and_came_is_found():
    feeds = tampered("feeds")
    put = feeds.record.answered("put")[0]
    put.fate = "refused"
    assert f"{put.token} was refused for certain and came" in complaints(feeds)


def test_changes_that_do_not_make_the_rows_are_found():
    feeds = tampered("feeds")
    feeds.rows["news-led"]["a1"] = "another"
    assert "its rows" in complaints(feeds)


def test_a_cursor_that_leaves_out_what_comes_after_it_is_found():
    feeds = tampered("feeds")
    cursor = feeds.record.answered("cursor")[0]
    cursor.result = "9000.0"
    assert f"stands before cursor {cursor.token}" in complaints(feeds)


def test_writes_out_of_their_order_in_time_are_found():
    feeds = tampered("feeds")
    first, *_, last = feeds.record.answered("put", key="news-led")
    assert isinstance(first.result, Receipt)
    first.result = first.result._replace(position=last.result.position + 1, epoch=Epoch(9, "n1"))
    assert "which had ended when it began" in complaints(feeds)


def test_a_watcher_that_is_told_of_a_cut_is_found():
    feeds = tampered("feeds")
    feeds.lost = ["v0: position 7 was cut"]
    assert "though nothing may be" in complaints(feeds)
