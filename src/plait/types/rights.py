"""What roles come to: which keys of a collection somebody may read, write, or have made.

A `Grant` names collections and a prefix of keys. What several grants add up to is, for each right
and collection, the tuple of prefixes that a key has to begin with one of: ``("",)`` is every key,
``()`` none. `str.startswith` then decides, at once for all of them.

The cluster itself is the collection `CLUSTER`, which no other name stands for, ``*`` neither: to
read it is to see its status, to administer it is to do all that an operator does.

Invariant: what is not granted is refused. Absent: denials; grants only ever add.
"""

from collections.abc import Sequence

from plait.base.errors import BadSettings
from plait.base.ids import collection_name
from plait.types.rights_commands import Grant

CLUSTER = "@cluster"
EVERY = ("",)  # every key
NONE: tuple[str, ...] = ()
PREFIX_MAX = 4096
GRANTS_MAX = 256
_VERBS = ("read", "write", "admin")

ADMIN = (Grant("*", "", True, True, True), Grant(CLUSTER, "", True, True, True))

Prefixes = tuple[str, ...]


def parse_grant(text: str) -> Grant:
    """``COLLECTION[/PREFIX]:RIGHT,RIGHT``, as in ``orders/eu-:read,write``; else `BadSettings`."""
    where, colon, verbs = text.rpartition(":")
    collection, _, prefix = where.partition("/")
    wanted = verbs.split(",")
    if not colon or not verbs or any(verb not in _VERBS for verb in wanted):
        raise BadSettings(
            f"{text!r} grants nothing; write COLLECTION:RIGHTS or COLLECTION/PREFIX:RIGHTS, where "
            f"RIGHTS are some of {', '.join(_VERBS)}"
        )
    grant = Grant(collection, prefix, *(verb in wanted for verb in _VERBS))
    check_grant(grant)
    return grant


def show_grant(grant: Grant) -> str:
    """The inverse of `parse_grant`."""
    held = [verb for verb in _VERBS if getattr(grant, verb)]
    return f"{grant.collection}{'/' if grant.prefix else ''}{grant.prefix}:{','.join(held)}"


def check_grant(grant: Grant) -> None:
    """Raise `BadSettings` unless the grant names collections that can be."""
    name = grant.collection
    if name not in ("*", CLUSTER):
        collection_name(name.removesuffix("*"))
    if grant.prefix and (name == CLUSTER or grant.admin):
        raise BadSettings(f"{show_grant(grant)}: that right is for a whole collection, no prefix")
    if len(grant.prefix) > PREFIX_MAX:
        raise BadSettings(f"a prefix of {len(grant.prefix)} characters; {PREFIX_MAX} are allowed")


class Allowed:
    """What some grants add up to."""

    def __init__(self, grants: Sequence[Grant]) -> None:
        self._grants = tuple(grants)
        self.reads_anything = any(grant.read for grant in grants)
        self.writes_anything = any(grant.write for grant in grants)

    def reads(self, collection: str) -> Prefixes:
        """What keys of a collection may begin with, to be read."""
        return _join([g.prefix for g in self._grants if g.read and _names(g, collection)])

    def writes(self, collection: str) -> Prefixes:
        """The same, to be written."""
        return _join([g.prefix for g in self._grants if g.write and _names(g, collection)])

    def administers(self, collection: str) -> bool:
        """Whether it may be made, dropped and cleared."""
        return any(grant.admin and _names(grant, collection) for grant in self._grants)

    def sees(self, collection: str) -> bool:
        """Whether there is any right on it: it may be found by name."""
        return any(_names(grant, collection) for grant in self._grants)


def range_within(start: str, stop: str | None, prefixes: Prefixes) -> bool:
    """Whether every key from `start` and before `stop` begins with one of the prefixes."""
    for prefix in prefixes:
        if not prefix:
            return True
        if start.startswith(prefix) and stop is not None and stop <= after(prefix):
            return True
    return False


def after(prefix: str) -> str:
    """The first text that is beyond all that begin with `prefix`, which is not empty.

    Keys are ordered by code point; the very last one has no successor and is left standing.
    """
    last = ord(prefix[-1]) + 1
    if last == 0xD800:
        last = 0xE000  # surrogates are no characters
    return prefix[:-1] + chr(last) if last < 0x110000 else prefix


def _names(grant: Grant, collection: str) -> bool:
    name = grant.collection
    if name == collection:
        return True
    return name.endswith("*") and collection != CLUSTER and collection.startswith(name[:-1])


def _join(prefixes: Sequence[str]) -> Prefixes:
    if "" in prefixes:
        return EVERY
    return tuple(dict.fromkeys(prefixes))
