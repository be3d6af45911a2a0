"""Random storms over real replicas end with equal bytes, and nothing that was flushed is lost.

`STORM_SEEDS=a:b` runs other seeds. A failure prints the command that replays it.
"""

import asyncio
import os

import pytest
from graph_storm import storm
from virtual_time import run_virtually

FIRST, LAST = (int(n) for n in os.environ.get("STORM_SEEDS", "0:40").split(":"))


@pytest.mark.parametrize("seed", range(FIRST, LAST))
def test_a_storm_ends_with_equal_bytes_and_everything_that_was_flushed(seed: int) -> None:
    try:
        run_virtually(lambda: storm(seed))
    except Exception as error:
        raise AssertionError(
            f"STORM_SEEDS={seed}:{seed + 1} pytest tests/engines/test_graph_storms.py: {error!r}"
        ) from error
