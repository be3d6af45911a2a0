"""Mistakes in who the members are: joint changes, learners, what a restart forgets."""

import raft_mistakes as known
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.node.members import Members


def a_node_leaves_before_its_lines_let_it_go(patch: Patch) -> None:
    """An operator is told that nothing depends on a node any more, and throws it away."""
    patch.setattr(Members, "_lines_with", lambda self, name: [])


joining = world(
    "members", think_s=0.05, work_s=20.0, calm_s=90.0, kill=2.0, partition=2.0, pause=3.0
)
interrupted = world("members", think_s=0.05, work_s=20.0, calm_s=90.0, exile=0.5)
MISTAKES = (
    Mistake(known.one_majority_decides_a_joint_change, joining),
    Mistake(known.changes_without_a_joint_step, joining),
    Mistake(known.begins_a_change_before_the_last_is_committed, joining),
    Mistake(known.a_membership_counts_once_committed, joining),
    Mistake(known.a_restart_forgets_a_membership, joining),
    Mistake(known.learners_count, joining),
    Mistake(known.a_cut_membership_stays_in_force, interrupted),
    Mistake(a_node_leaves_before_its_lines_let_it_go, interrupted),
)
