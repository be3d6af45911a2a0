"""The real text gives what the reference gives, for any graph, in any order, however it comes.

TEXT_SEEDS=a:b runs other graphs than the usual ones (campaigns). A failure names its seed, the
command that replays it, and the smallest graph of its kind that still fails.
"""

import os
from collections.abc import Callable
from random import Random

import pytest

from plait.base.errors import BadCall, BadFrame
from plait.host.compiled import compiled_modules
from plait.types.text.state import TextState
from plait.types.walker import deletions, walker
from tests.laws.random_text_graphs import (
    Habits,
    draw_edits,
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
    fitting,
    size,
)
from tests.laws.text_copy import Copy, small_parts

FIRST, LAST = (int(n) for n in os.environ.get("TEXT_SEEDS", "0:150").split(":"))
BLOCK = 50
HERE = "tests/laws/test_text_converges.py"
LARGE_EVERY = 100  # graphs that fill many leaves are slow in the reference

Law = Callable[[ReferenceText, bool, Random], None]

blocks = pytest.mark.parametrize("block", range(FIRST, LAST, BLOCK))


# ----------------------------------------------------------------------------- the laws


def one_by_one(graph: ReferenceText, whole: bool, chance: Random) -> None:
    """Every event by itself, in any order in which causes come first."""
    copy = Copy(graph, whole)
    watched = chance.choice((0.0, 0.2, 1.0))  # looking closes the run that is open
    for index in topological_order(chance, graph.events):
        copy.add(index)
        if chance.random() < watched:
            copy.check()
        elif chance.random() < 0.05:
            copy.state.cool()
    copy.check()


def at_once(graph: ReferenceText, whole: bool, chance: Random) -> None:
    """The whole graph in one call; numbers are those of units."""
    if not whole:
        copy = Copy(graph)
        copy.add_all(topological_order(chance, graph.events))
        copy.check()


def in_portions(graph: ReferenceText, whole: bool, chance: Random) -> None:
    """Parts of the graph, each at once or one by one; every part is a text of its own."""
    copy = Copy(graph, whole)
    for portion in portions(chance, topological_order(chance, graph.events)):
        if not whole and chance.random() < 0.6:
            copy.add_all(portion)
        else:
            for index in portion:
                copy.add(index)
        copy.check()


def with_misfits(graph: ReferenceText, whole: bool, chance: Random) -> None:
    """Events that do not fit come in between: they are refused and leave no trace."""
    copy = Copy(graph, whole)
    for index in topological_order(chance, graph.events):
        if chance.random() < 0.3:
            refuse_misfits(copy, graph.events[index], chance)
        copy.add(index)
    copy.check()


def refuse_misfits(copy: Copy, event: Event, chance: Random) -> None:
    """Variants of an event that do not fit its parents' version change nothing."""
    version = copy.graph.version(event.parents)
    before = len(copy.graph.text(version))
    after = fitting(event.edits, before)
    parents = copy.parents(event)
    heads, end = copy.state.heads, copy.state.end
    wrong: list[tuple[object, ...]] = [
        (before + 1, "late"),
        (-1, "early"),
        (before, 1),
        (0, before + 1),
        (*event.edits, after + 1, "x"),
        (*event.edits, max(0, after - 1), 2),
        (*event.edits, 0, 0),
        (*event.edits, 0, -1),
        (*event.edits, 0, ""),
        (*event.edits, 0, b"x"),
        (*event.edits, 0, None),
        (*event.edits, "0", "x"),
        (*event.edits, 0.0, "x"),
        (*event.edits, 0),
    ]
    for edits in chance.sample(wrong, 3):
        with pytest.raises(BadFrame):
            copy.state.add(event.name, event.seq, edits, parents, copy.whole)
        assert (copy.state.heads, copy.state.end) == (heads, end)
    for unknown in (end, end + 7, -1):
        with pytest.raises(BadFrame):
            copy.state.add(event.name, event.seq, event.edits, (unknown,), copy.whole)
    if chance.random() < 0.3:
        copy.check()


LAWS: dict[str, Law] = {
    law.__name__: law for law in (one_by_one, at_once, in_portions, with_misfits)
}


def uphold(law: Law, seed: int, graph: ReferenceText, whole: bool) -> None:
    """AssertionError with the smallest graph and the command, if the law is broken."""

    def fails(events: list[Event]) -> BaseException | None:
        for attempt in range(4):
            try:
                law(ReferenceText(events), whole, Random(seed + attempt * 1_000_003))
            except (AssertionError, pytest.fail.Exception, Exception) as error:
                return error
        return None

    if error := fails(graph.events):
        smallest = shrink(graph.events, whole, lambda events: fails(events) is not None)
        raise AssertionError(
            f"{law.__name__}, {'whole operations' if whole else 'numbered units'}: {error!r}\n"
            f"replay: TEXT_SEEDS={seed}:{seed + 1} pytest {HERE} -k {law.__name__}\n"
            f"smallest: {fails(smallest)!r}\n  " + "\n  ".join(map(repr, smallest))
        ) from error


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", LAWS)
@blocks
def test_a_graph_gives_one_text_whichever_way_it_comes(block: int, name: str) -> None:
    for seed in range(block, min(block + BLOCK, LAST)):
        uphold(LAWS[name], seed, random_graph(seed), Habits.of(seed).whole)


@pytest.mark.turns(3)
@pytest.mark.parametrize("name", LAWS)
@blocks
def test_a_graph_gives_the_same_text_where_every_part_is_small(
    block: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_parts(monkeypatch)
    for seed in range(block, min(block + BLOCK, LAST)):
        uphold(LAWS[name], seed, random_graph(seed), Habits.of(seed).whole)


LARGE = Habits(
    names=("ann", "bob", "cyd"),
    alphabet="abcdefgh",
    steps=400,
    stay=0.8,
    meet=0.3,
    together=0.01,
    back=0.02,
    deleting=0.3,
    crowding=0.2,
    longest_run=4,
    beside_itself=False,
    whole=False,
    gaps=False,
    shared=False,
)


@pytest.mark.parametrize("seed", range(FIRST, LAST, LARGE_EVERY))
def test_a_large_graph_gives_one_text(seed: int) -> None:
    graph = random_graph(seed, LARGE)
    for law in (one_by_one, at_once, in_portions):
        law(graph, False, Random(seed))


@pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="SKIPPED: no text-conformance at hand")
@pytest.mark.parametrize("name", LAWS)
def test_the_public_graphs_give_their_texts_whichever_way_they_come(name: str) -> None:
    for seed, (events, text) in enumerate(conformance_graphs()):
        graph = ReferenceText(events)
        assert graph.text() == text
        LAWS[name](graph, False, Random(seed))


# ----------------------------------------------------------------------------- live sessions


def live(seed: int, graph: ReferenceText) -> None:
    """People edit at once, each in a text of their own, and hear of each other in portions; what
    they do is added to the graph."""
    chance = Random(seed)
    habits = Habits.draw(chance)
    copies = [Copy(graph, agent=name) for name in habits.names]
    seqs = dict.fromkeys(habits.names, 1)
    cursors = dict.fromkeys(habits.names, 0)
    for _ in range(habits.steps):
        copy = chance.choice(copies)
        name = copy.state.agent
        if chance.random() < max(habits.meet, 0.2):
            hear(copy, chance.choice(copies), chance)
        edits, cursors[name] = draw_edits(chance, len(copy.state), cursors[name], habits)
        edit(copy, seqs, edits)
        if chance.random() < 0.3:
            copy.check()
    for copy in copies:
        for index in topological_order(chance, graph.events):
            if not copy.version >> index & 1:
                copy.add(index)
        copy.check()


def edit(copy: Copy, seqs: dict[int | str, int], edits: tuple[int | str, ...]) -> None:
    """Local edits, a call each; an event each in the graph."""
    name, graph = copy.state.agent, copy.graph
    for position, what in zip(edits[::2], edits[1::2], strict=True):
        assert isinstance(position, int)
        if isinstance(what, str):
            copy.state.insert(position, what)
        else:
            copy.state.delete(position, what)
        event = Event(name, seqs[name], (position, what), graph.heads(copy.version))
        seqs[name] += size(event)
        index = graph.add(event)
        copy.version |= 1 << index
        copy.lasts[index] = copy.state.end - 1


def hear(copy: Copy, other: Copy, chance: Random) -> None:
    """Some or all of what another has and this one has not, causes first."""
    known = copy.graph.events
    new = [i for i in range(len(known)) if other.version & ~copy.version & 1 << i]
    order = new[: chance.randint(0, len(new))] if chance.random() < 0.5 else new
    if chance.random() < 0.4:
        copy.add_all(order)
    else:
        for index in order:
            copy.add(index)
    copy.check()


@pytest.mark.parametrize("small", [False, True], ids=["as it is", "small parts"])
@blocks
def test_people_who_edit_at_once_come_to_one_text(
    block: int, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small:
        small_parts(monkeypatch)
    for seed in range(block, min(block + BLOCK, LAST)):
        graph = ReferenceText()
        try:
            live(seed, graph)
        except Exception as error:
            for law in LAWS.values():  # perhaps it takes no live edits
                uphold(law, seed, graph, False)
            replay = f"TEXT_SEEDS={seed}:{seed + 1} pytest {HERE} -k people"
            raise AssertionError(f"live edits: {error!r}\nreplay: {replay}") from error


def test_a_local_edit_outside_the_text_is_refused_and_changes_nothing() -> None:
    state = TextState("me")
    state.insert(0, "abc")
    for position in (-1, 4):
        with pytest.raises(BadCall):
            state.insert(position, "x")
    for position, count in ((-1, 1), (0, 4), (3, 1), (1, -1)):
        with pytest.raises(BadCall):
            state.delete(position, count)
    assert (state.text(), len(state), state.end) == ("abc", 3, 3)


def test_parents_that_come_before_other_parents_add_nothing() -> None:
    state = TextState("me")
    first = state.add("a", 1, (0, "a"), ())
    second = state.add("a", 2, (1, "b"), (first,))
    state.add("b", 1, (2, "c"), (first, second))
    state.add("c", 1, (2, "d"), (second, first, second))
    assert state.text() == "abcd"


def test_authors_whose_numbers_go_on_from_each_other_stay_apart() -> None:
    state = TextState("me")
    first = state.add("a", 1, (0, "a"), ())
    state.add("z", 2, (1, "z"), (first,))
    state.add("m", 1, (1, "m"), (first,))
    assert state.text() == "amz"


# ----------------------------------------------------------------------------- planted mistakes


def ties_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    right = walker.Walker._comes_first
    monkeypatch.setattr(walker.Walker, "_comes_first", lambda *args: not right(*args))


def ties_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker.Walker, "_comes_first", lambda self, a, b: a < b)


def right_parents_that_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker.Walker, "_is_left_of", lambda self, a, b: False)


def a_walker_that_does_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions.Deletions, "shift", lambda *args: None)


MISTAKES = (
    ties_the_other_way,
    ties_by_arrival,
    right_parents_that_do_not_count,
    a_walker_that_does_not_move,
)


@pytest.mark.skipif(bool(compiled_modules()), reason="SKIPPED: what is compiled takes no patches")
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_planted_mistake_is_found_and_shrunk(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def campaign() -> None:
        for seed in range(100):
            uphold(one_by_one, seed, random_graph(seed), Habits.of(seed).whole)

    mistake(monkeypatch)
    with pytest.raises(AssertionError, match="replay: TEXT_SEEDS=") as found:
        campaign()
    assert 2 <= str(found.value).count("Event(") <= 8
