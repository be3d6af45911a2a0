"""Anomalies of registers that others have met, replayed.

Replicas hear of each other only when they meet, by each of the three roads. Every meeting also
checks that they hold the same bytes.
"""

from collections.abc import Callable
from typing import Any

from tests.engines.graph_replicas import Wire, until
from tests.paper.people import People
from tests.paper.things import Murmur, Pair


async def test_a_causal_successor_wins_over_a_clock_that_runs_ahead(people: People, pair: Pair):
    """Cassandra's lost update: whoever has a slow clock writes in vain, though he has read what
    he replaces.

    Kingsbury, "Jepsen: Cassandra" (2013); Kulkarni et al., "Logical physical clocks" (2014).
    """
    ann, bob = pair
    people.clocks[0].ahead_ms = 30_000
    ann.title = "of the fast clock"
    ann.when = "of the fast clock"
    await people.meet()
    bob.title = "after reading it"
    bob.when = "after reading it"
    await people.meet()
    assert ann.title == bob.title == "after reading it"
    assert ann.when == bob.when == "after reading it"
    assert ann.conflicts() == []
    ann.title = "fast"
    bob.title = "slow"
    await people.meet()
    assert ann.title == bob.title == "fast"  # at the same time: the later stamp
    for one in (ann, bob):
        assert [(loser.value, loser.who) for loser in one.register("title").losers()] == [
            ("slow", "bob")
        ]


async def test_equal_stamps_are_decided_the_same_way_everywhere(people: People, pair: Pair):
    """Riak and Cassandra compared values, or kept the last to arrive, when stamps were equal.

    Kingsbury, "Jepsen: Riak" and "Jepsen: Cassandra" (2013).
    """
    ann, bob = pair
    moment = 1_900_000_000_000
    for replica, clock in zip(people.replicas, people.clocks, strict=True):
        clock.wall_ms = lambda: moment  # type: ignore[method-assign]
        replica.parts.scope.clock.last = 0
    for key in range(8):
        for mine, text in ((ann, "zz"), (bob, "aa")):
            mine.title = f"{text}{key}"
    stamps = {one.parts.scope.clock.last for one in people.replicas}
    await people.meet()
    assert len(stamps) <= 2
    assert ann.title == bob.title
    assert len(ann.register("title").losers()) == len(bob.register("title").losers()) == 1


async def test_two_decisions_at_once_agree_or_are_one_new_conflict(people: People, pair: Pair):
    """Siblings that resolvers write back multiply: each resolution is a new version, concurrent
    with the other's, until there are thousands.

    Basho, "Sibling explosion" (Riak documentation); Preguiça et al., "Dotted version vectors"
    (2010).
    """
    ann, bob = pair
    ann.when, bob.when = "monday", "tuesday"
    await people.meet()
    assert ann.conflicts()[0].siblings == bob.conflicts()[0].siblings
    for _ in range(3):
        ann.conflicts()[0].resolve("wednesday")
        bob.conflicts()[0].resolve("thursday")
        await people.meet()
        for one in (ann, bob):
            (conflict,) = one.conflicts()
            assert sorted(conflict.siblings) == ["thursday", "wednesday"]
        before = dict(people.replicas[0].vector)
        await people.meet()
        assert [ann.when, bob.when] == [ann.when] * 2
        written = {
            r: seq - before.get(r, 0) for r, seq in people.replicas[0].vector.items() if r in before
        }
        assert all(count <= 1 for count in written.values())  # at most a beat: nobody answers
    ann.conflicts()[0].resolve("friday")
    bob.conflicts()[0].resolve("friday")
    await people.meet()
    assert ann.when == bob.when == "friday"
    assert ann.conflicts() == bob.conflicts() == []


async def test_replicas_that_merge_differently_show_the_same_and_ask(people: People):
    """A merge function that two versions of a program implement differently makes replicas that
    have seen the same read differently for ever.

    CouchDB and Realm leave that to the application ("conflict resolution must be deterministic").
    """
    (ann,) = await people.come("ann")
    (bob,) = await people.come("bob", document=Murmur)
    ann["k"].text = "base"
    await people.meet()
    ann["k"].text = "One"
    bob["k"].text = "Two"
    await people.meet()
    assert ann["k"].text != bob["k"].text
    Wire(*people.replicas)  # hashes are compared while they are linked

    def agreed() -> bool:
        shown: list[Callable[[], Any]] = [lambda: ann["k"].text, lambda: bob["k"].text]
        return len({show() for show in shown}) == 1

    await until(agreed)
    assert ann["k"].text in ("One", "Two")
    assert sorted(ann["k"].conflicts()[0].siblings) == ["One", "Two"]
    ann["k"].conflicts()[0].resolve("Both")
    await until(lambda: bob["k"].text == "Both" and not bob["k"].conflicts())
