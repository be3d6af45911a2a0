"""What happens in a store, as things to tell one after the other: to SSE and to sockets alike.

Each has an id from which somebody who was cut off goes on: a table's cursor, a collection's
version. Invariant: nothing is left out between two things that were told; where that cannot be
kept (the log, or the history, no longer has it) the feed ends with the error that says so.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from plait.api.documents.handle import Documents
from plait.api.store import Store
from plait.api.table import Table
from plait.api.values import ABSENT, UNKNOWN
from plait.api.watch import Batch, Change, Watch
from plait.base.errors import HistoryTrimmed
from plait.doors.http.hub import Told, subscribed

STATUS_EVERY_S = 1.0
COMPARED_AT_ONCE = 200  # documents, so that others on the loop get their turn


async def table_feed(
    table: Table,
    start: str | None,
    first: str | None = None,
    last: str | None = None,
    prefix: str | None = None,
) -> AsyncIterator[Told]:
    """``ready``, then each transaction's changes as ``changes``, from `start` or from now on."""
    async with aclosing(table.watch(start, first=first, last=last, prefix=prefix)) as watch:
        assert isinstance(watch, Watch)
        await watch.__aenter__()
        yield Told(watch.cursor or "", "ready", {"cursor": watch.cursor})
        async for batch in watch.batches():
            yield Told(batch.cursor, "changes", batch_of(batch))


def batch_of(batch: Batch) -> dict[str, Any]:
    """A transaction's changes."""
    return {
        "changes": [change_of(change) for change in batch.changes],
        "cursor": batch.cursor, "version": batch.version, "time_ms": batch.time_ms,
    }  # fmt: skip


def change_of(change: Change) -> dict[str, Any]:
    """A row's change. Where rows before it are kept: with what it was, None if it was not."""
    if change.cleared:
        return {"cleared": True}
    told: dict[str, Any] = {"key": change.key, "deleted": change.deleted}
    if not change.deleted:
        told["value"] = change.value
    if change.before is not UNKNOWN:
        told["before"] = None if change.before is ABSENT else change.before
        told["was_there"] = change.before is not ABSENT
    return told


async def documents_feed(
    store: Store, documents: Documents[Any], start: str | None, key: str | None = None
) -> AsyncIterator[Told]:
    """``ready``, then each batch as ``changes``, from a version or from now on.

    What happened since `start` is told as ``changed``: documents as they are now, since who did
    what meanwhile may be forgotten already. Where that is not kept ``reset`` says so, and every
    document is told as ``changed``. `TooStale` if this node has not seen `start` yet.
    """
    with subscribed(store, documents, key) as listener:
        version = documents.version  # whatever is later comes by the listener
        await documents.kept()
        if start is not None and start != version:
            async for told in _since(documents, start, key):
                yield told
        yield Told(version, "ready", {"version": version})
        while True:
            yield await listener.next()


async def _since(documents: Documents[Any], start: str, key: str | None) -> AsyncIterator[Told]:
    try:
        past = documents.at(start)
    except HistoryTrimmed:
        past = None
        if key is None:
            yield Told("", "reset", {"documents": len(documents)})
    before = () if past is None else past.keys()
    keys = [key] if key is not None else sorted({*before, *documents.keys()})
    for number, one in enumerate(keys):
        if number % COMPARED_AT_ONCE == 0:
            await asyncio.sleep(0)
        there = one in documents
        value = documents[one].to_dict() if there else None
        if past is None or there != (one in past) or (there and value != past[one].to_dict()):
            yield Told("", "changed", {"key": one, "deleted": not there, "value": value})


async def status_feed(store: Store, every_s: float = STATUS_EVERY_S) -> AsyncIterator[Told]:
    """Every node's status, again and again."""
    while True:
        yield Told("", "status", await store.status())
        await asyncio.sleep(every_s)
