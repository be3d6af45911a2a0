"""Any event graph of a text comes to the same in a browser, in any order, with its marks.

What it comes to is said by the references, which know nothing of walkers. GRAPH_SEEDS=a:b runs
other graphs than the usual ones (campaigns).
"""

import json
import os
from random import Random

import pytest

from plait.base.codec import encode
from tests.laws.random_marked_graphs import random_marked_graph
from tests.laws.random_text_graphs import Habits, random_graph, topological_order
from tests.laws.reference_text import CONFORMANCE, conformance_graphs
from tests.web.node_runner import run_node, run_node_tests

FIRST, LAST = (int(n) for n in os.environ.get("GRAPH_SEEDS", "0:60").split(":"))
ORDERS = 4  # of each graph: two kinds of listeners, with and without drafts


def fed(cases, small=False):
    """Give graphs to a browser's texts; what came out otherwise."""
    said = json.loads(run_node("sequence_graphs.mjs", encode([small, cases])))
    assert said["mismatches"] == []
    assert said["count"] == len(cases)


def rows(events):
    return [[e.name, e.seq, list(e.edits), list(e.parents)] for e in events]


def orders(seed, events):
    chance = Random(seed)
    return [topological_order(chance, events) for _ in range(ORDERS)]


@pytest.mark.parametrize("small", [False, True])
def test_a_random_graph_reads_the_same_in_any_order(small):
    cases = []
    for seed in range(FIRST, LAST):
        habits = Habits.of(seed)
        graph = random_graph(seed, habits)
        events = graph.events
        cases.append([seed, rows(events), orders(seed, events), habits.whole, graph.text(), None])
    fed(cases, small)


@pytest.mark.parametrize("small", [False, True])
def test_a_random_graph_is_marked_the_same_in_any_order(small):
    cases = []
    for seed in range(FIRST, LAST):
        graph, habits = random_marked_graph(seed)
        events = graph.events
        spans = graph.spans(graph.version(range(len(events))))
        case = [seed, rows(events), orders(seed, events), habits.whole, graph.text(), spans]
        cases.append(case)
    fed(cases, small)


def test_the_conformance_graphs_read_as_they_say():
    if not CONFORMANCE.exists():
        pytest.skip(f"the conformance graphs are not in {CONFORMANCE}")
    graphs = conformance_graphs()
    cases = [
        [number, rows(events), orders(number, events), False, text, None]
        for number, (events, text) in enumerate(graphs)
    ]
    fed(cases)


def test_texts_and_lists_of_documents_are_used_as_they_should():
    assert "# fail 0" in run_node_tests("sequence_*.test.mjs")
