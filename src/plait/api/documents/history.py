"""The past of documents: versions, who made them and when, and reading as of one of them.

A version is text: what was seen up to and with some batch (a version vector). It means the same
at every replica that has seen as much, whatever order things came in there.
"""

import base64
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from plait.api.documents.access import Access, PastAccess
from plait.api.documents.naming import names_of
from plait.api.documents.registers import time_of
from plait.base.causality import Context, VersionVector, vector_of
from plait.base.codec import encode
from plait.base.errors import BadValue
from plait.graph.event import REPLICA_MAX, SEQ_MAX

TOKEN_CHARACTERS_MAX: Final = 1 << 20

_decoder = msgspec.msgpack.Decoder(tuple[tuple[int, int], ...])


class Version(NamedTuple):
    """One batch of a document's history."""

    version: str  # for `at`
    who: str
    when: datetime
    message: str | None
    paths: tuple[tuple[str, ...], ...]  # what it changed, as names; () is the whole document


def history_of(access: Access, key: str) -> list[Version]:
    """The batches that touched a document, oldest first."""
    access.check()
    versions = []
    for past in access.replica.history(key):
        event = past.event
        paths = dict.fromkeys(names_of(op.path) for op in past.ops if op.key == key)
        versions.append(
            Version(
                encode_version(past.version),
                event.who or access.replica.who(event.replica),
                time_of(event.hlc),
                event.message,
                tuple(paths),
            )
        )
    return versions


def past_of(access: Access, version: str | datetime) -> PastAccess:
    """The way to the documents as they were. `BadValue` for what is no version and no time."""
    access.check()
    replica = access.replica
    if isinstance(version, datetime):
        return PastAccess(replica, replica.past(None, int(version.timestamp() * 1000)))
    return PastAccess(replica, replica.past(decode_version(version), None))


def encode_version(vector: Context) -> str:
    """A version vector as text that is safe in URLs."""
    data = encode(tuple(sorted(vector.items())))
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def decode_version(text: str) -> VersionVector:
    """The vector that a text says; `BadValue` if it says none."""
    if not isinstance(text, str) or len(text) > TOKEN_CHARACTERS_MAX:
        raise BadValue(f"a version is a text that `version` gave, or a datetime, not {text!r:.60}")
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        pairs = _decoder.decode(data)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadValue(f"{text!r:.60} is no version: {error}") from None
    if not all(0 < replica <= REPLICA_MAX and 0 < seq <= SEQ_MAX for replica, seq in pairs):
        raise BadValue(f"{text!r:.60} is no version: no replica has such a past")
    return vector_of(pairs)
