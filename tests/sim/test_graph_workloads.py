"""Work on documents and on members under faults, and its judges, each seen to complain.

The records that the judges are tried on come from runs in which nothing failed; each is tampered
with in the way in which the promise could be broken.
"""

import copy
import gc
from functools import cache
from random import Random
from unittest.mock import patch

import pytest

from plait.base.ports import AppendRows, PutHardState
from plait.engines.graph.identity import Hard, encode_hard
from plait.sim.config import Config
from plait.sim.disk import DiskRules, SimDisk
from plait.sim.membership import with_graphs_of
from plait.sim.run import simulate
from plait.sim.trace import Trace
from plait.sim.workloads.all import WORKLOADS
from plait.sim.workloads.calendar import Person, judge_meetings
from plait.sim.workloads.conflicts import Written, judge_standing
from plait.sim.workloads.everything import EDITS
from plait.sim.workloads.members import Line, judge_lines, judge_rows
from plait.sim.workloads.shared import Image, judge_images, judge_own
from plait.sim.workloads.texts import Words, between, judge_text
from plait.sim.workloads.tokens import Ledger, Reading, judge_ledger

NAMES = ("documents", "texts", "conflicts", "calendar", "members")
SHARED = NAMES[:4]
ROUGH = {"kill": 2.0, "partition": 2.0, "power_cut": 4.0, "reset": 2.0}
FORGETFUL = {"new_disk": 3.0, "older_graphs": 2.0, "kill": 4.0}
REAL = dict(WORKLOADS)


def run(name, seed, faults, **more):
    """What came of it, and the workload with all that it recorded."""
    made = []

    class Watched(REAL[name]):
        def __init__(self, world, config):
            made.append(self)
            super().__init__(world, config)

    config = Config(seed, workloads=(name,), faults=faults, **{"work_s": 6.0, **more})
    with patch.dict(WORKLOADS, {name: Watched}):
        outcome = simulate(config, keep=True)
    return outcome, made[0]


@cache
def rough(name):
    return run(name, 3, ROUGH)[0]


@cache
def calm(name):
    outcome, workload = run(name, 5, {}, clients=1)
    assert outcome.ok, outcome.problems
    return workload


@pytest.fixture(scope="module", autouse=True)
def no_world_is_left():
    """What killed processes leave behind is collected here, not in the middle of something else."""
    yield
    calm.cache_clear()
    with patch("sys.unraisablehook", lambda _: None):
        gc.collect()


def tampered(name):
    """A run where nothing failed, to be tampered with."""
    workload = copy.copy(calm(name))
    workload.images = copy.deepcopy(workload.images)
    assert complaints(workload) == ""
    return workload


def complaints(workload):
    return "\n".join(workload.judge())


def texts_of(outcome):
    return [problem.text for problem in outcome.problems]


# ----------------------------------------------------------------------------- under faults


@pytest.mark.parametrize("name", NAMES)
def test_everybody_agrees_and_nothing_is_lost_under_faults(name):
    assert texts_of(rough(name)) == []
    assert rough(name).operations > 5
    struck = {happening.kind for happening in rough(name).happenings}
    assert len(struck & {"kill", "cut", "reset", "power cut"}) >= 3


@pytest.mark.parametrize("name", ["documents", "conflicts", "members"])
def test_one_node_that_forgets_is_survived(name):
    outcome, _ = run(name, 5 if name == "members" else 2, FORGETFUL)
    assert texts_of(outcome) == []
    struck = {happening.kind for happening in outcome.happenings}
    assert struck & {"new disk", "older graphs"}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_the_same_again(name):
    assert run(name, 3, ROUGH)[0].digest == rough(name).digest


def test_members_come_and_go_while_snapshots_are_needed():
    limits = {"log_keep_bytes": 1000}
    outcome, workload = run("members", 11, {"kill": 3.0}, limits=limits, work_s=15.0)
    assert texts_of(outcome) == []
    done = [h.what.split()[0] for h in outcome.happenings if h.kind == "ok" and h.who == "operator"]
    assert {"join", "leave"} <= set(done)
    assert all(workload.found.values())
    joined = [one for one in workload.world.nodes.values() if one.config.joins]
    heads = [machine.disk.log.extents["control"].head for machine in joined]
    assert any(heads)  # somebody was told who the members are by a snapshot


def test_documents_of_every_type_survive_members_that_come_and_go():
    config = Config(8, workloads=("documents", "members"), faults={"kill": 4.0}, work_s=6.0)
    assert texts_of(simulate(config)) == []


# ----------------------------------------------------------------------------- all documents


@pytest.mark.parametrize("name", SHARED)
def test_a_replica_that_reads_otherwise_is_found(name):
    workload = tampered(name)
    image = list(workload.images.values())[-1]
    key = next(iter(image.documents))
    del image.documents[key]
    assert f"{key!r} is" in complaints(workload)


@pytest.mark.parametrize("name", SHARED)
def test_a_replica_with_other_bytes_is_found(name):
    workload = tampered(name)
    list(workload.images.values())[-1].digest += b"x"
    assert "the bytes of" in complaints(workload)


@pytest.mark.parametrize("name", SHARED)
def test_replicas_that_never_see_the_same_are_found(name):
    workload = tampered(name)
    workload.unequal = "n1 {}; n2 {'ab': 1}"
    assert "n2 {'ab': 1}" in complaints(workload)


def test_images_are_compared_by_what_was_looked_at_too():
    same = {"n1": Image(b"a", 1, {"k": {}}), "n2": Image(b"a", 1, {"k": {}})}
    assert not list(judge_images(same))
    assert list(judge_images(same | {"n2": Image(b"a", 2, {"k": {}})})) == [
        "n1 reads 1, n2 reads 2"
    ]


def test_a_document_of_ones_own_that_is_changed_lost_or_haunts_is_found():
    assert not list(judge_own("n1", {"a": {"x": 1}}, {"a": {"x": 1}, "b": None}))
    assert "should be {'x': 1}, is {'x': 2}" in next(
        judge_own("n1", {"a": {"x": 2}}, {"a": {"x": 1}})
    )
    assert "is None" in next(judge_own("n1", {}, {"a": {"x": 1}}))
    assert "lives on" in next(judge_own("n1", {"b": {"x": 1}}, {"b": None}))


def test_every_client_leaves_a_document_of_its_own_to_be_judged():
    assert set(calm("documents").own) == {"of d0"}
    assert set(calm("calendar").own) == {"of c0", "of c1"}


def test_there_is_something_to_judge_at_every_node_and_at_fresh_guests():
    for name in SHARED:
        readers = {f"{name} reader 0", f"{name} reader 1"}
        assert set(calm(name).images) == {"n1", "n2", "n3"} | readers


def test_every_field_of_a_page_is_edited():
    document = calm("documents").images["n1"].documents
    assert len(EDITS) >= 13
    assert any(page["body"] for page in document.values())
    assert any(page["outline"] for page in document.values())


# ----------------------------------------------------------------------------- the ledger


def ledger(reading, written=("a", "b"), wanted=("a",)):
    return list(judge_ledger("n1", reading, set(written), set(wanted)))


def test_a_ledger_that_counts_what_is_there_is_right():
    assert not ledger(Reading({"a", "b"}, 2, 2))
    assert not ledger(Reading({"a"}, 1, 1))


def test_a_flushed_token_that_is_lost_is_found():
    assert "lost" in ledger(Reading({"b"}, 1, 1))[0]


def test_a_token_that_nobody_wrote_is_found():
    assert "nobody" in ledger(Reading({"a", "z"}, 2, 2))[0]


def test_counters_that_count_twice_or_not_at_all_are_found():
    assert "the counter of n1 is 3" in ledger(Reading({"a", "b"}, 3, 2))[0]
    assert "the grow counter of n1 is 1" in ledger(Reading({"a", "b"}, 2, 1))[0]


def test_a_lost_token_of_a_real_run_is_found():
    workload = tampered("documents")
    assert workload.ledger.kept
    for image in workload.images.values():
        image.values[0].tokens.clear()
    assert "lost what was flushed" in complaints(workload)


def test_what_was_flushed_to_a_disk_counts_as_long_as_the_disk_is_used():
    book, disk = Ledger(), sim_disk()
    book.on_disks["a"] = disk
    assert book.must_have([sim_disk(), disk]) == {"a"}
    assert book.must_have([sim_disk()]) == set()


# ----------------------------------------------------------------------------- texts


def text(value, certain=(), possible=()):
    return list(judge_text("t", value, Words(set(certain), set(possible))))


def test_whole_words_are_right_whatever_their_order():
    assert not text("(b.2)(a.1)", ["(a.1)"], ["(b.2)"])
    assert not text("(a.1)", ["(a.1)"], ["(b.2)"])


@pytest.mark.parametrize("value", ["(a.(b.2)1)", "(a.1", "a.1)", "(a.1)x"])
def test_a_word_that_is_not_whole_is_found(value):
    assert "no whole word" in text(value, [], ["(a.1)", "(b.2)"])[0]


def test_words_that_are_lost_doubled_or_come_back_are_found():
    assert "lost" in text("", ["(a.1)"])[0]
    assert "2 times" in text("(a.1)(a.1)", ["(a.1)"])[0]
    assert "should not be there" in text("(a.1)", [])[0]


def test_nobody_begins_a_word_within_anothers():
    found = {between(Random(seed), "(a.1)(b.2)(c.") for seed in range(50)}
    assert found == {0, 5, 10}


def test_a_lost_word_of_a_real_run_is_found():
    workload = tampered("texts")
    assert any(workload.certain.values())
    for image in workload.images.values():
        image.values = {key: ("", []) for key in image.values}
    assert "lost" in complaints(workload)


# ----------------------------------------------------------------------------- conflicts


def standing(found, *written):
    return list(judge_standing("m", found, written))


def wrote(value, replaced=(), certain=True):
    return Written("m", value, tuple(replaced), None, certain)


def test_what_stands_is_what_nobody_replaced():
    assert not standing([2, 3], wrote(1), wrote(2, [1]), wrote(3, [1]))
    assert not standing([4], wrote(2), wrote(3), wrote(4, [2, 3]))


def test_a_decided_conflict_that_comes_back_is_found():
    assert standing([2, 4], wrote(2), wrote(3), wrote(4, [2, 3])) == [
        "m: [2, 4] stand, and [4] should"
    ]


def test_a_value_that_is_lost_is_found():
    assert standing([2], wrote(2), wrote(3)) == ["m: [2] stand, and [2, 3] should"]


def test_a_value_that_died_with_its_node_may_be_lost_and_then_replaces_nothing():
    assert not standing([2], wrote(2), wrote(3, [2], certain=False))
    assert not standing([3], wrote(2), wrote(3, [2], certain=False))
    assert standing([2, 3], wrote(2), wrote(3, [2], certain=False))


def test_a_value_that_nobody_wrote_is_found():
    assert "nobody wrote [9]" in standing([9])[0]


def test_a_conflict_that_is_left_is_found():
    workload = tampered("conflicts")
    assert workload.standing
    for image in workload.images.values():
        image.values = 1
    assert "still has 1 conflicts" in complaints(workload)


# ----------------------------------------------------------------------------- calendar


def meetings(person, **fields):
    return list(judge_meetings("n1", {"lunch": fields}, [person]))


def test_a_meeting_that_says_what_everybody_did_last_is_right():
    person = Person("a", {"lunch": True}, {("lunch", "mon"): "no"}, {"lunch": ["a: 1\n"]})
    assert not meetings(
        person, attendees={"a"}, occurrences={"mon": {"answers": {"a": "no"}}}, minutes="b\na: 1\n"
    )


def test_what_somebody_did_that_a_meeting_does_not_say_is_found():
    assert "attending" in meetings(Person("a", {"lunch": True}))[0]
    assert "attending" in meetings(Person("a", {"lunch": False}), attendees={"a"})[0]
    assert "answered" in meetings(Person("a", answers={("lunch", "mon"): "no"}))[0]
    lines = Person("a", lines={"lunch": ["a: 1\n", "a: 2\n"]})
    assert "wrote" in meetings(lines, minutes="a: 2\na: 1\n")[0]
    assert "counts 1 edits of 2" in meetings(Person("a", edits={"lunch": 2}), edits=1)[0]


def test_people_of_a_real_run_did_things_while_they_were_offline():
    assert len(calm("calendar").people) == 2
    assert any(person.answers for person in calm("calendar").people)


# ----------------------------------------------------------------------------- members


def test_lines_that_are_carried_by_whoever_was_let_in_are_right():
    lines = [Line("n1", "control", ["n1", "x1"], False), Line("x1", "control", ["n1", "x1"], False)]
    assert not list(judge_lines(lines, ["n1", "x1"]))


def test_lines_of_other_members_changing_missing_or_with_who_left_are_found():
    right, both = Line("n1", "control", ["n1", "x1"], False), ["n1", "x1"]
    assert "carries []" in next(judge_lines([right], both))
    stale = Line("x1", "control", ["n1"], False)
    assert "says that ['n1']" in next(judge_lines([right, stale], both))
    joint = Line("x1", "control", both, True)
    assert "which change" in next(judge_lines([right, joint], both))
    gone = Line("n2", "control", both, False)
    assert "which left" in next(judge_lines([Line("n1", "control", ["n1"], False), gone], ["n1"]))


def test_rows_that_are_lost_or_from_nowhere_are_found():
    assert not list(judge_rows("t", {"a", "b"}, {"a"}, {"a", "b"}))
    assert "lost" in next(judge_rows("t", set(), {"a"}, {"a"}))
    assert "nobody" in next(judge_rows("t", {"z"}, set(), {"a"}))


# ----------------------------------------------------------------------------- older disks


def test_an_older_copy_has_older_documents_only_and_says_so():
    now, backup = sim_disk(), sim_disk()
    hard = encode_hard(Hard("ab", 7, ""))
    for disk, rows in ((now, 3), (backup, 1)):
        for line in ("consensus", "graph/notes/ab"):
            fill(disk, line, rows, hard)
    fill(now, "graph/later/cd", 1, hard)
    found = with_graphs_of(now, backup)
    assert found is not now
    tails = {line: extent.tail for line, extent in found.log.extents.items()}
    assert tails == {"consensus": 3, "graph/notes/ab": 1}
    assert b"older copy" in found.log.extents["graph/notes/ab"].hard_state
    assert found.log.extents["consensus"].hard_state == hard


def sim_disk():
    return SimDisk(DiskRules(), Random(1), "n1", Trace(lambda: 0.0))


def fill(disk, line, rows, hard):
    for write in (PutHardState(line, hard), AppendRows(line, 0, tuple([b"row"] * rows))):
        disk.log.apply(write)
