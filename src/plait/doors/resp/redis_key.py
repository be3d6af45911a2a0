"""A key of an eventual database as a document, and the names that bytes have there.

One field for each kind of value, so that two nodes that give one key different kinds at once lose
neither; `kind` says which is shown. A string is what was last set plus what was counted since.
"""

from typing import Any

from plait.api.documents import AddWinsSet, Counter, Document, List, Map, Register
from plait.doors.resp.keyspace import List as Elements
from plait.doors.resp.tracked import TrackedHash, TrackedSet, TrackedSortedSet

KINDS = ("string", "hash", "set", "zset", "list")


class RedisKey(Document):
    """One key."""

    text = Register(bytes)  # of a string
    count = Counter()  # what INCR and the like have added to it
    pairs = Map(Register(bytes))  # of a hash
    sums = Map(Counter())  # what HINCRBY has added to its fields
    members = AddWinsSet(bytes)
    scores = Map(Register(float))  # of a sorted set
    elements = List(bytes)  # of a list
    kind = Register(str)  # which of them it is; not written for strings
    until = Register(int)  # milliseconds since 1970; 0: for ever


def name_of(key: bytes) -> str:
    """A key, or a field, as documents name it. Bytes that are no text come behind a NUL."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return "\0" + key.decode("latin-1")
    return "\0" + key.decode("latin-1") if not text or text[0] == "\0" else text


def bytes_of(name: str) -> bytes:
    """What `name_of` was given."""
    return name[1:].encode("latin-1") if name[0] == "\0" else name.encode()


def read_value(document: RedisKey) -> tuple[Any, bool]:
    """What a document holds as a value of a keyspace (None: nothing), and whether it counts."""
    kind = document.kind
    counts = bool(document.count.value)
    for one in (kind, *KINDS) if kind else KINDS:
        value = _READERS[one](document) if one in _READERS else None
        if value is not None and (one == "string" or value):
            return value, counts
    return None, counts


def _string(document: RedisKey) -> bytes | None:
    text, count = document.text, document.count.value
    if text is None:
        return b"%d" % count if count else None
    return added(text, count)


def added(text: bytes, count: int) -> bytes:
    """A string with what was counted; one that is no number shows as it was set."""
    if not count:
        return text
    try:
        return b"%d" % (int(text) + count)
    except ValueError:
        return text


def _hash(document: RedisKey) -> TrackedHash:
    found = {bytes_of(name): value for name, value in document.pairs.value.items()}
    for name, count in document.sums.value.items():
        field = bytes_of(name)
        if count or field not in found:
            found[field] = added(found.get(field, b"0"), count)
    return TrackedHash(found)


def _set(document: RedisKey) -> TrackedSet:
    return TrackedSet(dict.fromkeys(sorted(document.members.value)))


def _sorted_set(document: RedisKey) -> TrackedSortedSet:
    return TrackedSortedSet(
        {bytes_of(name): score for name, score in document.scores.value.items()}
    )


def _list(document: RedisKey) -> Elements:
    return Elements(document.elements.value)


_READERS = {
    "string": _string, "hash": _hash, "set": _set, "zset": _sorted_set, "list": _list
}  # fmt: skip
