"""Anomalies of trees and documents that others have met, replayed.

Replicas hear of each other only when they meet, by each of the three roads. Every meeting also
checks that they hold the same bytes.
"""

import pytest

from tests.paper.people import People
from tests.paper.things import Pair


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
