"""What a browser replica does not know (trees, users' types) it keeps, and hands on as it was."""

from random import Random

from plait.base.codec import decode, encode
from plait.graph.fold import Fragment
from plait.types.shelf import Shelf
from tests.unit.shelf_world import DictRows
from tests.web.node_runner import run_node
from tests.web.shelf_recording import RecordedReplica, RecordedStorm, Recorder, pairs

SEEDS = 30
PATHS = [("t:tree",), ("o:meta", "t:more"), ("r:title",)]
KEYS = ["a", "b"]


def history(seed):
    """A replica that heard of everything by operations, and those."""
    random, recorder = Random(seed), Recorder()
    replicas = [RecordedReplica(recorder, n, id_) for n, id_ in enumerate([3, 1 << 40, 77])]
    storm = RecordedStorm(random, replicas, KEYS, PATHS)
    for _ in range(60):
        one, other = random.sample(replicas, 2)
        weights = [8, 1, 1, 4]
        random.choices([storm.change, storm.delete, storm.clear, storm.hear], weights)[0](
            one, other
        )
    for writer in replicas[1:]:
        replicas[0].receive_ops(writer)
    steps = [step for step in recorder.steps if step[0] == 0 and step[1] == "apply"]
    return replicas[0], [step[2] for step in steps]


def test_a_tree_that_went_through_a_browser_is_the_tree():
    worlds = [history(seed) for seed in range(SEEDS)]
    question = [[steps, pairs(replica.vector)] for replica, steps in worlds]
    states = decode(run_node("opaque_echo.mjs", encode(question)))
    trees = 0
    for (replica, _), state in zip(worlds, states, strict=True):
        shelf = Shelf(DictRows())
        fragments = [Fragment(one[0], tuple(one[1]), one[2], one[3]) for one in state]
        trees += sum(len(one.data[0]) for one in fragments)
        shelf.join(fragments, {}, replica.vector, True)
        for cut in ({}, replica.vector):
            assert shelf.canonical(cut) == replica.shelf.canonical(cut)
    assert trees > SEEDS
