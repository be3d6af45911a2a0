"""What every test shares: marks, who runs when, and who gets a second try.

A test of real processes, sockets and servers has deadlines, and a machine that stops for a second
in the middle breaks them. Such a test is tried once more, and the run says so ("R", "rerun").
Whatever runs in virtual time, or on no clock at all, gets one try, and so does all of `make soak`:
what those find is a flaw.
"""

import gc
import inspect
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.turns import choose_turn, in_turn

REAL_NODES = {"cluster", "processes"}  # folders
REAL_SOCKETS = {"doors", "web"}  # folders: what is async there has sockets, and often a browser
REAL_SERVERS = {"nats_cluster", "postgres"}  # fixtures
VIRTUAL_TIME = {"sim", "laws", "paper"}  # folders

# The order of folders: those that wait come first and those that compute last, the longest of
# either at the ends, where workers begin (`two_ends.py`).
ORDER = ("processes", "web", "cluster", "doors", "engines", "house", "check", "paper", "traces")
ORDER += ("unit", "laws", "sim")

# An example has no deadline of its own: others may have the processors meanwhile.
settings.register_profile("house", settings.default, deadline=None)
settings.load_profile("house")

_DEPTH = len(Path(__file__).parent.parts)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "slow: takes seconds (real processes, long runs)")
    config.addinivalue_line("markers", "turns(n): a run takes every n-th case (turns.py)")
    choose_turn(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who waits runs beside who computes."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.two_ends import TwoEnds

    return TwoEnds(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take whose turn it is, in order; give a second try to tests against real clocks."""
    taken, left = in_turn(items)
    items[:] = sorted(taken, key=lambda item: ORDER.index(folder_of(item)))
    config.hook.pytest_deselected(items=left)
    if "PLAIT_SOAK_SECONDS" in os.environ:
        return
    for item in items:
        if has_deadlines(item):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def pytest_collection_finish() -> None:
    """What was imported and collected stays: worlds collect garbage, and need not look at it."""
    gc.collect()
    gc.freeze()


def has_deadlines(item: pytest.Item) -> bool:
    """Whether a stalled machine alone can break the test."""
    folder = folder_of(item)
    real = folder in REAL_NODES or not REAL_SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
    if folder in REAL_SOCKETS:
        real |= inspect.iscoroutinefunction(getattr(item, "function", None))
    return real or (folder not in VIRTUAL_TIME and item.get_closest_marker("slow") is not None)


def folder_of(item: pytest.Item) -> str:
    """The folder of `tests` that the test is in."""
    return item.path.parts[_DEPTH]
