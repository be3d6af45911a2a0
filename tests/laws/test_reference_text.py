"""The reference is right: by the public graphs, by a second definition, and by what Fugue promises.

TEXT_SEEDS=a:b runs other graphs than the usual ones (campaigns).
"""

import os
from itertools import permutations
from random import Random

import pytest

from tests.laws.random_text_graphs import (
    arranged,
    mended,
    portions,
    random_graph,
    shrink,
    topological_order,
)
from tests.laws.reference_text import (
    CONFORMANCE,
    Event,
    ReferenceText,
    conformance_graphs,
    size,
    units,
)

FIRST, LAST = (int(n) for n in os.environ.get("TEXT_SEEDS", "0:200").split(":"))

public = pytest.mark.skipif(
    not CONFORMANCE.is_dir(), reason="SKIPPED: the public event graphs are not beside the project"
)


class Node:
    """A character in a tree of Fugue: its children stand to its left and to its right."""

    def __init__(self, author: tuple[int | str, int, int], char: str, index: int) -> None:
        self.author = author
        self.char = char
        self.index = index  # of the event that wrote it
        self.deleted: list[int] = []  # by which events
        self.left: list[Node] = []
        self.right: list[Node] = []

    def walk(self) -> list["Node"]:
        """It and all below it, in the order of the text."""
        found = [node for child in self.left for node in child.walk()]
        found.append(self)
        return found + [node for child in self.right for node in child.walk()]


def by_definition(events: list[Event]) -> str:
    """The text of a graph by Fugue's own definition: a tree, no walker, nothing kept.

    A character is a right child of the one that it was written behind, unless that had right
    children already: then it is a left child of the one that it was written before.
    """
    root = Node((0, 0, 0), "", -1)
    pasts: list[set[int]] = []
    for index, event in enumerate(events):
        past = {index}.union(*(pasts[parent] for parent in event.parents))
        pasts.append(past)
        for offset, (position, char) in enumerate(units(event.edits)):
            seen = [node for node in root.walk() if node.index in past or node is root]
            shown = [node for node in seen if not past.intersection(node.deleted)]
            if char is None:
                shown[position + 1].deleted.append(index)  # the root is the first of all
                continue
            left = shown[position]
            new = Node((event.name, event.seq, offset), char, index)
            if any(child in seen for child in left.right):
                siblings = seen[seen.index(left) + 1].left
            else:
                siblings = left.right
            siblings.append(new)
            siblings.sort(key=lambda node: node.author)
    return "".join(node.char for node in root.walk() if not node.deleted)


def same_place(words: list[list[Event]], order: tuple[int, ...]) -> str:
    """The text when several write at one place, each by events of their own."""
    text = ReferenceText([Event("first", 1, (0, "()"))])
    for writer in order:
        parent = 0
        for event in words[writer]:
            parent = text.add(Event(event.name, event.seq, event.edits, (parent,)))
    return text.text()


@public
def test_the_public_graphs_give_their_texts() -> None:
    graphs = conformance_graphs()
    assert len(graphs) == 100
    assert [ReferenceText(events).text() for events, _ in graphs] == [text for _, text in graphs]


@public
def test_the_public_graphs_give_their_texts_in_any_order() -> None:
    for seed, (events, text) in enumerate(conformance_graphs()):
        order = topological_order(Random(seed), events)
        assert ReferenceText(arranged(events, order)).text() == text


@pytest.mark.parametrize("block", range(FIRST, LAST, 50))
def test_a_graph_gives_what_fugue_defines_in_any_order(block: int) -> None:
    for seed in range(block, min(block + 50, LAST)):
        events = random_graph(seed).events
        orders = [topological_order(Random(f"{seed} {n}"), events) for n in range(2)]
        texts = [
            by_definition(events),
            *(ReferenceText(arranged(events, o)).text() for o in orders),
        ]
        assert texts == [ReferenceText(events).text()] * 3, (
            f"TEXT_SEEDS={seed}:{seed + 1} pytest tests/laws/test_reference_text.py"
        )


def test_a_version_reads_what_its_events_alone_give() -> None:
    for seed in range(40):
        whole = random_graph(seed)
        order = topological_order(Random(seed), whole.events)
        taken: list[int] = []
        for portion in portions(Random(seed), order):
            taken += portion
            part = ReferenceText(arranged(whole.events, taken))
            assert whole.text(sum(1 << index for index in taken)) == part.text()


def test_heads_name_their_version_and_none_of_them_comes_before_another() -> None:
    for seed in range(40):
        text = random_graph(seed)
        for index, event in enumerate(text.events):
            version = text.version([index])
            assert text.heads(version) == (index,)
            parents = text.version(event.parents)
            assert text.version(text.heads(parents)) == parents
            assert text.heads(parents) == tuple(sorted(event.parents))
        heads = text.heads(text.everything())
        assert text.version(heads) == text.everything()


@pytest.mark.parametrize("writers", [2, 3, 4])
@pytest.mark.parametrize("backward", [0b0000, 0b1111, 0b0101])
def test_words_written_at_one_place_at_once_are_not_shuffled(writers: int, backward: int) -> None:
    words, events = ["aaa", "bbbb", "cc", "ddd"][:writers], []
    for number, word in enumerate(words):
        step = 0 if backward >> number & 1 else 1
        keys = [Event(number, i, (1 + step * i, char)) for i, char in enumerate(word)]
        events.append(keys)
    texts = {same_place(events, order) for order in permutations(range(writers))}
    assert len(texts) == 1
    text = texts.pop()
    assert all(word in text for word in words)
    assert len(text) == sum(map(len, words)) + 2


def test_ties_go_by_name_and_then_by_number() -> None:
    def at_once(*authors: tuple[int | str, int, str]) -> str:
        return ReferenceText(Event(name, seq, (0, char)) for name, seq, char in authors).text()

    assert at_once((2, 1, "b"), (1, 9, "a")) == "ab"
    assert at_once((10, 1, "b"), (9, 1, "a")) == "ab"
    assert at_once(("9", 1, "b"), ("10", 1, "a")) == "ab"
    assert at_once((1, 10, "b"), (1, 9, "a")) == "ab"


def test_a_character_that_two_delete_is_deleted_once() -> None:
    text = ReferenceText([Event(1, 1, (0, "abc"))])
    one = text.add(Event(1, 2, (1, 1), (0,)))
    other = text.add(Event(2, 1, (0, 2, 0, "x"), (0,)))
    assert text.text() == "xc"
    assert text.text(text.version([one])) == "ac"
    assert text.text(text.version([other])) == "xc"
    assert text.text(0) == ""


@pytest.mark.parametrize("edits", [(4, "x"), (-1, "x"), (3, 1), (0, 4), (0, 3, 1, "x")])
def test_an_event_that_does_not_fit_is_refused_and_changes_nothing(
    edits: tuple[int | str, ...],
) -> None:
    text = ReferenceText([Event(1, 1, (0, "abc")), Event(2, 1, (0, "long before"), (0,))])
    with pytest.raises(ValueError, match="does not fit"):
        text.add(Event(1, 2, edits, (0,)))
    assert text.text() == "long beforeabc"
    assert len(text.events) == 2


# ----------------------------------------------------------------------------- the graphs drawn


def test_random_graphs_have_what_makes_texts_hard() -> None:
    met: dict[str, int] = {}

    def meet(what: str, happened: bool) -> None:
        met[what] = met.get(what, 0) + happened

    for seed in range(200):
        text = random_graph(seed)
        events = text.events
        last: dict[int | str, int] = {}
        meet("several heads at the end", len(text.heads(text.everything())) > 1)
        meet("astral characters", any(ord(char) > 0xFFFF for char in text.text()))
        for index, event in enumerate(events):
            before = text.version(event.parents)
            mine = last.get(event.name)
            meet("beside itself", mine is not None and not before >> mine & 1)
            meet("three parents", len(event.parents) > 2)
            meet("critical", before == (1 << index) - 1)
            meet("fork from far back", bool(event.parents) and max(event.parents) < index - 20)
            meet("replaces", len({type(what) for what in event.edits[1::2]}) == 2)
            meet("long", size(event) > 10)
            last[event.name] = index
    assert min(met.values()) > 20, met


def test_an_order_keeps_causes_first_and_loses_nothing() -> None:
    for seed in range(40):
        events = random_graph(seed).events
        order = topological_order(Random(seed), events)
        assert sorted(order) == list(range(len(events)))
        place = {index: n for n, index in enumerate(order)}
        assert all(place[p] < place[i] for i, e in enumerate(events) for p in e.parents)
        assert [i for portion in portions(Random(seed), order) for i in portion] == order


def test_a_failing_graph_is_shrunk_to_what_it_takes() -> None:
    def fails(events: list[Event]) -> bool:  # two at once, one of whom deletes
        text = ReferenceText(events)
        return len(text.heads(text.everything())) > 1 and any(
            type(event.edits[1]) is int for event in events
        )

    events = next(e for s in range(50) if fails(e := random_graph(s).events) and len(e) > 20)
    smallest = shrink(events, True, fails)
    assert len(smallest) <= 3
    assert sum(map(size, smallest)) <= 3
    assert mended(smallest, True) == smallest
