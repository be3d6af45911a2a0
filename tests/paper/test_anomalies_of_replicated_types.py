"""Anomalies that others have met, replayed between replicas that hear of each other only when they
meet, by each of the three roads. Every meeting also checks that the replicas hold the same bytes.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from plait.api.documents import (
    AddWinsSet,
    Ask,
    BoundedCounter,
    Counter,
    DisableFlag,
    Document,
    EnableFlag,
    Map,
    Merge,
    Register,
    RemoveWinsSet,
    Tree,
    TwoPhaseSet,
)
from plait.base.errors import RightsElsewhere
from tests.engines.graph_replicas import Wire, until
from tests.paper.people import People


def loud(base: Any, siblings: Any) -> str:
    return "+".join(siblings).upper()


def quiet(base: Any, siblings: Any) -> str:
    return "+".join(siblings).lower()


class Thing(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    text = Register(str, resolve=Merge(loud))
    count = Counter()
    stock = BoundedCounter()
    added = AddWinsSet(str)
    removed = RemoveWinsSet(str)
    once = TwoPhaseSet(str)
    on = EnableFlag()
    off = DisableFlag()
    tree = Tree(str)
    rows = Map(Counter())
    names = Map(Register(str))


class Murmur(Document):
    text = Register(str, resolve=Merge(quiet))


@pytest.fixture(params=["ops", "delta", "state"])
async def people(request: pytest.FixtureRequest) -> AsyncIterator[People]:
    people = People(Thing, request.param)
    yield people
    await people.leave()


Pair = tuple[Any, Any]


@pytest.fixture
async def pair(people: People) -> Pair:
    ann, bob = await people.come("ann", "bob")
    return ann["k"], bob["k"]


# --------------------------------------------------------------------------- counters


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


# --------------------------------------------------------------------------- sets and flags


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


# --------------------------------------------------------------------------- registers


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


# --------------------------------------------------------------------------- trees, documents


async def test_moves_that_make_a_cycle_together_lose_nobody(people: People, pair: Pair):
    """Two moves, each legal, put each node below the other: Google Drive answered with an internal
    error, others lost the subtree or duplicated it.

    Kleppmann et al., "A highly-available move operation for replicated trees" (2021), 3.
    """
    ann, bob = pair
    a, b = ann.tree.create(value="a"), ann.tree.create(value="b")
    c = ann.tree.create(a, "c")
    await people.meet()
    ann.tree.move(a, b)
    bob.tree.move(b, a)
    await people.meet()
    assert ann.tree == bob.tree
    assert sorted(ann.tree) == sorted([a, b, c])  # each once
    assert {ann.tree.parent(a), ann.tree.parent(b)} in ({None, a}, {None, b})
    assert ann.tree.parent(c) == a


async def test_a_node_that_two_people_move_is_not_duplicated(people: People, pair: Pair):
    """A move that is a delete and a create leaves two copies of the subtree, and edits in one of
    them are lost.

    Kleppmann et al. (2021), figure 1.
    """
    ann, bob = pair
    a, b, c = (ann.tree.create(value=name) for name in "abc")
    below = ann.tree.create(a, "below")
    await people.meet()
    ann.tree.move(a, b)
    bob.tree.move(a, c)
    bob.tree.set(below, "edited")
    await people.meet()
    assert ann.tree == bob.tree
    assert sorted(ann.tree) == sorted([a, b, c, below])
    assert ann.tree.parent(a) in (b, c)
    assert ann.tree[below] == "edited"


async def test_a_node_that_is_moved_into_what_another_deletes_is_where_both_agree(
    people: People, pair: Pair
):
    """A subtree that is deleted here while something is moved out of it, and into it, there."""
    ann, bob = pair
    folder, kept, late = (ann.tree.create(value=name) for name in ("folder", "kept", "late"))
    ann.tree.move(kept, folder)
    await people.meet()
    ann.tree.delete(folder)
    bob.tree.move(kept)
    bob.tree.move(late, folder)
    await people.meet()
    assert ann.tree == bob.tree
    assert kept in ann.tree  # it was moved out by somebody who had not seen the deletion


async def test_a_deleted_document_that_somebody_edits_is_back_whole(people: People):
    """Half a document is left when its deletion removes the fields one by one: a concurrent edit
    revives the one field that it touched, and the rest is gone.

    automerge and Yjs issues on deleting a map that another user edits.
    """
    mine, yours = await people.come("ann", "bob")
    mine["k"] = {"title": "whole", "when": "today", "count": mine["k"].count}
    mine["k"].added.add("tag")
    mine["k"].count += 5
    await people.meet()
    del mine["k"]
    yours["k"].title = "edited"
    await people.meet()
    assert mine["k"] == yours["k"]
    assert (mine["k"].title, mine["k"].when, mine["k"].count) == ("edited", "today", 5)
    assert mine["k"].added == {"tag"}
    del yours["k"]
    await people.meet()
    assert "k" not in mine
    mine["k"].count += 1  # by somebody who has seen the deletion: a new one
    await people.meet()
    assert (yours["k"].count, yours["k"].title, yours["k"].added) == (1, None, set())


@pytest.mark.parametrize("sync", ["ops", "delta", "state"])
async def test_a_key_that_is_a_map_here_and_a_number_there_reads_the_same(sync: str):
    """A JSON key is assigned a map by one and a scalar by the other; nested edits must not be
    silently lost with it.

    Kleppmann and Beresford, "A conflict-free replicated JSON datatype" (2017), figure 4.
    """
    people = People(None, sync)
    mine, yours = await people.come("ann", "bob")
    mine["k"]["a"] = {"x": 1}
    await people.meet()
    mine["k"]["a"]["y"] = 2
    yours["k"]["a"] = "plain"
    await people.meet()
    assert mine["k"] == yours["k"] == {"a": {"y": 2}}  # what was not seen survives
    mine["k"]["b"] = {"in": 1}
    yours["k"]["b"] = 5
    await people.meet()
    assert mine["k"]["b"] == yours["k"]["b"] == {"in": 1}
    yours["k"]["b"] = 6  # by somebody who has seen both
    await people.meet()
    assert mine["k"]["b"] == yours["k"]["b"] == 6
    await people.leave()
