"""The browser replica's shelf does what Python's does, byte for byte, over random histories.

PLAIT_JS_SEEDS=2000 tries as many histories (24 unless told); a failure names its seed:
PLAIT_JS_FIRST_SEED=17 PLAIT_JS_SEEDS=1 replays it.
"""

import json
import os
from random import Random

from plait.base.causality import VersionVector
from plait.base.codec import decode, encode
from plait.graph.event import GENESIS, decode_pack, digest_of, events_of
from plait.types.shelf import Shelf
from tests.unit.shelf_world import DictRows
from tests.web.node_runner import run_node
from tests.web.shelf_recording import recording

SEEDS = int(os.environ.get("PLAIT_JS_SEEDS", "24"))
FIRST = int(os.environ.get("PLAIT_JS_FIRST_SEED", "0"))
AT_ONCE = 100


def test_random_histories_give_the_same_states_answers_and_bytes_in_javascript():
    for first in range(FIRST, FIRST + SEEDS, AT_ONCE):
        seeds = range(first, min(first + AT_ONCE, FIRST + SEEDS))
        recordings = [[seed, recording(seed, 60 + seed % 60)] for seed in seeds]
        said = json.loads(run_node("shelf_replay.mjs", encode(recordings)))
        assert said["mismatches"] == [], json.dumps(said["mismatches"][0], indent=1)
        assert said["count"] == len(recordings)


def test_random_histories_of_texts_and_lists_among_other_fields_give_the_same_in_javascript():
    paths = [("x:body",), ("o:meta", "x:more"), ("l:items",), ("r:title",), ("aw:tags",)]
    seeds = range(FIRST, FIRST + SEEDS // 2)
    recordings = [[seed, recording(seed, 50 + seed % 50, paths)] for seed in seeds]
    said = json.loads(run_node("shelf_replay.mjs", encode(recordings)))
    assert said["mismatches"] == [], json.dumps(said["mismatches"][0], indent=1)


def test_what_browsers_write_means_the_same_in_python_in_any_causal_order():
    count = SEEDS
    histories = decode(run_node("js_authors.mjs", arguments=[str(FIRST), str(count)]))
    assert len(histories) == count
    for seed, pack, digests, images, canonicals, keys in histories:
        batches = decode_pack(pack)
        assert [decode(encode(batch)) for batch in batches]
        rolling = {}
        for batch in batches:
            rolling[batch.replica] = digest_of(rolling.get(batch.replica, GENESIS), batch)
        assert rolling == dict(digests), f"seed {seed}: another rolling hash"
        shelf, vector = follow(batches, Random(seed))
        for cut, image, canonical in zip(({}, vector), images, canonicals, strict=True):
            found = [
                encode(shelf.image(key, cut)) for key in ["a", "b\x00c", "\uffff", "\U0001f600"]
            ]
            assert found == image, f"seed {seed}: {[decode(one) for one in found]}"
            assert shelf.canonical(cut) == canonical, f"seed {seed}"
        assert list(shelf.keys()) == keys, f"seed {seed}"


def follow(batches, random):
    """A shelf that got the batches in some causal order, folding now and then."""
    shelf, vector, contexts, waiting = Shelf(DictRows()), VersionVector(), {}, list(batches)
    while waiting:
        ready = [
            batch for batch in waiting
            if batch.first == vector.get(batch.replica, 0) + 1
            and all(seq <= vector.get(r, 0) for r, seq in batch.seen)
        ]  # fmt: skip
        batch = random.choice(ready)
        waiting.remove(batch)
        context = contexts.setdefault(batch.replica, VersionVector())
        for replica, seq in batch.seen:
            context.saw(replica, seq)
        context.saw(batch.replica, batch.last)
        for op, event in events_of(batch, context):
            shelf.apply(op, event._replace(context=context.copy()))
        vector.saw(batch.replica, batch.last)
    return shelf, vector
