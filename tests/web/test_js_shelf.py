"""The browser replica's shelf does what Python's does, byte for byte, over random histories.

PLAIT_JS_SEEDS=2000 tries as many histories (200 unless told); a failure names its seed:
PLAIT_JS_FIRST_SEED=17 PLAIT_JS_SEEDS=1 replays it.
"""

import json
import os

from plait.base.codec import encode
from tests.web.node_runner import run_node
from tests.web.shelf_recording import recording

SEEDS = int(os.environ.get("PLAIT_JS_SEEDS", "120"))
FIRST = int(os.environ.get("PLAIT_JS_FIRST_SEED", "0"))
AT_ONCE = 100


def test_random_histories_give_the_same_states_answers_and_bytes_in_javascript():
    for first in range(FIRST, FIRST + SEEDS, AT_ONCE):
        seeds = range(first, min(first + AT_ONCE, FIRST + SEEDS))
        recordings = [[seed, recording(seed, 60 + seed % 60)] for seed in seeds]
        said = json.loads(run_node("shelf_replay.mjs", encode(recordings)))
        assert said["mismatches"] == [], json.dumps(said["mismatches"][0], indent=1)
        assert said["count"] == len(recordings)
