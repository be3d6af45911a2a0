"""The copy of a lone store is a member by its own word, until it meets where it came from."""

from plait.graph.event import ADMIT, BEAT, Batch, Op
from plait.graph.members import Members

FOUNDER, COPY, OTHER, NEW = 1, 5, 7, 9


def claim(replica: int) -> Batch:
    return Batch(replica, 1, 1, (), (Op("", (ADMIT,), [replica, "copy"]),))


def test_who_claims_is_a_member_for_itself_and_whom_it_admits_and_its_word_is_no_reason():
    members = Members(FOUNDER)
    members.claim(COPY, "copy")
    members.admit(NEW, "new", (COPY, 2))
    assert members.flock() == COPY
    assert members.remaining() == [FOUNDER, COPY, NEW]
    assert members.roots(COPY) == ()
    assert members.roots(NEW) == ((NEW, COPY, 2),)
    members.retire(FOUNDER, 4, 4, (COPY, 3))
    assert members.remaining() == [COPY, NEW]  # though nobody but itself stands for it


def test_only_a_newcomer_believes_a_claim():
    members = Members(FOUNDER)
    assert members.believes(NEW, claim(COPY))
    assert not members.believes(NEW, Batch(COPY, 1, 1, (), (Op("", (BEAT,), None),)))
    assert not members.believes(NEW, Batch(COPY, 2, 1, (), claim(COPY).ops))
    assert not members.believes(NEW, Batch(OTHER, 1, 1, (), claim(COPY).ops))
    members.admit(NEW, "new", (FOUNDER, 3))
    assert not members.believes(NEW, claim(COPY))
    assert not Members(FOUNDER).flock()
