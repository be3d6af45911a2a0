"""A document with a field of every type of the catalogue, and what a careless user does to it.

Every edit in `EDITS` is one call that a program could make; one that is refused (nothing left to
spend, a node that is gone) changes nothing.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias

import plait
from plait.base.errors import PlaitError

Edit: TypeAlias = Callable[[Random, "Page"], None]

EDITS: list[Edit] = []
NAMES = ("a", "b", "c")


def longest(base: Any, siblings: Sequence[Any]) -> Any:
    """A merge function."""
    return max(siblings, key=lambda one: (len(one), one))


class Part(plait.Document):
    """A document within another."""

    title = plait.Register(str, default="")
    hits = plait.Counter()
    numbers = plait.List(int)


class Page(plait.Document):
    """One field of every type."""

    views = plait.GrowCounter()
    likes = plait.Counter()
    stock = plait.BoundedCounter()
    opened = plait.EnableFlag()
    locked = plait.DisableFlag()
    readers = plait.GrowSet(int)
    banned = plait.TwoPhaseSet(int)
    tags = plait.AddWinsSet(int)
    rights = plait.RemoveWinsSet(int)
    title = plait.Register(str, default="")
    longer = plait.Register(str, resolve=plait.Merge(longest))
    asked = plait.Register(int, resolve=plait.Ask())
    votes = plait.Map(plait.Counter())
    parts = plait.Map(plait.Nested(Part))
    outline = plait.Tree(int)
    body = plait.Text()
    queue = plait.List(int)
    chapters = plait.List(Part)
    extra = plait.Json()
    cover = plait.Nested(Part)


def edit(random: Random, page: Page) -> None:
    """Do something to a page."""
    try:
        random.choice(EDITS)(random, page)
    except (PlaitError, LookupError):
        return  # it is refused, and nothing happened


def _edit(act: Edit) -> Edit:
    EDITS.append(act)
    return act


# ----------------------------------------------------------------------------- single values


@_edit
def _count(random: Random, page: Page) -> None:
    page.views.add(random.randrange(1, 4))
    page.likes.add(random.randrange(-3, 4) or 1)


@_edit
def _reset(random: Random, page: Page) -> None:
    if random.random() < 0.3:
        page.likes.reset()


@_edit
def _trade(random: Random, page: Page) -> None:
    if random.random() < 0.6:
        page.stock.add(random.randrange(1, 5))
    else:
        page.stock.spend(random.randrange(1, 3))


@_edit
def _flags(random: Random, page: Page) -> None:
    if random.random() < 0.5:
        page.opened = random.random() < 0.5
    else:
        page.locked = random.random() < 0.5


@_edit
def _registers(random: Random, page: Page) -> None:
    text = f"t{random.randrange(10 ** random.randrange(1, 5))}"
    name = random.choice(("title", "longer", "asked", "clear"))
    if name == "asked":
        page.asked = random.randrange(9)
    elif name == "clear":
        page.register(random.choice(("title", "longer", "asked"))).clear()
    else:
        setattr(page, name, text)


# ----------------------------------------------------------------------------- many values


@_edit
def _sets(random: Random, page: Page) -> None:
    element = random.randrange(6)
    page.readers.add(element)
    one = random.choice((page.banned, page.tags, page.rights))
    if random.random() < 0.6:
        one.add(element)
    else:
        one.discard(element)


@_edit
def _maps(random: Random, page: Page) -> None:
    name = random.choice(NAMES)
    if random.random() < 0.3:
        page.votes.pop(name, None)
    else:
        page.votes[name] += 1


@_edit
def _within(random: Random, page: Page) -> None:
    name = random.choice(NAMES)
    if random.random() < 0.2:
        page.parts.pop(name, None)
        return
    part = page.cover if random.random() < 0.3 else page.parts[name]
    part.hits += 1
    part.title = f"p{random.randrange(99)}"
    part.numbers.append(random.randrange(9))


@_edit
def _tree(random: Random, page: Page) -> None:
    nodes = list(page.outline)
    kind = random.random()
    if kind < 0.4 or not nodes:
        page.outline.create(random.choice([None, *nodes]), random.randrange(99))
    elif kind < 0.7:
        page.outline.move(random.choice(nodes), random.choice([None, *nodes]))
    elif kind < 0.85:
        page.outline.set(random.choice(nodes), random.randrange(99))
    else:
        page.outline.delete(random.choice(nodes))


@_edit
def _text(random: Random, page: Page) -> None:
    size = len(page.body)
    at = random.randrange(size + 1)
    kind = random.random()
    if kind < 0.6:
        page.body.insert(at, random.choice(("ab", "cde ", "é", "🜲")))
    elif kind < 0.8 and at < size:
        page.body.delete(at, min(3, size - at))
    elif at < size:
        page.body.mark(at, min(at + 4, size), random.choice(("bold", "link")))


@_edit
def _lists(random: Random, page: Page) -> None:
    queue = page.queue
    kind = random.random()
    if kind < 0.5 or not queue:
        queue.insert(random.randrange(len(queue) + 1), random.randrange(99))
    elif kind < 0.7:
        queue.pop(random.randrange(len(queue)))
    else:
        queue.move(random.randrange(len(queue)), random.randrange(len(queue)))


@_edit
def _chapters(random: Random, page: Page) -> None:
    chapters = page.chapters
    if len(chapters) < 2 or random.random() < 0.3:
        chapters.append({"title": f"c{random.randrange(99)}"})
    elif random.random() < 0.3:
        chapters.pop(random.randrange(len(chapters)))
    else:
        chapters[random.randrange(len(chapters))].hits += 1


@_edit
def _json(random: Random, page: Page) -> None:
    name = random.choice(NAMES)
    page.extra[name] = random.choice((1, "x", [1, 2], {"d": 1}, None))
    if random.random() < 0.3:
        page.extra.pop(random.choice(NAMES), None)
