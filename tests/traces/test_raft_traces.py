"""Every trace still tells the truth. TRACES_REWRITE=1 writes down what happens today instead."""

import os
from pathlib import Path

import pytest
from runner import replay

SCRIPTS = sorted(Path(__file__).parent.glob("raft_*.txt"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_trace_replays(path: Path) -> None:
    told = path.read_text(encoding="utf-8")
    happened = replay(told)
    if os.environ.get("TRACES_REWRITE"):
        path.write_text(happened, encoding="utf-8")
    else:
        assert happened == told, "TRACES_REWRITE=1 pytest tests/traces rewrites it"


def test_there_are_traces() -> None:
    assert len(SCRIPTS) >= 10
