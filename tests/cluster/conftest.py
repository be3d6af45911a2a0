"""What most tests of clusters start with: three members, as they are by default."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from members import Members


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    async with Members(tmp_path) as cluster:
        yield cluster
