"""The random campaign finds every mistake that is planted: it would find them if they were ours."""

import os

import pytest
from raft_mistakes import MISTAKES, Mistake
from test_raft_random import simulate

from plait.base.errors import BadFrame, Corrupt

# the schedule that found it first is tried first
FIRST_SEEDS = {
    "counts_its_own_unsynced_disk": 2, "commit_falls": 4, "compares_lengths_only": 13,
    "protects_no_leader": 5, "counts_new_disks_votes": 58, "reads_without_a_round": 107,
    "one_majority_decides_a_joint_change": 14, "a_copy_carries_no_membership": 25,
    "a_cut_membership_stays_in_force": 26, "a_restart_forgets_a_membership": 8,
    "learners_count": 1, "a_gone_member_holds_up_its_successor": 1, "votes_twice": 6,
    "reads_before_its_term_committed": 18, "a_membership_counts_once_committed": 1,
    "a_copy_lowers_the_term": 1,
}  # fmt: skip
LIMIT = int(os.environ.get("RAFT_MISTAKE_SEEDS", "120"))


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_planted_mistake_is_found(mistake: Mistake) -> None:
    first = FIRST_SEEDS.get(mistake.__name__, 0)
    for seed in (first, *range(LIMIT)):
        with pytest.MonkeyPatch.context() as patch:
            mistake(patch)
            try:
                simulate(seed)
            except (AssertionError, Corrupt, BadFrame):  # nobody in this world makes frames up
                return
    pytest.fail(f"{LIMIT} schedules did not find it")
