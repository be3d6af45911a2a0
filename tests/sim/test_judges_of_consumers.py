"""The judges of groups of consumers complain of a record that was tampered with."""

from workload_runs import calm, complaints, tampered

from plait.sim.workloads.consumers import COUNT, Given, judge_effects, judge_notes

LOG = ["1.1", "2.1", "3.1", "4.1"]


def given(*ones):
    return [Given(epoch, LOG[place], committed) for epoch, place, committed in ones]


def test_groups_change_hands_in_a_run_and_everything_is_done():
    workload = calm("consumers")
    holders = {row[0] for key, row in workload.effects["jobs-led"].items() if key.isdigit()}
    assert len(holders) > 1
    assert len({one.epoch for one in workload.given}) > 1
    assert complaints(tampered("consumers")) == ""


def test_a_transaction_that_was_done_twice_or_not_at_all_is_found():
    for table in ("jobs-led", "jobs-agreed"):
        found = tampered("consumers")
        rows = found.effects[table]
        last = f"{rows[COUNT] - 1:06}"
        rows[f"{rows[COUNT]:06}"], rows[COUNT] = rows[last], rows[COUNT] + 1
        assert f"{table}: " in complaints(found)
        found = tampered("consumers")
        del found.effects[table][last]
        assert "were done, rows are" in complaints(found)
        found.effects[table][COUNT] -= 1
        assert "the log has" in complaints(found)


def test_an_effect_that_is_not_what_the_log_has_is_found():
    found = tampered("consumers")
    found.effects["jobs-led"]["000003"][3] = []
    assert "number 3 is" in complaints(found)


def test_a_holder_that_was_followed_and_went_on_is_found():
    rows = {COUNT: 2, "000000": [2, "1.1", 5, []], "000001": [1, "2.1", 6, []]}
    assert "was done behind" in "\n".join(judge_effects("t", rows, None))


def test_what_is_given_again_is_no_hole_and_a_hole_is_one():
    once = given((1, 0, False), (1, 1, False), (1, 0, True), (2, 1, False), (2, 2, False))
    assert list(judge_notes([*once, *given((2, 3, False))], LOG)) == []
    assert "3 were given, the log has 4" in list(judge_notes(once, LOG))
    hole = given((1, 0, False), (1, 2, False), (1, 3, False))
    assert "was given places [0, 2, 3]" in "\n".join(judge_notes(hole, LOG))
    later = given((1, 0, False), (2, 2, False), (2, 3, False))
    assert "began at 2, those before had come to 0" in "\n".join(judge_notes(later, LOG))


def test_what_was_committed_and_comes_again_is_found():
    again = given((1, 0, False), (1, 1, False), (1, 1, True), (2, 1, False), (2, 2, False))
    assert "though 1 was committed" in "\n".join(judge_notes(again, LOG))
