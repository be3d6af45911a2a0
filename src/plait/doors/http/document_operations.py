"""What can be asked of documents: the table of `documents`' functions."""

from typing import Any, get_args

from plait.api.documents.kinds import KINDS
from plait.doors.http import documents
from plait.doors.http.editing import Op
from plait.doors.http.operation import Answer, Operation, Parameter
from plait.doors.http.schemas import ANY, STRING, array, record

_ITEM = "/v1/documents/{collection}/items/{key}"
_NAMES: dict[str, Any] = array(STRING)
_TIME = {"type": "string", "format": "date-time"}
_INTEGER = {"type": "integer", "minimum": 0, "maximum": 2**53}

DOCUMENT = record(
    ("key", "value", "kinds"), key=STRING, value={"type": ["object", "null"]},
    kinds={"type": "object", "additionalProperties": {"type": "string", "enum": list(KINDS)}},
)  # fmt: skip
EDIT = record(
    ("op",), op={"type": "string", "enum": list(get_args(Op))}, path=_NAMES,
    kind={"type": ["string", "null"], "enum": [*KINDS, None]}, value=ANY,
    text={"type": ["string", "null"]}, at=_INTEGER, count=_INTEGER, to=_INTEGER,
    name={"type": ["string", "null"]}, units={"type": "string", "enum": ["codepoints", "utf16"]},
)  # fmt: skip
EDITS = record(("operations",), operations=array(EDIT), message={"type": ["string", "null"]})
CONFLICT = record(
    ("collection", "key", "field", "path", "kind", "shown", "siblings"),
    collection=STRING, key=STRING, field=STRING, path=_NAMES,
    kind={"type": "string", "enum": ["ask", "merge"]}, base=ANY, shown=ANY,
    siblings=array(record(("value", "who", "when"), value=ANY, who=STRING, when=_TIME)),
)  # fmt: skip
VERSION = record(
    ("version", "who", "when", "paths"), version=STRING, who=STRING, when=_TIME,
    message={"type": ["string", "null"]}, paths=array(_NAMES),
)  # fmt: skip
RESOLUTION = record(
    ("key", "path", "value"), key=STRING, path=_NAMES, value=ANY,
    siblings={"type": ["array", "null"]},
)  # fmt: skip

_KEY = Parameter("key", "only of this document", STRING)
_REFUSED = (403, 404, 409, 410, 422)

OPERATIONS = (
    Operation(
        "GET", "/v1/documents/{collection}/keys", documents.keys, "Keys in order, page by page",
        {200: Answer("Keys, and after which one the next page begins",
                     record(("keys", "after"), keys=_NAMES, after={"type": ["string", "null"]}))},
        "documents",
        (Parameter("after", "the last key of the page before", STRING),
         Parameter("prefix", "only keys that begin with it", STRING),
         Parameter("limit", "how many at most",
                   {"type": "integer", "minimum": 1, "maximum": 1000})),
        problems=_REFUSED,
    ),
    Operation(
        "GET", _ITEM, documents.get, "One document, now or as it was",
        {200: Answer("Its values, and the kinds of its fields", DOCUMENT)}, "documents",
        (Parameter("version", "of its history, or a time", STRING),), problems=_REFUSED,
    ),
    Operation(
        "PATCH", _ITEM, documents.patch, "Merge a patch into it (RFC 7396)",
        {200: Answer("The document as it is now", DOCUMENT)}, "documents",
        body={"type": "object"},
        body_types=("application/merge-patch+json", "application/json"), problems=_REFUSED,
    ),
    Operation(
        "DELETE", _ITEM, documents.delete, "Remove a document",
        {204: Answer("It is gone, or was not there")}, "documents", problems=_REFUSED,
    ),
    Operation(
        "POST", f"{_ITEM}/operations", documents.operate, "Change it, as one batch",
        {200: Answer("The document as it is now", DOCUMENT)}, "documents", body=EDITS,
        problems=_REFUSED,
    ),
    Operation(
        "GET", f"{_ITEM}/history", documents.history, "What was done to it, oldest first",
        {200: Answer("Versions", array(VERSION))}, "documents", problems=_REFUSED,
    ),
    Operation(
        "GET", "/v1/documents/{collection}/conflicts", documents.conflicts,
        "What waits for a decision", {200: Answer("Conflicts", array(CONFLICT))}, "documents",
        (_KEY,), problems=_REFUSED,
    ),
    Operation(
        "GET", "/v1/conflicts", documents.all_conflicts,
        "What waits for a decision, in every collection",
        {200: Answer("Conflicts", array(CONFLICT))}, "documents", problems=_REFUSED,
    ),
    Operation(
        "POST", "/v1/documents/{collection}/conflicts/resolve", documents.resolve,
        "Decide a conflict", {204: Answer("It is decided")}, "documents", body=RESOLUTION,
        problems=_REFUSED,
    ),
    Operation(
        "GET", "/v1/documents/{collection}/watch", documents.watch,
        "Everybody's changes as Server-Sent Events, resumable",
        {200: Answer("changed, ready, changes, problem", STRING, "text/event-stream")},
        "documents",
        (_KEY, Parameter("from", "a version: go on behind it", STRING),
         Parameter("Last-Event-ID", "the same, as browsers say it", STRING, "header")),
        problems=_REFUSED, long=True,
    ),
)  # fmt: skip
