"""What most tests of doors start with: a store in this process, and three members."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "cluster"))

from members import Members


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with Members(tmp_path) as cluster:
        yield cluster
