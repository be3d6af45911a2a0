"""Texts as bytes: what is loaded is what was saved, behaves like it, and is small."""

from pathlib import Path
from random import Random

import pytest

from plait.base.causality import VersionVector
from plait.base.codec import decode
from plait.graph.event import Event
from plait.types.text.cold import StoredHistory
from plait.types.text.replay import replay
from plait.types.text.state import TextState
from plait.types.text.storage import MAGIC, load, save
from plait.types.text.traces import parse_traces
from tests.laws.random_text_graphs import random_graph, topological_order
from tests.laws.text_copy import Copy
from tests.unit.stored_texts import dotted, happen, same, typed

PAPER = (
    Path(__file__).resolve().parents[3]
    / "shared/data/editing-traces/sequential/automerge-paper.json.gz"
)


# ----------------------------------------------------------------------------- round trips


@pytest.mark.parametrize(
    "state",
    [
        TextState(),
        typed((0, "a")),
        typed((0, "hello"), (4, 1), (3, 1), (0, 1), (0, "J")),
        typed((0, "x😀👩‍👩‍👧 \U0010ffff\0"), (1, 1), (0, "é")),
        typed((0, "lone \ud800 surrogate"), (5, 1)),
        dotted((7, 1, {}, 0, "base"), (8, 1, {}, 0, "both"), (7, 2, {7: 1, 8: 1}, 2, 3, 0, "!")),
    ],
    ids=["empty", "one", "linear", "astral", "surrogate", "concurrent"],
)
def test_a_loaded_text_is_the_one_that_was_saved(state):
    loaded = load(save(state))
    assert loaded.text() == state.text()
    assert same(loaded, state)


def test_a_loaded_text_goes_on_with_its_authors_numbers():
    state = typed((0, "hello"))
    loaded = load(save(state))
    for each in (state, loaded):
        each.insert(5, " there")
        each.delete(0, 1)
    assert same(loaded, state)
    assert loaded.graph.last_seen("ann", 12) == 11


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_are_loaded_as_they_were_saved_and_take_what_comes_later(seed):
    graph = random_graph(seed)
    random = Random(seed)
    order = topological_order(random, graph.events)
    whole = bool(random.getrandbits(1))
    here = Copy(graph, whole)
    stop = random.randrange(len(order) + 1)
    for index in order[:stop]:
        here.add(index)
    there = Copy(graph, whole)
    there.lasts, there.version = dict(here.lasts), here.version
    there.state = load(save(here.state))
    there.state.thaw()
    assert same(there.state, here.state)
    for index in order[stop:]:
        here.add(index)
        there.add(index)
        assert there.state.text() == here.state.text()
    assert same(load(save(there.state)), here.state)


def test_a_text_without_history_is_as_if_all_of_it_were_folded():
    state = dotted((7, 1, {}, 0, "ab"), (8, 1, {}, 0, "xy"))
    bare = load(save(state, history=False))
    assert (bare.text(), bare.base, bare.cold) == (state.text(), {7: 1, 8: 1}, None)
    for each in (bare, state):
        happen(each, 7, 2, {7: 1, 8: 1}, 2, "-")
        happen(each, 8, 2, {7: 1, 8: 1}, 2, "+")
    assert bare.text() == state.text()
    state.fold({7: 1, 8: 1})
    assert same(load(save(bare)), state)


def test_folded_texts_and_their_clears_are_loaded():
    state = dotted((7, 1, {}, 0, "abc"), (8, 1, {7: 1}, 3, "def"), (7, 2, {7: 1}, 0, 2))
    happen(state, 8, 2, {7: 1, 8: 1}, 0, "z")
    state.clear(Event(9, 1, 0, VersionVector({7: 1})))
    assert state.fold({7: 1})
    loaded = load(save(state))
    assert same(loaded, state)
    assert loaded.clears == {(9, 1): None}
    for each in (loaded, state):
        happen(each, 8, 3, {7: 1, 8: 2}, 0, "late")
    assert loaded.text() == state.text()


# ----------------------------------------------------------------------------- cold history


@pytest.fixture
def thawed(monkeypatch):
    """How often history was decoded."""
    times = []
    thaw = StoredHistory.thaw
    monkeypatch.setattr(StoredHistory, "thaw", lambda self: times.append(1) or thaw(self))
    return times


def test_reading_editing_and_saving_decode_no_history(thawed):
    state = typed((0, "a long story"), (0, 2))
    data = save(state)
    for number in range(5):
        loaded = load(data)
        assert loaded.text() == state.text()
        assert save(loaded) == data, "nothing was added"
        for each in (loaded, state):
            each.insert(number, "more ")
        longer = save(loaded)
        assert longer.count(b"long") <= 1, "what was there is not written again"
        data = longer
    assert not thawed
    assert same(load(data), state)
    assert thawed


def test_a_concurrent_edit_of_a_cold_text_lands_where_it_would_have(thawed):
    ops = ((7, 1, {}, 0, "hello"), (8, 1, {7: 1}, 5, " world"), (7, 2, {7: 1, 8: 1}, 0, 1, 0, "J"))
    state = dotted(*ops)
    loaded = load(save(state))
    for each in (loaded, state):
        happen(each, 8, 2, {7: 2, 8: 1}, 11, "!")
    assert not thawed
    for each in (loaded, state):
        happen(each, 9, 1, {7: 1}, 5, "?", 0, 1)
    assert thawed
    assert same(loaded, state)
    assert same(load(save(loaded)), state)


def test_concurrent_edits_of_a_cold_text_are_appended_with_what_they_did():
    state = dotted((7, 1, {}, 0, "abcdef"))
    data = save(state)
    for seq in range(2, 9):
        loaded = load(data)
        assert same(load(data), state)
        for each in (loaded, state):
            context = {7: seq - 1, 8: seq - 2}
            happen(each, 7, seq, context, 3, "x", 0, 1)
            happen(each, 8, seq - 1, context, 3, "y", 5, 1)
        assert loaded.cold is not None
        data = save(loaded)
        assert len(decode(data[len(MAGIC) :])) == seq
    assert same(load(data), state)


def test_what_was_appended_is_compacted_when_it_outweighs_the_rest():
    state = typed((0, "start"))
    data = save(state)
    random = Random(1)
    counts = []
    for _ in range(200):
        loaded = load(data)
        word = "".join(chr(random.randrange(32, 0x2000)) for _ in range(40))
        for each in (loaded, state):
            each.insert(len(each) // 2, word)
        data = save(loaded)
        counts.append(len(decode(data[len(MAGIC) :])))
    assert 1 in counts[1:]
    assert max(counts) > 5
    assert same(load(data), state)


# ----------------------------------------------------------------------------- size


@pytest.mark.skipif(not PAPER.is_file(), reason="SKIPPED: the traces are not beside the project")
def test_a_paper_with_all_its_history_is_small():
    (trace,) = parse_traces(PAPER.read_bytes())
    state = replay(trace)
    data = save(state)
    assert len(data) < 72_000
    assert len(save(state, history=False)) < 28_000
    loaded = load(data)
    assert loaded.text() == trace.end
    loaded.insert(0, "x")
    assert len(save(loaded)) < len(data) + 100
    state.insert(0, "x")
    assert same(load(save(loaded)), state)
