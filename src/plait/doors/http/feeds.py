"""What happens in a store, as things to tell one after the other: to SSE and to sockets alike.

Each has an id from which somebody who was cut off goes on: a table's cursor, a collection's
version. Invariant: nothing is left out between two things that were told; where that cannot be
kept (the log, or the history, no longer has it) the feed ends with the error that says so.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

from plait.api.documents.handle import Documents
from plait.api.documents.watching import Change as DocumentChange
from plait.api.documents.watching import Watch as DocumentWatch
from plait.api.store import Store
from plait.api.table import Table
from plait.api.values import ABSENT, UNKNOWN
from plait.api.watch import Batch, Change, Watch

STATUS_EVERY_S = 1.0
COMPARED_AT_ONCE = 200  # documents, so that others on the loop get their turn


class Told(NamedTuple):
    """One thing to tell."""

    id: str  # where to go on behind it; "" if that means nothing
    event: str
    data: Any


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
    documents: Documents[Any], start: str | None, key: str | None = None
) -> AsyncIterator[Told]:
    """``ready``, then each batch as ``changes``, from a version or from now on.

    What happened since `start` is told as ``changed``: documents as they are now, since who did
    what meanwhile may be forgotten already. `HistoryTrimmed` where even that is not known.
    """
    async with aclosing(documents.watch(key)) as watch:
        assert isinstance(watch, DocumentWatch)
        if start is not None and start != documents.version:
            async for told in _since(documents, start, key):
                yield told
        yield Told(documents.version, "ready", {"version": documents.version})
        while (batch := await watch.batch()) is not None:
            changes = [document_change(change) for change in batch]
            version = documents.version
            yield Told(version, "changes", {"changes": changes, "version": version})


async def _since(documents: Documents[Any], start: str, key: str | None) -> AsyncIterator[Told]:
    past = documents.at(start)
    keys = [key] if key is not None else sorted({*past.keys(), *documents.keys()})
    for number, one in enumerate(keys):
        if number % COMPARED_AT_ONCE == 0:
            await asyncio.sleep(0)
        there = one in documents
        if there != (one in past) or (there and documents[one] != past[one].to_dict()):
            value = documents[one].to_dict() if there else None
            yield Told("", "changed", {"key": one, "deleted": not there, "value": value})


def document_change(change: DocumentChange) -> dict[str, Any]:
    """What happened at one place of a document."""
    told: dict[str, Any] = {
        "key": change.key, "path": list(change.path), "who": change.who,
        "when": change.when, "deleted": change.deleted,
    }  # fmt: skip
    if change.message is not None:
        told["message"] = change.message
    if change.patches:
        told["patches"] = [
            {"at": at, "delete": gone, "insert": content} for at, gone, content in change.patches
        ]
    elif not change.marks:
        told |= {"before": plain(change.before), "after": plain(change.after)}
    if change.marks:
        told["marks"] = [list(mark) for mark in change.marks]
    return told


def plain(value: Any) -> Any:
    """A value as JSON has it: sets as lists in order."""
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=repr)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


async def status_feed(store: Store, every_s: float = STATUS_EVERY_S) -> AsyncIterator[Told]:
    """Every node's status, again and again."""
    while True:
        yield Told("", "status", await store.status())
        await asyncio.sleep(every_s)
