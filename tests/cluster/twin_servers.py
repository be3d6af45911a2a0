"""Twins instead of servers, for everything in this process that names an engine by its URL.

Modules import the fixtures that they use.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from members import Members

from plait.engines import sharing
from plait.sim.twin import TwinEngine, TwinServer


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> dict[str, TwinServer]:
    """Twins by scheme."""
    found = {scheme: TwinServer(Random(1)) for scheme in ("nats", "postgresql")}

    async def connect(url: str, namespace: str, clock: object, random: object) -> TwinEngine:
        return TwinEngine(found[url.partition("://")[0]], sharing.public_url(url), namespace)

    monkeypatch.setattr(sharing, "import_module", lambda name: SimpleNamespace(connect=connect))
    return found


@pytest.fixture
async def members(tmp_path: Path, servers: dict[str, TwinServer]) -> AsyncIterator[Members]:
    """Nodes that find twins where engines are named."""
    cluster = Members(tmp_path)
    await cluster.start()
    yield cluster
    await cluster.close()
