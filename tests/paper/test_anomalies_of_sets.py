"""Anomalies of sets and flags that others have met, replayed.

Replicas hear of each other only when they meet, by each of the three roads. Every meeting also
checks that they hold the same bytes.
"""

from tests.paper.people import People
from tests.paper.things import Pair


async def test_a_remove_takes_away_no_add_that_it_has_not_seen(people: People, pair: Pair):
    """The observed-remove set keeps the concurrent add; a remove-wins set does not keep it; a
    two-phase set never takes an element back.

    Shapiro et al., "A comprehensive study of convergent and commutative replicated data types"
    (2011), 3.3.5; Bieniusa et al., "An optimized conflict-free replicated set" (2012).
    """
    ann, bob = pair
    for field in ("added", "removed", "once"):
        getattr(ann, field).add("x")
    await people.meet()
    for field in ("added", "removed", "once"):
        getattr(ann, field).remove("x")
        getattr(bob, field).add("x")  # once more, while it is there
    await people.meet()
    assert ann.added == bob.added == {"x"}
    assert ann.removed == bob.removed == set()
    assert ann.once == bob.once == set()
    ann.removed.add("x")  # having seen the remove
    ann.added.remove("x")  # having seen both adds
    await people.meet()
    assert bob.removed == {"x"}
    assert bob.added == set()


async def test_an_element_that_was_never_there_is_not_removed_in_advance(
    people: People, pair: Pair
):
    """The remove of an element that only the other replica has yet concerns no add: add-wins and
    remove-wins keep it. (A last-writer-wins set with a slow clock loses it.)

    Shapiro et al. (2011), 3.3.3.
    """
    ann, bob = pair
    bob.added.add("x")
    ann.added.discard("x")
    await people.meet()
    assert ann.added == bob.added == {"x"}


async def test_adds_and_removes_of_three_leave_no_ghost(people: People):
    """An element comes back in an OR-set without causal delivery, when an add arrives after the
    remove that covered it. Here it passes through a third replica, in either order.

    Bieniusa et al. (2012), on tombstones; Almeida, Shoker and Baquero, "Delta state replicated
    data types" (2018), on gaps in delta intervals.
    """
    ann, bob, cem = (docs["k"] for docs in await people.come("ann", "bob", "cem"))
    ann.added.add("x")
    await people.meet(0, 1)
    bob.added.remove("x")
    await people.meet(1, 2)
    assert cem.added == set()
    await people.meet(0, 2)
    assert (ann.added, cem.added) == (set(), set())
    cem.added.add("x")
    ann.added.add("x")
    bob.added.add("y")
    ann.added.remove("x")
    await people.meet()
    assert ann.added == bob.added == cem.added == {"x", "y"}


async def test_flags_that_are_switched_at_once_end_as_their_name_says(people: People, pair: Pair):
    """Enable-wins and disable-wins flags, switched both ways at the same time.

    Baquero, Almeida and Shoker, "Pure operation-based replicated data types" (2017), 5.
    """
    ann, bob = pair
    ann.on, ann.off = True, True
    await people.meet()
    ann.on, ann.off = False, False
    bob.on.enable()
    bob.off.enable()
    await people.meet()
    assert ann.on == bob.on == True  # noqa: E712 - a view
    assert ann.off == bob.off == False  # noqa: E712 - a view
    bob.on, bob.off = False, True
    await people.meet()
    assert (bool(ann.on), bool(ann.off)) == (False, True)
