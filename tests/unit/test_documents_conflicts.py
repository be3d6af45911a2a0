"""Conflicts without a class, decisions that came too late, and merges that others compare."""

import pytest

import plait
from plait.api.documents import Documents
from plait.base.errors import BadValue, ConflictChanged
from tests.unit.graph_fake import FakeReplica, meet, pair


def joined(base, siblings):
    return "+".join(siblings)


def broken(base, siblings):
    raise ValueError("cannot")


class Inner(plait.Document):
    when = plait.Register(str, resolve=plait.Ask())


class Note(plait.Document):
    when = plait.Register(str, resolve=plait.Ask())
    title = plait.Register(str, resolve=plait.Merge(joined))
    body = plait.Register(str, resolve=plait.Merge(broken))
    plain = plait.Register(str)
    meta = Inner


@pytest.fixture
def handles():
    one, two = pair()
    return Documents(one, Note), Documents(two, Note)


def replicas(handles):
    return [docs._access.replica for docs in handles]


def apart(handles, field, *values):
    for docs, value in zip(handles, values, strict=True):
        setattr(docs["k"], field, value)
    meet(*replicas(handles))


def test_the_inbox_needs_no_class(handles):
    apart(handles, "when", "tue", "wed")
    handles[0]["k"].meta.when = "x"
    handles[1]["k"].meta.when = "y"
    meet(*replicas(handles))
    plain = Documents(replicas(handles)[0]).conflicts()
    assert [conflict.field for conflict in plain] == ["meta.when", "when"]
    assert [conflict.kind for conflict in plain] == ["ask", "ask"]
    assert plain[1].siblings == handles[0].conflicts()[1].siblings == ["tue", "wed"]
    plain[1].resolve("thu")
    assert handles[0]["k"].when == "thu"


def test_a_name_with_a_dot_is_told_from_a_path():
    one, two = pair()
    for replica, value in ((one, 1), (two, 2)):
        replica.mutate("k", ("q:a.b",), ("set", value))
        replica.mutate("k", ("o:a", "q:b"), ("set", value))
    meet(one, two)
    assert {conflict.field for conflict in Documents(one).conflicts()} == {"a.b", '"a.b"'}


def test_a_decision_never_covers_what_its_maker_has_not_seen(handles):
    apart(handles, "when", "tue", "wed")
    (conflict,) = handles[0].conflicts()
    third = FakeReplica(3)
    Documents(third, Note)["k"].when = "thu"
    third.sync(replicas(handles)[0])
    with pytest.raises(ConflictChanged, match="other values"):
        conflict.resolve("mine")
    (again,) = handles[0].conflicts()
    assert sorted(again.siblings) == ["thu", "tue", "wed"]
    again.resolve("mine")
    with pytest.raises(ConflictChanged, match="resolved meanwhile"):
        again.resolve("once more")
    assert handles[0]["k"].when == "mine"


def test_own_values_are_those_of_this_replica_or_of_its_author(handles):
    apart(handles, "when", "tue", "wed")
    (mine,), (theirs,) = (docs.conflicts() for docs in handles)
    assert [one.own for one in mine.versions] == [True, False]
    assert [one.own for one in theirs.versions] == [False, True]
    assert mine.since == mine.when[1]
    replica = replicas(handles)[0]
    replica.author = replica.names[2] = "ann"  # the same person, at another machine
    assert [one.own for one in handles[0].conflicts()[0].versions] == [True, True]


def test_a_merge_is_told_once_for_each_set_of_heads(handles):
    one, two = replicas(handles)
    handles[0]["k"].title = "alone"
    assert handles[0]["k"].title == "alone"
    assert one.merges == []  # nothing was merged
    meet(one, two)
    apart(handles, "title", "a", "b")
    for _ in range(3):
        assert handles[0]["k"].title == handles[1]["k"].title == "a+b"
    assert len(one.merges) == 1
    assert one.merges == two.merges
    apart(handles, "title", "c", "d")
    assert handles[0]["k"].title == "c+d"
    assert len({merge[2:] for merge in one.merges}) == len(one.merges) == 2


def test_reading_the_past_tells_nobody(handles):
    apart(handles, "title", "a", "b")
    apart(handles, "body", "a", "b")
    past = handles[0].at(handles[0].version)
    assert past["k"].title == "a+b"
    assert past["k"].body == "b"
    assert replicas(handles)[0].merges == []
    assert Documents(replicas(handles)[1]).conflicts() == []


def test_what_is_shown_is_merged_or_says_that_it_is_not(handles):
    note, plain = handles[0]["k"], Documents(replicas(handles)[0])["k"]
    for field in ("when", "title", "body", "plain"):
        assert note.register(field).merged  # there is nothing
        apart(handles, field, "a", "b")
    assert [note.register(f).merged for f in ("when", "title", "body", "plain")] == [
        False, True, False, False,
    ]  # fmt: skip
    assert note.body == "b"  # the function raised
    assert (plain["title"], plain.register("title").merged) == ("b", False)  # nobody knows it here
    assert plain.register("title").who == "replica-2"
    with pytest.raises(BadValue):
        plain.register("nothing")


def test_a_contested_merge_is_decided_by_the_inbox_or_by_an_assignment(handles):
    for value in ("resolve", "assign"):
        apart(handles, "body", "a", "b" + value)
        assert handles[0]["k"].body == "b" + value
        meet(*replicas(handles))
        (conflict,) = Documents(replicas(handles)[1]).conflicts()
        assert (conflict.kind, conflict.siblings) == ("merge", ["a", "b" + value])
        if value == "resolve":
            conflict.resolve("c")
        else:
            handles[1]["k"].body = "c"
        meet(*replicas(handles))
        assert handles[0].conflicts() == handles[1].conflicts() == []
        assert handles[0]["k"].register("body").merged
