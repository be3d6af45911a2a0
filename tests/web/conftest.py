"""What tests of pages share: a browser a module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.web.browsers import sharing


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser_of_module() -> AsyncIterator[None]:
    """See `browsers.SHARED`."""
    async with sharing():
        yield
