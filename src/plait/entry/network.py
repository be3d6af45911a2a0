"""The way in over the network."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from plait.api.store import Store
from plait.client.backend import connect as connect_backend


@contextlib.asynccontextmanager
async def connect(url: str, **options: Any) -> AsyncIterator[Store]:
    """Connect to a cluster: ``plait://host:7401,host:7402``. Any of its nodes will do.

    options: see `plait.client.backend.connect`. Raises `Unavailable` if no node answers.
    """
    backend = await connect_backend(url, **options)
    async with Store(backend) as store:
        yield store
