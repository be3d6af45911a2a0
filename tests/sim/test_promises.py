"""What types promise of concurrent edits, by example; moments; what disks must hold together."""

import asyncio

import msgspec
import pytest

from plait.base.ports import LineExtent
from plait.line.membership import Membership
from plait.line.raft.member import HardState
from plait.line.replication.log_view import Base
from plait.sim.config import Config
from plait.sim.disk_probe import DiskProbe
from plait.sim.line_truth import LineTruth
from plait.sim.moments import Moment, Moments
from plait.sim.probes import Probes
from plait.sim.run import simulate
from plait.sim.workloads import promises
from plait.sim.workloads.promises import TRASH, Edit

ANN, BEN = 1, 2


def edit(act, who, seq, name=None, value=None, seen=(), stamp=None):
    """An edit; `seen` are pairs of a replica and a number."""
    known = dict(seen) | {who: seq - 1}
    return Edit("f", act, name, value, who, seq, stamp or 10 * seq + who, known)


# ----------------------------------------------------------------------------- promises


def test_whoever_adds_wins_over_a_removal_that_had_not_seen_it():
    first = edit("add", ANN, 1, "a")
    again = edit("add", BEN, 1, "a", seen=[(ANN, 1)])
    removed = edit("remove", ANN, 2, "a")
    assert promises.added_wins([first, removed, again]) == ["a"]
    assert promises.added_wins([first, removed]) == []


def test_whoever_removes_wins_where_removals_do():
    first = edit("add", ANN, 1, "a")
    again = edit("add", BEN, 1, "a", seen=[(ANN, 1)])
    removed = edit("remove", ANN, 2, "a")
    assert promises.removed_wins([first, removed, again]) == []
    after = edit("add", BEN, 2, "a", seen=[(ANN, 2)])
    assert promises.removed_wins([first, removed, again, after]) == ["a"]


def test_what_was_removed_once_stays_out_of_a_two_phase_set():
    ones = [edit("add", ANN, 1, "a"), edit("remove", ANN, 2, "a"), edit("add", BEN, 1, "a")]
    assert promises.removed_once(ones) == []


def test_flags_go_as_their_names_say():
    ones = [edit("on", ANN, 1), edit("off", BEN, 1)]
    assert promises.on_wins(ones)
    assert not promises.off_wins(ones)
    assert not promises.off_wins([])


def test_the_last_writer_wins_but_never_over_who_has_seen_it():
    first = edit("set", ANN, 1, value="x", stamp=99)
    after = edit("set", BEN, 1, value="y", seen=[(ANN, 1)], stamp=5)
    aside = edit("set", BEN, 1, value="z", stamp=5)
    assert promises.last_wins([first, after]) == "y"
    assert promises.last_wins([first, aside]) == "x"


def test_a_reset_takes_what_it_has_seen():
    ones = [edit("add", ANN, 1, value=3), edit("add", BEN, 1, value=4)]
    reset = edit("reset", ANN, 2)
    assert promises.counted([*ones, reset]) == 4


def test_a_name_in_a_map_stays_with_what_was_counted_meanwhile():
    ones = [edit("add", ANN, 1, "a", 1), edit("add", BEN, 1, "a", 1), edit("remove", ANN, 2, "a")]
    assert promises.counted_by_name(ones) == {"a": 1}


def test_an_element_that_is_moved_outlives_a_deletion_that_had_not_seen_that():
    ones = [edit("insert", ANN, 1, "e")]
    moved = edit("move", BEN, 1, "e", seen=[(ANN, 1)])
    gone = edit("delete", ANN, 2, "e")
    assert promises.elements([*ones, moved, gone]) == ["e"]
    assert promises.elements([*ones, gone]) == []


def test_moves_of_a_tree_make_no_cycle_and_what_is_below_the_trash_is_gone():
    made = [edit("move", ANN, 1, "a", ""), edit("move", ANN, 2, "b", "")]
    crossed = [edit("move", ANN, 3, "a", "b"), edit("move", BEN, 3, "b", "a")]
    assert promises.parents([*made, *crossed]) == {"a": "b", "b": ""}
    assert promises.parents([*made, crossed[0], edit("move", ANN, 4, "b", TRASH)]) == {}


def test_a_document_lives_whole_if_somebody_edits_it_who_does_not_know_that_it_is_deleted():
    put = edit("put", ANN, 1, "x")
    gone = edit("delete", ANN, 2)
    meanwhile = edit("put", BEN, 1, "y", seen=[(ANN, 1)])
    assert promises.lives([put, gone]) is None
    assert promises.lives([put, gone, meanwhile]) == ["x", "y"]
    anew = edit("begin", ANN, 3, "z")
    assert promises.lives([put, gone, anew]) == ["z"]


# ----------------------------------------------------------------------------- moments


def test_who_waits_for_a_moment_is_told_of_the_next_one_only():
    async def main():
        moments = Moments()
        moments.tell("cut", "n1", "l")  # nobody waits
        waiting = asyncio.ensure_future(moments.next("cut"))
        await asyncio.sleep(0)
        moments.tell("leads", "n1", "l")
        moments.tell("cut", "n2", "l")
        moments.tell("cut", "n3", "l")
        assert await waiting == Moment("cut", "n2", "l")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("workload", "fault", "kind"),
    [
        ("floods", "exile", "cut off"),
        ("torrents", "crash_at_election", "kill"),
        ("registers", "lost_voter", "new disk"),
    ],
)
def test_an_ambush_strikes_and_is_survived(workload, fault, kind):
    outcome = simulate(Config(4, workloads=(workload,), faults={fault: 0.7}, work_s=3.0), keep=True)
    assert [problem.text for problem in outcome.problems] == []
    assert kind in {happening.kind for happening in outcome.happenings}


# ----------------------------------------------------------------------------- disks


class _Ground(Probes):
    """Probes of one disk."""

    def __init__(self, extent):
        self.extents = extent
        self.lost, self.found = set(), []

    def extent(self, name, line):
        return self.extents

    def report(self, line, who, what):
        self.found.append(what)


def test_a_log_that_begins_elsewhere_than_its_hard_state_says_is_reported():
    hard = HardState(base=Base(5), memberships=((4, Membership()),))
    ground = _Ground(LineExtent(5, 9, msgspec.msgpack.encode(hard)))
    DiskProbe(LineTruth("l", ground), "n1", by_votes=True).look()
    assert ground.found == []
    ground.extents = LineExtent(7, 9, ground.extents.hard_state)
    DiskProbe(LineTruth("l", ground), "n1", by_votes=True).look()
    assert "entries from 7 on, and a hard state that begins at 5" in ground.found[0]


def test_members_of_an_entry_that_a_disk_has_not_are_reported():
    hard = HardState(memberships=((9, Membership()),))
    ground = _Ground(LineExtent(0, 9, msgspec.msgpack.encode(hard)))
    DiskProbe(LineTruth("l", ground), "n1", by_votes=True).look()
    assert "who the members are since [9]" in ground.found[0]
