"""A keyspace: what one database holds, as plain values, and when it expires.

A string is bytes; the other kinds are the classes here. Every write ends in `touch(key)`, which is
how whoever keeps the keyspace learns what changed. An empty collection is no key.

Law: what a command does depends on the keyspace, its arguments, `now_ms` and `random` alone, and
never on the order of a Python set: the same commands give the same bytes at every replica.

Absent: commands (`plait.doors.resp.commands`), and where the values are kept.
"""

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from plait.doors.resp.replies import Complaint

WATCHED_MAX: Final = 65_536  # keys; the longest watched is forgotten, and its transaction fails

WRONG_TYPE: Final = "WRONGTYPE Operation against a key holding the wrong kind of value"


class Hash(dict[bytes, bytes]):
    """Fields and their values."""

    __slots__ = ()


class Set(dict[bytes, None]):
    """Members, in the order of their coming: a set whose order is the same everywhere."""

    __slots__ = ()


class List(deque[bytes]):
    """Elements."""

    __slots__ = ()


class SortedSet(dict[bytes, float]):
    """Members and their scores, in the order of (score, member) when that is asked for."""

    __slots__ = ("_order",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._order: list[tuple[float, bytes]] | None = None

    @property
    def order(self) -> list[tuple[float, bytes]]:
        """(score, member), ascending. To be read only."""
        if self._order is None:
            self._order = sorted((score, member) for member, score in self.items())
        return self._order

    def put(self, member: bytes, score: float) -> None:
        """Set a member's score."""
        before = self.get(member)
        self[member] = score
        if self._order is not None:
            if before is not None:
                del self._order[bisect_left(self._order, (before, member))]
            insort(self._order, (score, member))

    def drop(self, member: bytes) -> None:
        """Take a member out."""
        score = self.pop(member)
        if self._order is not None:
            del self._order[bisect_left(self._order, (score, member))]


_NAMES: Final[dict[type, str]] = {
    bytes: "string", Hash: "hash", Set: "set", List: "list", SortedSet: "zset"
}  # fmt: skip


def kind_name(value: Any) -> str:
    """What TYPE says of a value."""
    for kind in type(value).__mro__:
        if kind in _NAMES:
            return _NAMES[kind]
    return "none"


class Keyspace:
    """Keys, values and deadlines of one database."""

    def __init__(self) -> None:
        self.data: dict[bytes, Any] = {}
        self.expires: dict[bytes, int] = {}  # milliseconds since 1970
        self.now_ms = 0
        self.chance: Callable[[], Random] = Random
        self.writes = 0  # commands that changed something
        self.watched: dict[bytes, int] = {}  # keys that transactions watch: `writes` at last change
        self.refuses: frozenset[str] = frozenset()  # commands that cannot be done on it
        self.why = ""
        self.scan_index: list[tuple[int, bytes]] | None = None  # not state: of the last SCAN
        self.scan_writes = -1  # `writes` when that was made
        self._deadlines: list[tuple[int, bytes]] = []  # a heap; some are out of date

    @property
    def random(self) -> Random:
        """A source of chance."""
        return self.chance()

    # ------------------------------------------------------------------ finding

    def find(self, key: bytes) -> Any | None:
        """The value under a key, unless it has expired."""
        value = self.data.get(key)
        if value is not None and key in self.expires and self.expires[key] <= self.now_ms:
            return None
        return value

    def string(self, key: bytes) -> bytes | None:
        """A string."""
        value = self.find(key)
        if value is not None and type(value) is not bytes:
            raise Complaint(WRONG_TYPE)
        return value

    def hash(self, key: bytes) -> Hash | None:
        """A hash."""
        value = self.find(key)
        if value is not None and not isinstance(value, Hash):
            raise Complaint(WRONG_TYPE)
        return value

    def set(self, key: bytes) -> Set | None:
        """A set."""
        value = self.find(key)
        if value is not None and not isinstance(value, Set):
            raise Complaint(WRONG_TYPE)
        return value

    def list(self, key: bytes) -> List | None:
        """A list."""
        value = self.find(key)
        if value is not None and not isinstance(value, List):
            raise Complaint(WRONG_TYPE)
        return value

    def sorted_set(self, key: bytes) -> SortedSet | None:
        """A sorted set."""
        value = self.find(key)
        if value is not None and not isinstance(value, SortedSet):
            raise Complaint(WRONG_TYPE)
        return value

    def present(self) -> Iterator[bytes]:
        """Every key that is there, in the order of their coming."""
        if not self.expires:
            return iter(self.data)
        gone = {key for key, at in self.expires.items() if at <= self.now_ms}
        return (key for key in self.data if key not in gone) if gone else iter(self.data)

    def size(self) -> int:
        """How many keys there are."""
        if not self._deadlines or self._deadlines[0][0] > self.now_ms:
            return len(self.data)
        return sum(1 for _ in self.present())

    # ------------------------------------------------------------------ making

    def new_hash(self, key: bytes) -> Hash:
        """An empty hash under a key."""
        self.data[key] = value = Hash()
        return value

    def new_set(self, key: bytes) -> Set:
        """An empty set under a key."""
        self.data[key] = value = Set()
        return value

    def new_list(self, key: bytes) -> List:
        """An empty list under a key."""
        self.data[key] = value = List()
        return value

    def new_sorted_set(self, key: bytes) -> SortedSet:
        """An empty sorted set under a key."""
        self.data[key] = value = SortedSet()
        return value

    # ------------------------------------------------------------------ changing

    def touch(self, key: bytes) -> None:
        """A key was changed."""
        self.writes += 1
        if self.watched and key in self.watched:
            self.watched[key] = self.writes

    def touch_deadline(self, key: bytes) -> None:
        """Only when a key goes was changed."""
        self.touch(key)

    def counted(self, key: bytes, amount: int) -> None:
        """A string was counted up, and `touch` follows: replicas that agree later add."""

    def counted_field(self, key: bytes, field: bytes, amount: int) -> None:
        """A field of a hash is about to be counted up, and is assigned next."""

    def added_again(self, key: bytes, members: Set, member: bytes) -> None:
        """A member was added that is there: somebody may be removing it elsewhere."""

    def assign(self, key: bytes, value: Any) -> None:
        """Give a key another value; it does not expire any more."""
        self.data[key] = value
        if self.expires:
            self.expires.pop(key, None)
        self.touch(key)

    def remove(self, key: bytes) -> bool:
        """Remove a key; whether it was there."""
        if self.data.pop(key, None) is None:
            return False
        expired = bool(self.expires) and self.expires.pop(key, self.now_ms + 1) <= self.now_ms
        self.touch(key)
        return not expired

    def settle(self, key: bytes, value: Any) -> None:
        """A collection was changed: without elements it is no key any more."""
        if value:
            self.touch(key)
        else:
            self.remove(key)

    def expire_at(self, key: bytes, at_ms: int | None) -> None:
        """Let a key go at a time, or (None) stay."""
        if at_ms is None:
            self.expires.pop(key, None)
        elif at_ms <= self.now_ms:
            self.remove(key)
            return
        else:
            self.put_deadline(key, at_ms)
        self.touch_deadline(key)

    def put_deadline(self, key: bytes, at_ms: int) -> None:
        """Note when a key goes."""
        self.expires[key] = at_ms
        heapq.heappush(self._deadlines, (at_ms, key))
        if len(self._deadlines) > 64 + 2 * len(self.expires):
            self.rebuild_deadlines()

    def sweep(self, now_ms: int) -> None:
        """It is `now_ms`: what has expired goes."""
        self.now_ms = now_ms
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= self.now_ms:
            at_ms, key = heapq.heappop(deadlines)
            if self.expires.get(key) == at_ms:
                self.remove(key)

    def rebuild_deadlines(self) -> None:
        """Forget deadlines that were put off."""
        self._deadlines = [(at_ms, key) for key, at_ms in self.expires.items()]
        heapq.heapify(self._deadlines)

    def clear(self) -> None:
        """Remove every key."""
        for key in list(self.data):
            self.data.pop(key)
            self.touch(key)
        self.expires.clear()
        self._deadlines.clear()

    # ------------------------------------------------------------------ transactions

    def watch(self, key: bytes) -> int:
        """Note changes of a key from now on; what `unchanged` compares."""
        # the one that is watched last is forgotten last
        self.watched[key] = self.watched.pop(key, self.writes)
        if len(self.watched) > WATCHED_MAX:
            del self.watched[next(iter(self.watched))]
        return self.writes

    def unchanged(self, key: bytes, since: int) -> bool:
        """Whether a watched key is as it was; False also if that was forgotten."""
        changed = self.watched.get(key)
        return changed is not None and changed <= since
