"""Conflicts between real nodes: contested merges, the inbox at both, and decisions made at once."""

import time
from typing import Any

import pytest
from members import until

import plait
from plait.base.errors import ConflictChanged
from plait.node.local import Local


def upper(base: Any, siblings: Any) -> str:
    return "+".join(siblings).upper()


def lower(base: Any, siblings: Any) -> str:
    return "+".join(siblings).lower()


class Upper(plait.Document):
    title = plait.Register(str, resolve=plait.Merge(upper))
    when = plait.Register(str, resolve=plait.Ask())


class Lower(plait.Document):
    title = plait.Register(str, resolve=plait.Merge(lower))
    when = plait.Register(str, resolve=plait.Ask())


def inboxes(*handles: Any) -> list[list[list[Any]]]:
    return [[conflict.siblings for conflict in docs.conflicts()] for docs in handles]


def later() -> None:
    """The loop stands still, so that nothing is heard, and the clock goes on."""
    time.sleep(0.005)


async def wrote_apart(one: Any, two: Any, field: str, first: str, second: str) -> None:
    """Both write in one tick, before either can hear of the other; the second is the later."""
    setattr(one["n"], field, first)
    later()
    setattr(two["n"], field, second)
    await until(lambda: one.version == two.version)


async def test_merges_that_differ_are_contested_and_read_the_same_at_every_node(members):
    one = await members.documents("n1", "notes", Upper)
    two = await members.documents("n2", "notes", Lower)
    bystander = await members.documents("n3", "notes")
    one["n"].title = "base"
    await until(lambda: two["n"].title == bystander["n"].get("title") == "base")
    await wrote_apart(one, two, "title", "Ann", "Bob")
    assert one["n"].title != two["n"].title
    assert one["n"].register("title").merged
    assert not bystander["n"].register("title").merged
    began = time.monotonic()
    await until(lambda: one["n"].title == two["n"].title == bystander["n"]["title"])
    assert time.monotonic() - began < 5
    assert one["n"].title == "Bob"  # the winner: what the node without a function shows
    assert not one["n"].register("title").merged
    await until(lambda: inboxes(one, two, bystander) == [[["Ann", "Bob"]]] * 3)
    (conflict,) = one.conflicts()
    assert (conflict.kind, conflict.base, conflict.who) == ("merge", "base", ["n1", "n2"])
    assert [version.own for version in conflict.versions] == [True, False]


async def test_decisions_made_at_once_agree_or_are_one_new_conflict(members):
    one = await members.documents("n1", "notes", Upper)
    two = await members.documents("n2", "notes", Lower)
    one["n"].title = "base"
    one["n"].when = "monday"
    await until(lambda: two["n"].title == "base")
    for field in ("title", "when"):
        await wrote_apart(one, two, field, "Ann", "Bob")
        await until(
            lambda field=field: (
                getattr(one["n"], field) == getattr(two["n"], field)
                and inboxes(one, two) == [[["Ann", "Bob"]]] * 2
            )
        )
        (mine,), (theirs,) = one.conflicts(), two.conflicts()
        mine.resolve("both")
        theirs.resolve("both")
        await until(lambda: one.version == two.version)
        assert inboxes(one, two) == [[], []]
        assert getattr(one["n"], field) == getattr(two["n"], field) == "both"
        with pytest.raises(ConflictChanged):
            mine.resolve("late")

        await wrote_apart(one, two, field, "Cem", "Dan")
        await until(
            lambda field=field: (
                getattr(one["n"], field) == getattr(two["n"], field)
                and inboxes(one, two) == [[["Cem", "Dan"]]] * 2
            )
        )
        (mine,), (theirs,) = one.conflicts(), two.conflicts()
        mine.resolve("Eve")
        later()
        theirs.resolve("Fay")
        await until(
            lambda field=field: (
                getattr(one["n"], field) == getattr(two["n"], field) == "Fay"
                and inboxes(one, two) == [[["Eve", "Fay"]]] * 2
            )
        )
        (again,) = one.conflicts()
        assert again.base == mine.base
        again.resolve("Eve")
        await until(lambda: inboxes(one, two) == [[], []])


async def test_clients_of_nodes_without_the_functions_find_that_theirs_differ(members):
    here = await members.documents("n1", "notes")
    node = plait.Store(Local(members.nodes["n1"]))
    async with members.only("n2") as ann, members.only("n3") as bob:
        one = await ann.documents("notes", Upper)
        two = await bob.documents("notes", Lower)
        one["n"].title = "base"
        await until(lambda: two["n"].title == "base")
        await wrote_apart(one, two, "title", "Ann", "Bob")
        await until(lambda: one["n"].title == two["n"].title == "Bob")
        await until(lambda: inboxes(one, two) == [[["Ann", "Bob"]]] * 2)
        await until(lambda: bool(here.conflicts()))
        (conflict,) = await node.conflicts()
        assert (conflict.collection, conflict.field) == ("notes", "title")
        conflict.resolve("settled")
        await until(lambda: one["n"].title == two["n"].title == "settled")


async def test_the_founder_is_called_by_its_name_at_other_nodes_and_at_clients(members):
    one = await members.documents("n1", "notes", Upper)
    two = await members.documents("n2", "notes", Upper)
    one["n"].title = "base"
    await until(lambda: two["n"].title == "base")
    assert two["n"].register("title").who == "n1"
    async with members.only("n3") as client:
        docs = await client.documents("notes", Upper)
        await until(lambda: docs["n"].title == "base")
        assert docs["n"].register("title").who == "n1"
        status = (await client.status())["nodes"]["n3"]["documents"]["notes"]
        assert {"n1", "n2", "n3"} <= {one["name"] for one in status["members"].values()}
