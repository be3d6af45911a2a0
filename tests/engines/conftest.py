"""Servers that the tests of engines share."""

from collections.abc import Iterator

import pytest
from postgres_servers import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL, with whatever earlier tests left in it."""
    with postgres_server() as server:
        yield server
