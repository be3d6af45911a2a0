"""What most tests of processes start with: three nodes, as they are by default."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import Nodes


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    cluster = Nodes(tmp_path)
    cluster.start()
    yield cluster
    cluster.close()
