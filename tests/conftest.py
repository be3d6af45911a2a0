"""What every test shares."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.addinivalue_line("markers", "slow: takes seconds (real processes, long runs)")
