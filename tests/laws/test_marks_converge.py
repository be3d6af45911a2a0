"""Marks are where the rules put them, for any graph, in any order, folded or not.

MARK_SEEDS=a:b runs other graphs than the usual ones (campaigns). A failure names its seed and the
command that replays it.
"""

import os
from collections.abc import Callable
from random import Random

import pytest

from plait.types.text import marking, marks, storage
from tests.laws.random_marked_graphs import MarkedCopy, plain, random_marked_graph
from tests.laws.random_text_graphs import topological_order
from tests.laws.text_copy import small_parts

FIRST, LAST = (int(n) for n in os.environ.get("MARK_SEEDS", "0:200").split(":"))
BLOCK = 50
HERE = "tests/laws/test_marks_converge.py"

Law = Callable[[MarkedCopy, Random, bool], None]


def one_by_one(copy: MarkedCopy, chance: Random, _: bool) -> None:
    """Every event by itself; somebody looks now and then."""
    watched = chance.choice((0.0, 0.3, 1.0))
    for index in topological_order(chance, copy.graph.events):
        copy.add(index)
        if chance.random() < watched:
            copy.check()
    copy.check()


def at_once(copy: MarkedCopy, chance: Random, _: bool) -> None:
    """The whole graph in one call."""
    if not copy.whole:
        copy.add_all(topological_order(chance, copy.graph.events))
        copy.check()


def folded_on_the_way(copy: MarkedCopy, chance: Random, beside_itself: bool) -> None:
    """What nobody needs any more is forgotten, with the history of the marks that remain."""
    order = topological_order(chance, copy.graph.events)
    watched = chance.choice((0.0, 0.5))
    for done, index in enumerate(order, 1):
        copy.add(index)
        if not beside_itself and chance.random() < 0.3:
            copy.fold(order[done:])
        if chance.random() < watched:
            copy.check()
    copy.check()


def with_drafts(copy: MarkedCopy, chance: Random, _: bool) -> None:
    """Events that are taken back, with their marks, and come again."""
    order = topological_order(chance, copy.graph.events)
    for index in order:
        if chance.random() < 0.4:
            state, version, lasts = copy.state, copy.version, dict(copy.lasts)
            mark = state.begin_draft()
            before = repr(state.spans())
            state.add("draft", 1 << 20, [0, "drafted", 2, [4, "bold", "draft", "both"]])
            if chance.random() < 0.5:
                state.spans()
            state.discard_draft(mark)
            copy.version, copy.lasts = version, lasts
            assert repr(state.spans()) == before
        copy.add(index)
    copy.check()


def saved_on_the_way(copy: MarkedCopy, chance: Random, beside_itself: bool) -> None:
    """The text is closed and opened again: in one piece, or from pages; and folded."""
    order = topological_order(chance, copy.graph.events)
    rows: dict[int, bytes] = {}
    paged = chance.random() < 0.5
    for done, index in enumerate(order, 1):
        copy.add(index)
        if not beside_itself and chance.random() < 0.2:
            copy.fold(order[done:])
        if paged and chance.random() < 0.5:
            for number, row in storage.pages(copy.state) or ():
                if row is None:
                    del rows[number]
                else:
                    rows[number] = row
            if chance.random() < 0.4:
                copy.state = storage.from_pages(sorted(rows.items()))
        elif not paged and chance.random() < 0.3:
            copy.state = storage.load(storage.save(copy.state))
        if chance.random() < 0.3:
            copy.check()
    copy.check()
    copy.state = storage.load(storage.save(copy.state, history=False))
    copy.check()


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (one_by_one, at_once, folded_on_the_way, with_drafts, saved_on_the_way)
}


def uphold(name: str, seed: int) -> None:
    graph, habits = random_marked_graph(seed)
    try:
        LAWS[name](MarkedCopy(graph, habits.whole), Random(seed), habits.beside_itself)
    except Exception as error:
        replay = f"MARK_SEEDS={seed}:{seed + 1} pytest {HERE} -k {name}"
        events = "\n  ".join(map(repr, graph.events))
        raise AssertionError(f"{name}: {error!r}\nreplay: {replay}\n  {events}") from error


@pytest.mark.turns(3)
@pytest.mark.parametrize("small", [False, True], ids=["as it is", "small parts"])
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("block", range(FIRST, LAST, BLOCK))
def test_a_graph_gives_the_same_marks_whichever_way_it_comes(
    block: int, name: str, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "ONE_ROW_MAX", 0)
    monkeypatch.setattr(storage, "OPEN_BYTES_MIN", 60)
    monkeypatch.setattr(storage, "WASTE_MIN", 600)
    if small:
        small_parts(monkeypatch)
    for seed in range(block, min(block + BLOCK, LAST)):
        uphold(name, seed)


def test_marks_change_no_text() -> None:
    for seed in range(100):
        graph, _ = random_marked_graph(seed, beside_itself=False)
        assert plain(graph).text() == graph.text()


# ----------------------------------------------------------------------------- planted mistakes


def what_is_typed_has_what_stands_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "inherited", lambda left, right, marks: left)


def the_last_to_come_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_winner", lambda rivals: rivals[-1])


def every_mark_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking._Stretch, "_seen_at", lambda self, item: self._ids[0])


def nobody_is_inside_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "between", lambda records, first, last: [])


MISTAKES = (
    what_is_typed_has_what_stands_left,
    the_last_to_come_counts,
    every_mark_was_seen,
    nobody_is_inside_by_accident,
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_planted_mistake_is_found(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def campaign() -> None:
        for seed in range(50):
            uphold("one_by_one", seed)

    mistake(monkeypatch)
    with pytest.raises(AssertionError, match="replay: MARK_SEEDS="):
        campaign()
