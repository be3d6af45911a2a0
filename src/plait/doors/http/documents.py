"""Documents over HTTP: read as JSON, changed by operations or by a merge patch, their history,
and the conflicts that wait for a person.

The door knows no document classes: the kind of each field stands beside what is stored, so a text
that a program declared is edited as a text. Invariant: a request's changes are one batch, all or
nothing, and on disk (at a node) before they are answered.
"""

import contextlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from starlette.responses import Response

from plait.api.documents import Documents, JsonDocument
from plait.api.documents.conflicts import Conflict
from plait.api.documents.kinds import kinds_at
from plait.base.errors import ConflictChanged, HistoryTrimmed, NoSuchCollection, NotAllowed
from plait.doors.http.call import Call
from plait.doors.http.editing import Edit, apply, merge_patch
from plait.doors.http.events import EventStream
from plait.doors.http.feeds import documents_feed
from plait.doors.http.hub import plain
from plait.doors.http.problems import bad_request, not_found

EDITS_MAX = 10_000
PAGE_DEFAULT = 100
VERSION_CHARACTERS_MAX = 64 << 10


class Edits(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be done to a document, as one batch."""

    operations: list[Edit]
    message: str | None = None


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """A decision: this value instead of all siblings."""

    key: str
    path: list[str]
    value: Any
    siblings: list[Any] | None = None  # as they were when it was decided


async def opened(call: Call) -> Documents[JsonDocument]:
    """The collection that the path names."""
    return await call.store.documents(call.path["collection"], create=False)


async def keys(call: Call) -> Response:
    """A page of keys."""
    documents = await opened(call)
    limit = min(call.query.get("limit", PAGE_DEFAULT), call.door.limits.page_rows_max)
    start = call.query.get("after")
    found: list[str] = []
    prefix = call.query.get("prefix", "")
    for key in documents.keys(None if start is None else start + "\0"):
        if len(found) == limit:
            return call.answer({"keys": found, "after": found[-1]})
        if key.startswith(prefix):
            found.append(key)
    return call.answer({"keys": found, "after": None})


def _moment(text: str) -> str | datetime:
    """A version, or a time."""
    if len(text) > VERSION_CHARACTERS_MAX:
        raise bad_request("a version is shorter than that")
    try:
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        return time if datetime(1970, 1, 2, tzinfo=UTC) < time else text
    except (ValueError, OverflowError):
        return text


async def get(call: Call) -> Response:
    """One document, now or as it was."""
    documents = await opened(call)
    if "version" in call.query:
        documents = documents.at(_moment(call.query["version"]))
    return call.answer(_told(documents, call.path["key"]))


def _told(documents: Documents[JsonDocument], key: str) -> dict[str, Any]:
    document = documents[key]
    if key not in documents:
        raise not_found(f"there is no document {key!r}")
    kinds = {name: kinds_at(document, [name]) for name in document}
    return {
        "key": key,
        "value": plain(document.to_dict()),
        "kinds": {name: found[0] for name, found in kinds.items() if found},
    }


async def operate(call: Call) -> Response:
    """Do things to a document, as one batch."""
    wanted = await call.decoded(Edits)
    if len(wanted.operations) > EDITS_MAX:
        raise bad_request(f"a batch has at most {EDITS_MAX} operations here")
    documents = await opened(call)
    document = documents[call.path["key"]]
    with documents.change(wanted.message):
        for edit in wanted.operations:
            apply(documents, document, edit)
    return await _written(call, documents)


async def patch(call: Call) -> Response:
    """Merge a patch into a document (RFC 7396)."""
    wanted = await call.decoded(dict[str, Any])
    documents = await opened(call)
    with documents.change():
        merge_patch(documents[call.path["key"]], wanted)
    return await _written(call, documents)


async def _written(call: Call, documents: Documents[JsonDocument]) -> Response:
    await documents.flush()
    key = call.path["key"]
    if key not in documents:
        return call.answer({"key": key, "value": None, "kinds": {}})
    return call.answer(_told(documents, key))


async def delete(call: Call) -> Response:
    """Remove a document; removing one that is not there is no error."""
    documents = await opened(call)
    del documents[call.path["key"]]
    await documents.flush()
    return call.nothing()


async def history(call: Call) -> Response:
    """What was done to a document, oldest first."""
    documents = await opened(call)
    versions = documents[call.path["key"]].history()
    return call.answer(
        [
            {
                "version": one.version, "who": one.who, "when": one.when,
                "message": one.message, "paths": [list(path) for path in one.paths],
            }
            for one in versions
        ]
    )  # fmt: skip


# ---------------------------------------------------------------------- conflicts


async def conflicts(call: Call) -> Response:
    """What waits for a decision."""
    documents = await opened(call)
    key = call.query.get("key")
    found = documents.conflicts() if key is None else documents[key].conflicts()
    return call.answer([conflict_of(conflict) for conflict in found])


async def all_conflicts(call: Call) -> Response:
    """The same, in every collection that may be read."""
    found: list[Conflict] = []
    for info in await call.store.collections():
        try:
            found += await call.store.conflicts(info.name)
        except (NotAllowed, NoSuchCollection):  # of some there is a right, but not to read them
            continue
    return call.answer([conflict_of(conflict) for conflict in found])


def conflict_of(conflict: Conflict) -> dict[str, Any]:
    """A conflict as it is told of."""
    return {
        "collection": conflict.collection, "key": conflict.key, "field": conflict.field,
        "path": list(conflict.path), "kind": conflict.kind, "base": conflict.base,
        "shown": conflict.shown,
        "siblings": [
            {"value": one.value, "who": one.who, "when": one.when} for one in conflict.versions
        ],
    }  # fmt: skip


async def resolve(call: Call) -> Response:
    """Decide a conflict."""
    wanted = await call.decoded(Resolution)
    documents = await opened(call)
    for conflict in documents[wanted.key].conflicts():
        if list(conflict.path) == wanted.path:
            break
    else:
        raise ConflictChanged(f"nothing waits for a decision at {wanted.path}", key=wanted.key)
    if wanted.siblings is not None and wanted.siblings != conflict.siblings:
        raise ConflictChanged(f"there are other values at {wanted.path} by now", key=wanted.key)
    conflict.resolve(wanted.value)
    await documents.flush()
    return call.nothing()


async def watch(call: Call) -> Response:
    """Everybody's changes as they take effect here."""
    start = call.query.get("from") or call.request.headers.get("last-event-id")
    documents = await opened(call)
    if start is not None and start != documents.version:
        with contextlib.suppress(HistoryTrimmed):
            documents.at(start)  # refuses at once what makes no sense
    return EventStream(call, documents_feed(call.store, documents, start, call.query.get("key")))
