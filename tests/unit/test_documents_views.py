"""Views: counters, flags, sets, maps and trees as Python sees them."""

from typing import Any

import pytest

from plait.api.documents import (
    AddWinsSet,
    BoundedCounter,
    Counter,
    DisableFlag,
    Document,
    Documents,
    EnableFlag,
    GrowCounter,
    GrowSet,
    Map,
    Nested,
    Register,
    RemoveWinsSet,
    Tree,
    TwoPhaseSet,
)
from plait.base.errors import BadCall, BadValue, Closed, RightsElsewhere
from tests.unit.graph_fake import meet, pair


class Line(Document):
    text = Register(str)


class Note(Document):
    views = GrowCounter()
    likes = Counter()
    stock = BoundedCounter(minimum=10)
    on = EnableFlag()
    off = DisableFlag()
    seen = GrowSet(str)
    once = TwoPhaseSet(str)
    tags = AddWinsSet(str)
    bans = RemoveWinsSet(str)
    pairs = AddWinsSet(tuple[int, str])
    meta = Map(Counter())
    names = Map(Register(str))
    lines = Map(Nested(Line))
    deep = Map(Map(Counter()))
    tree = Tree(str)


def two() -> tuple[Any, Any, Any]:
    """A document at two replicas, and how they meet."""
    ann, bob = pair()
    return (
        Documents(ann, Note)["n"],
        Documents(bob, Note)["n"],
        lambda: meet(ann, bob),
    )


@pytest.fixture
def note() -> Any:
    return two()[0]


def test_counters_count_in_place_and_read_as_numbers(note: Any):
    note.likes += 3
    note.likes -= 1
    note.likes.add(5)
    note.views += 2
    assert note.likes == 7
    assert int(note.likes) == 7
    assert note.likes + 1 == 1 + note.likes == 8
    assert 10 - note.likes == 3
    assert note.likes > note.views
    assert repr(note.likes) == f"{note.likes:d}" == "7"
    assert [0, 1, 2][note.views] == 2
    note.likes.reset()
    assert not note.likes


def test_counters_of_two_replicas_add_up():
    ann, bob, meet_up = two()
    ann.likes += 2
    bob.likes += 3
    meet_up()
    assert ann.likes == bob.likes == 5
    assert ann == bob


@pytest.mark.parametrize("value", [5, None, "x"])
def test_assigning_to_a_counter_explains_itself(note: Any, value: Any):
    with pytest.raises(BadValue, match=r"notes\['n'\]\.likes cannot be set .* write \+= or -="):
        note.likes = value
    with pytest.raises(BadValue, match="likes"):
        note.likes = note.meta["x"]


def test_amounts_are_checked(note: Any):
    for wrong in (1.5, "1", True):
        with pytest.raises(BadValue, match="counts in ints"):
            note.likes += wrong
    with pytest.raises(BadValue, match="only grows"):
        note.views += -1


def test_views_cannot_be_hashed(note: Any):
    for view in (note.likes, note.tags, note.meta, note.on):
        with pytest.raises(TypeError, match="unhashable"):
            hash(view)


def test_a_bounded_counter_spends_only_its_own_rights():
    ann, bob, meet_up = two()
    assert ann.stock == 10
    ann.stock += 5
    meet_up()
    with pytest.raises(RightsElsewhere):
        bob.stock -= 1
    ann.stock.transfer(2, 2)
    meet_up()
    assert bob.stock.rights() == {"1": 3, "2": 2}
    bob.stock.spend(2)
    meet_up()
    assert ann.stock == 13
    with pytest.raises(BadValue, match="no replica id"):
        ann.stock.transfer("bob", 1)


def test_flags_are_set_by_assignment_or_by_name(note: Any):
    note.on = True
    assert note.on
    note.on.disable()
    assert note.on == False  # noqa: E712 - a view, not a bool
    note.off.enable()
    assert bool(note.off)
    with pytest.raises(BadValue, match="True or False"):
        note.on = 1


@pytest.mark.parametrize("name", ["seen", "once", "tags", "bans"])
def test_sets_do_what_sets_do(note: Any, name: str):
    view = getattr(note, name)
    view.add("a")
    view.update(["b"], {"c"})
    assert view == {"a", "b", "c"}
    assert "a" in view
    assert "z" not in view
    assert 5 not in view
    assert len(view) == 3
    assert sorted(view) == ["a", "b", "c"]
    assert view | {"d"} == {"a", "b", "c", "d"}
    assert view & {"a", "z"} == {"a"}
    assert {"a", "z"} - view == {"z"}
    assert view >= {"a"}
    with pytest.raises(BadValue, match="takes str, not 5"):
        view.add(5)
    with pytest.raises(BadValue, match="takes str"):
        view.update(["x", 5])
    assert "x" not in view


def test_sets_lose_elements(note: Any):
    note.tags = {"a", "b"}
    note.tags |= {"c"}
    note.tags -= {"b"}
    note.tags.remove("a")
    with pytest.raises(KeyError):
        note.tags.remove("a")
    note.tags.discard("a")
    assert note.tags == {"c"}
    note.tags = ["c", "d"]
    assert note.tags == {"c", "d"}
    note.tags.clear()
    assert not note.tags
    with pytest.raises(BadValue, match="cannot become 'ab'"):
        note.tags = "ab"


def test_a_set_that_only_grows_refuses_to_be_less(note: Any):
    note.seen = {"a"}
    note.seen = {"a", "b"}
    with pytest.raises(BadValue, match="only grows"):
        note.seen = {"b"}
    assert not hasattr(note.seen, "remove")


def test_tuples_are_elements(note: Any):
    note.pairs.add((1, "a"))
    assert note.pairs == {(1, "a")}
    assert (1, "a") in note.pairs


def test_an_add_that_the_remover_has_not_seen_stays():
    ann, bob, meet_up = two()
    ann.tags.add("a")
    meet_up()
    ann.tags.remove("a")
    bob.tags.discard("a")
    bob.tags.add("a")
    meet_up()
    assert ann.tags == bob.tags == {"a"}


def test_maps_hold_objects_by_name(note: Any):
    note.meta["a"] += 2
    note.names["x"] = "y"
    note.lines["l"].text = "hello"
    note.deep["p"]["q"] += 1
    assert note.meta == {"a": 2}
    assert dict(note.names) == {"x": "y"}
    assert note.lines["l"].text == "hello"
    assert note.deep == {"p": {"q": 1}}
    assert "a" in note.meta
    assert "b" not in note.meta
    assert note.names.get("z") is None
    with pytest.raises(KeyError):
        note.names["z"]
    del note.meta["a"]
    assert "a" not in note.meta
    with pytest.raises(KeyError):
        del note.meta["a"]
    note.names = {"x": "y", "k": "v"}
    assert note.names.pop("x") == "y"
    assert note.names == {"k": "v"}
    with pytest.raises(BadValue, match="takes str, not 5"):
        note.names["k"] = 5
    with pytest.raises(BadValue, match="keys of a map are str"):
        note.names[5] = "k"


def test_a_key_that_is_removed_while_somebody_counts_there_survives():
    ann, bob, meet_up = two()
    ann.meta["a"] += 2
    meet_up()
    del ann.meta["a"]
    bob.meta["a"] += 5
    meet_up()
    assert ann.meta == bob.meta == {"a": 5}


def test_trees_hold_nodes_below_nodes(note: Any):
    tree = note.tree
    home = tree.create(value="home")
    room = tree.create(home, "room")
    other = tree.create(None, "other", index=0)
    assert tree.roots() == [other, home]
    assert list(tree) == [other, home, room]
    assert (tree.parent(room), tree.parent(home)) == (home, None)
    assert tree[room] == "room"
    tree.move(room, other)
    tree[room] = "hall"
    assert tree.children(other) == [room]
    assert tree.get(room) == "hall"
    with pytest.raises(BadCall, match="below itself"):
        tree.move(other, room)
    tree.delete(other)
    assert list(tree) == [home]
    assert room not in tree
    with pytest.raises(KeyError):
        tree[room]
    with pytest.raises(BadValue, match="takes str"):
        tree.create(None, 5)


def test_plain_calls_after_the_end_are_refused():
    ann, _ = pair()
    note = Documents(ann, Note)["n"]
    likes = note.likes
    ann.closed = True
    for use in (lambda: int(likes), lambda: likes.add(1), lambda: note.tags.add("a")):
        with pytest.raises(Closed):
            use()
