"""Watching, history and conflicts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

import plait.types.merging as merge
from plait.api.documents import (
    Ask,
    Counter,
    Document,
    Documents,
    Map,
    Merge,
    Register,
    watching,
)
from plait.base.errors import BadValue, Busy, ReadOnly
from tests.unit.graph_fake import FakeReplica, meet, pair


def broken(base: Any, siblings: Any) -> Any:
    raise ValueError("cannot merge")


class Note(Document):
    title = Register(str)
    when = Register(str, resolve=Ask())
    body = Register(str, resolve=Merge(merge.text))
    bad = Register(str, resolve=Merge(broken))
    likes = Counter()
    meta = Map(Counter())


@pytest.fixture
def two() -> tuple[FakeReplica, FakeReplica, Documents[Note], Documents[Note]]:
    ann, bob = pair()
    return ann, bob, Documents(ann, Note), Documents(bob, Note)


async def test_a_watch_tells_what_changed_from_what_to_what(two: Any):
    ann, bob, mine, theirs = two
    async with mine.watch() as watch:
        mine["a"].title = "x"
        with theirs.change("two things"):
            theirs["a"].likes += 2
            theirs["a"].meta["m"] += 1
        meet(ann, bob)
        own, first, second = [await anext(watch) for _ in range(3)]
    assert own[:5] == ("a", ("title",), None, "x", "ann")
    assert (own.own, own.last, own.message) == (True, True, None)
    assert own.when == datetime.fromtimestamp(1000, UTC)
    assert (first.path, first.before, first.after) == (("likes",), None, 2)
    assert (first.own, first.who, first.message, first.last) == (False, "bob", "two things", False)
    assert (second.path, second.last) == (("meta", "m"), True)


async def test_a_watch_may_be_on_one_document_and_path(two: Any):
    _, _, mine, _ = two
    with pytest.raises(BadValue, match="not the name of a field"):
        mine.watch(path=[5])
    async with mine["a"].watch("meta") as watch, mine.watch("a", ("meta", "k")) as narrow:
        mine["b"].meta["m"] += 1
        mine["a"].likes += 1
        mine["a"].meta["m"] += 1
        mine["a"].meta["k"] += 1
        assert (await anext(watch)).path == ("meta", "m")
        assert (await anext(watch)).path == ("meta", "k")
        assert (await anext(narrow)).path == ("meta", "k")
        del mine["a"]
        deleted = await anext(narrow)
        assert (deleted.path, deleted.deleted) == ((), True)


async def test_a_watch_waits_and_ends(two: Any):
    _, _, mine, _ = two
    watch = mine.watch()
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    mine["a"].likes += 1
    assert (await waiting).after == 1
    waiting = asyncio.ensure_future(anext(watch, None))
    await asyncio.sleep(0)
    await watch.aclose()
    assert await waiting is None
    mine["a"].likes += 1
    assert await anext(watch, None) is None


async def test_a_reader_who_is_too_slow_is_cut_off(two: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(watching, "CHANGES_MAX", 3)
    _, _, mine, _ = two
    watch = mine.watch()
    for _ in range(4):
        mine["a"].likes += 1
    with pytest.raises(Busy, match="fell 3 changes behind"):
        await anext(watch)


def test_history_says_who_did_what_and_when(two: Any):
    ann, bob, mine, theirs = two
    mine["a"].title = "one"
    meet(ann, bob)
    bob.now_ms += 60_000
    with theirs.change("better"):
        theirs["a"].title = "two"
        theirs["b"].likes += 1
    meet(ann, bob)
    first, second = mine["a"].history()
    assert (first.who, first.message, first.paths) == ("ann", None, (("title",),))
    assert (second.who, second.message, second.paths) == ("bob", "better", (("title",),))
    assert (second.when - first.when).total_seconds() == 60
    assert mine["a"].at(first.version).title == "one"
    assert mine.at(second.version)["a"].title == "two"
    assert "b" not in mine.at(first.version)
    assert mine.at(first.when)["a"].title == "one"
    assert mine["a"].at(mine.version) == mine["a"]
    assert theirs.at(mine.version).to_dict() == mine.to_dict()


def test_the_past_cannot_be_changed(two: Any):
    _, _, mine, _ = two
    mine["a"].likes += 1
    past = mine["a"].at(mine.version)
    mine["a"].likes += 1
    assert past.likes == 1
    for change in (past.delete, past.likes.reset, lambda: setattr(past, "title", "x")):
        with pytest.raises(ReadOnly, match="read from the past"):
            change()


@pytest.mark.parametrize("text", ["", "!", "abc", "kw", 5, "kZIAAQ"])
def test_a_text_that_is_no_version_is_refused(two: Any, text: Any):
    with pytest.raises(BadValue):
        two[2].at(text)


def test_an_ask_register_asks_and_is_resolved(two: Any):
    ann, bob, mine, theirs = two
    mine["a"].when = "monday"
    meet(ann, bob)
    mine["a"].when = "tuesday"
    bob.now_ms += 1000
    theirs["a"].when = "friday"
    meet(ann, bob)
    (conflict,) = mine.conflicts()
    assert (conflict.key, conflict.field, conflict.path) == ("a", "when", ("when",))
    assert (conflict.base, conflict.siblings) == ("monday", ["tuesday", "friday"])
    assert (conflict.shown, mine["a"].when, theirs["a"].when) == ("friday",) * 3
    assert conflict.who == ["replica-1", "replica-2"]
    assert conflict.when[0] < conflict.when[1]
    assert mine["b"].conflicts() == []
    with pytest.raises(BadValue, match="takes str, not 5"):
        conflict.resolve(5)
    conflict.resolve("sunday")
    meet(ann, bob)
    assert theirs.conflicts() == mine.conflicts() == []
    assert theirs["a"].when == "sunday"


def test_a_merge_register_reads_what_its_function_makes_of_both(two: Any):
    ann, bob, mine, theirs = two
    mine["a"].body = "milk\nbread\n"
    meet(ann, bob)
    mine["a"].body = "milk\nbread\neggs\n"
    theirs["a"].body = "oat milk\nbread\n"
    meet(ann, bob)
    assert mine["a"].body == theirs["a"].body == "oat milk\nbread\neggs\n"
    assert mine.conflicts() == []
    sent = len(ann.log)
    assert mine["a"].body
    assert len(ann.log) == sent


def test_a_merge_function_that_raises_makes_everybody_ask(two: Any):
    ann, bob, mine, theirs = two
    mine["a"].bad = "x"
    theirs["a"].bad = "y"
    meet(ann, bob)
    shown = mine["a"].bad
    meet(ann, bob)
    assert theirs["a"].bad == shown
    (conflict,) = theirs.conflicts()
    conflict.resolve("z")
    meet(ann, bob)
    assert mine["a"].bad == "z"
    assert mine.conflicts() == []


def test_the_losers_of_a_register_can_be_looked_at(two: Any):
    ann, bob, mine, theirs = two
    mine["a"].title = "x"
    bob.now_ms += 1000
    theirs["a"].title = "y"
    meet(ann, bob)
    register = mine["a"].register("title")
    assert (register.value, register.who) == ("y", "replica-2")
    assert [(loser.value, loser.who) for loser in mine.losers("a", "title")] == [("x", "replica-1")]
    register.set("z")
    assert register.losers() == []
    register.clear()
    assert not register.is_set
    with pytest.raises(BadValue, match="has no register 'likes'"):
        mine["a"].register("likes")
