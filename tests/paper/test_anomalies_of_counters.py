"""Anomalies of counters that others have met, replayed.

Replicas hear of each other only when they meet, by each of the three roads. Every meeting also
checks that they hold the same bytes.
"""

import pytest

from plait.base.errors import RightsElsewhere
from tests.paper.people import People
from tests.paper.things import Pair


async def test_a_reset_counter_is_not_revived_by_an_increment_meanwhile(people: People, pair: Pair):
    """Riak's embedded counter: an increment by a replica that is behind brings back what it
    counted before the reset, since its whole entry is as new as its last dot.

    Almeida and Baquero, "Scalable eventually consistent counters over unreliable networks" (2013),
    and basho/riak_dt, "riak_dt_map: removing and re-adding a counter".
    """
    ann, bob = pair
    bob.count += 10
    await people.meet()
    ann.count.reset()
    bob.count += 1
    await people.meet()
    assert ann.count == bob.count == 1  # neither 11 nor 0
    bob.count.reset()
    ann.count.reset()
    await people.meet()
    assert ann.count == bob.count == 0  # reset by both, not below zero


async def test_a_reset_takes_along_only_what_it_has_seen_of_each_replica(people: People):
    """The reset of one replica meets increments of two others that it knew half of.

    Weidner and Almeida, "An oblivious observed-reset embeddable replicated counter" (2022).
    """
    ann, bob, cem = (docs["k"] for docs in await people.come("ann", "bob", "cem"))
    bob.count += 100
    await people.meet(0, 1)
    bob.count += 20
    cem.count += 3
    ann.count.reset()
    await people.meet(0, 2)
    assert (ann.count, cem.count) == (3, 3)
    await people.meet()
    assert (ann.count, bob.count, cem.count) == (23, 23, 23)


async def test_a_removed_and_recreated_map_entry_begins_at_nothing(people: People, pair: Pair):
    """A counter in a map that is removed here and counted on there keeps the new, not the old.

    Brown, Cribbs, Meiklejohn and Elliott, "Riak DT map: a composable, convergent replicated
    dictionary" (2014), on reset-remove.
    """
    ann, bob = pair
    ann.rows["x"] += 7
    ann.names["x"] = "seven"
    await people.meet()
    del ann.rows["x"]
    del ann.names["x"]
    bob.rows["x"] += 1
    await people.meet()
    assert ann.rows == bob.rows == {"x": 1}
    assert ann.names == bob.names == {}
    ann.rows["x"] += 1
    del bob.rows["x"]
    await people.meet()
    assert ann.rows == bob.rows == {"x": 1}


async def test_a_bounded_counter_is_not_spent_twice_in_a_partition(people: People):
    """Two shops sell the last ticket while they cannot hear each other.

    Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric
    invariants" (2015).
    """
    ann, bob = (docs["k"] for docs in await people.come("ann", "bob"))
    ann.stock += 3
    ann.stock.transfer(people.replicas[1].replica, 1)
    await people.meet()
    ann.stock.spend(2)
    bob.stock.spend(1)
    with pytest.raises(RightsElsewhere, match="may spend 0, not 1; there are 2 at ann") as refused:
        bob.stock.spend(1)  # as far as it knows
    assert refused.value.details["rights"] == {f"{people.replicas[0].replica:x}": 2}
    await people.meet()
    assert ann.stock == bob.stock == 0
    for shop in (ann, bob):
        with pytest.raises(RightsElsewhere):
            shop.stock.spend(1)
