"""Which children objects have, as objects come and go."""

from plait.types.nesting import Nesting


def test_dropping_the_last_object_forgets_the_way_to_it():
    nesting = Nesting()
    nesting.add(("o:card", "r:title"))
    nesting.drop(("o:card", "r:title"))
    assert nesting.components == {}


def test_a_list_stays_when_the_last_object_in_its_elements_goes():
    nesting = Nesting()
    nesting.add(("l:cards",))
    nesting.add(("l:cards", "1.5", "r:title"))
    nesting.drop(("l:cards", "1.5", "r:title"), objects={("l:cards",): "a state of its own"})
    assert nesting.components == {(): {"l:cards": None}}
    nesting.drop(("l:cards",))  # as it would be if it were dropped too, without a KeyError
    assert nesting.components == {}
