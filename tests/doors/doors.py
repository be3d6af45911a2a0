"""What tests of doors start with: a node that serves one, clients of it, three such nodes."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

import plait
from plait.api.store import Store
from plait.cli.doors import DoorChoices, own_store
from plait.doors.http.door import Door, asgi
from plait.doors.http.serving import listening
from plait.node.node import Node

BASE = "http://127.0.0.1"


def client_of(app: Any, base: str = BASE, **options: Any) -> httpx.AsyncClient:
    """A client of an app, without a network between."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url=base, **options)


@contextlib.asynccontextmanager
async def embedded(folder: Path, **options: Any) -> AsyncIterator[tuple[Store, Door]]:
    """A store in this process, and a door of it."""
    async with plait.open(folder) as store:
        yield store, asgi(store, **options)


@contextlib.asynccontextmanager
async def served(node: Node, **options: Any) -> AsyncIterator[str]:
    """A real listener for a node of a cluster; its ``http://host:port``."""
    async with (
        own_store(node) as own,
        listening(asgi(own, **options), "127.0.0.1:0") as bound,
    ):
        yield f"http://{bound}"


__all__ = ["BASE", "DoorChoices", "client_of", "embedded", "served"]
