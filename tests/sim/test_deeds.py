"""What was acknowledged, refused or left open, and what must be there of it, in which order."""

from plait.sim.workloads.deeds import Deed, accounts_for, out_of_order


def deed(token, invoked, returned=None, fate="acknowledged"):
    return Deed(token, "write", None, None, "", invoked, 0.0, fate, returned=returned)


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
