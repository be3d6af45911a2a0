"""What every test shares: marks, and who gets a second try.

A test of real processes, sockets and servers has deadlines, and a machine that stops for a second
in the middle breaks them. Such a test is tried once more, and the run says so ("R", "rerun").
Whatever runs in virtual time, or on no clock at all, gets one try, and so does all of `make soak`:
what those find is a flaw.
"""

import inspect
import os
from pathlib import Path

import pytest

REAL_NODES = {"cluster", "processes"}  # folders
REAL_SOCKETS = {"doors", "web"}  # folders: what is async there has sockets, and often a browser
REAL_SERVERS = {"nats_cluster", "postgres"}  # fixtures
VIRTUAL_TIME = {"sim", "laws", "paper"}  # folders

# Files are handed to workers in this order of folders: a long one that came last would be waited
# for by all others.
LONGEST_FIRST = {name: i for i, name in enumerate(("processes", "web", "sim", "cluster", "doors"))}


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "slow: takes seconds (real processes, long runs)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, and give a second try to tests against real clocks."""
    items.sort(key=lambda item: LONGEST_FIRST.get(folder_of(item), len(LONGEST_FIRST)))
    if "PLAIT_SOAK_SECONDS" in os.environ:
        return
    for item in items:
        if has_deadlines(item):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def has_deadlines(item: pytest.Item) -> bool:
    """Whether a stalled machine alone can break the test."""
    folder = folder_of(item)
    real = folder in REAL_NODES or not REAL_SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
    if folder in REAL_SOCKETS:
        real |= inspect.iscoroutinefunction(getattr(item, "function", None))
    return real or (folder not in VIRTUAL_TIME and item.get_closest_marker("slow") is not None)


def folder_of(item: pytest.Item) -> str:
    """The folder of `tests` that the test is in."""
    return item.path.relative_to(Path(__file__).parent).parts[0]
