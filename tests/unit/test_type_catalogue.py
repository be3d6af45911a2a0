"""Which type a tag names."""

import pytest

from plait.base.errors import BadSettings
from plait.types.catalogue import register, type_of
from plait.types.grow_counter import GrowCounter
from plait.types.opaque import Opaque


class Votes(GrowCounter):
    tag = "u.test_catalogue.votes"


class Ballots(GrowCounter):
    tag = "u.test_catalogue.votes"


class Limited(GrowCounter):
    tag = "u.test_catalogue.limited"

    def __init__(self, limit):
        self.limit = limit


@pytest.mark.parametrize(
    "tag", ["gc", "c", "b", "r", "m", "q", "ew", "dw", "gs", "tp", "aw", "rw", "t"]
)
def test_every_tag_of_ours_has_one_instance(tag):
    assert type_of(tag).tag == tag
    assert type_of(tag) is type_of(tag)


@pytest.mark.parametrize("tag", ["u.test_catalogue.unknown", "", "nonsense", "o"])
def test_a_tag_that_nobody_knows_is_opaque(tag):
    assert isinstance(type_of(tag), Opaque)


def test_a_user_registers_a_type_once_or_again_but_no_other_in_its_place():
    votes = Votes()
    register(votes)
    register(Votes())
    assert type_of(Votes.tag) is votes
    with pytest.raises(BadSettings):
        register(Ballots())
    assert type_of(Votes.tag) is votes


def test_a_type_has_one_setting():
    register(Limited(1))
    register(Limited(1))
    with pytest.raises(BadSettings):
        register(Limited(2))


def test_what_is_no_user_type_is_refused():
    class Bare(GrowCounter):
        tag = "c"

    class Odd(GrowCounter):
        tag = "u.a:b"

    for type_ in (Bare(), Odd(), GrowCounter(), Votes, None):
        with pytest.raises(BadSettings):
            register(type_)
