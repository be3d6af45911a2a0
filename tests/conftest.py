"""What every test shares: marks, and who gets a second try.

A test of real processes, sockets and servers has deadlines, and a machine that stops for a second
in the middle breaks them. Such a test is tried once more, and the run says so ("R", "rerun").
Whatever runs in virtual time, or on no clock at all, gets one try, and so does all of `make soak`:
what those find is a flaw.
"""

import os
from pathlib import Path

import pytest

REAL_NODES = {"cluster", "processes"}  # folders
REAL_SERVERS = {"nats_cluster", "postgres"}  # fixtures
VIRTUAL_TIME = {"sim", "laws", "paper"}  # folders


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "slow: takes seconds (real processes, long runs)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a second try to tests against real clocks."""
    if "PLAIT_SOAK_SECONDS" in os.environ:
        return
    for item in items:
        if has_deadlines(item):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def has_deadlines(item: pytest.Item) -> bool:
    """Whether a stalled machine alone can break the test."""
    folder = item.path.relative_to(Path(__file__).parent).parts[0]
    real = folder in REAL_NODES or not REAL_SERVERS.isdisjoint(getattr(item, "fixturenames", ()))
    return real or (folder not in VIRTUAL_TIME and item.get_closest_marker("slow") is not None)
