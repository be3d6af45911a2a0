"""A keyspace over documents: values are read when they are touched, and changes written back.

::

    documents ──load──► values in memory ──commands──► dirty keys ──flush──► mutations
        │                                           strings, many at once ──┘
        └── somebody else changed a key ──► it is forgotten, and read again when it is needed

Commands see plain values and are the same as everywhere; what a flush writes is what they *meant*:
members added and removed, fields set, amounts counted, elements inserted where they were. Several
changes of one key between two flushes are one.

Invariant: after a flush the documents read as the values do, as long as nobody else wrote.
"""

from collections.abc import Iterable
from typing import Any, Final

from plait.api.documents import Documents
from plait.doors.resp.keyspace import Hash, Keyspace, List, Set, SortedSet, kind_name
from plait.doors.resp.redis_key import RedisKey, bytes_of, name_of, read_value
from plait.doors.resp.tracked import TrackedHash, TrackedSet, TrackedSortedSet, edits

KEPT_MAX: Final = 200_000  # keys in memory; with more, all are forgotten and read anew


class DocumentKeyspace(Keyspace):
    """The keys of one collection."""

    def __init__(self, documents: Documents[RedisKey]) -> None:
        super().__init__()
        self._documents = documents.without_undo()
        self.known: set[bytes] = set()  # keys that were read, or are not there
        self._all = False  # every key that there is was read
        self._stale: set[bytes] = set()  # keys that were forgotten since
        self._held: dict[bytes, str] = {}  # the kind that the document has
        self._held_until: dict[bytes, int] = {}
        self._held_list: dict[bytes, list[bytes]] = {}
        self._counting: set[bytes] = set()  # strings that something was counted on to
        self._dirty: dict[bytes, None] = {}
        self._replaced: set[bytes] = set()  # what was there before is of no matter
        self._valued: set[bytes] = set()  # not only counted, or given another deadline
        self._just_counted: bytes | None = None
        self._counted: dict[bytes, int] = {}
        self._summed: dict[bytes, dict[bytes, int]] = {}

    # ------------------------------------------------------------------ reading

    def load(self, key: bytes) -> None:
        """Have a key in memory, if it is there at all."""
        if key in self.known:
            return
        self.known.add(key)
        self._stale.discard(key)
        name = name_of(key)
        if name not in self._documents:
            return
        document = self._documents[name]
        value, counts = read_value(document)
        if counts:
            self._counting.add(key)
        if value is None:
            return
        self._held[key] = kind_name(value)
        self.data[key] = value
        if isinstance(value, List):
            self._held_list[key] = list(value)
        until = document.until
        if until:
            self._held_until[key] = until
            self.put_deadline(key, until)

    def load_all(self) -> None:
        """Have every key in memory."""
        if not self._all:
            for name in self._documents:
                self.load(bytes_of(name))
            self._all = True
        for key in list(self._stale):
            self.load(key)

    def forget(self, key: bytes) -> None:
        """Somebody else has changed a key."""
        if key in self.known:
            self.known.discard(key)
            self.data.pop(key, None)
            self.expires.pop(key, None)
            for held in (self._held, self._held_until, self._held_list):
                held.pop(key, None)
            self._counting.discard(key)
        self._stale.add(key)
        self.writes += 1

    def forget_all(self) -> None:
        """Read everything anew."""
        for kept in (
            self.known, self.data, self.expires, self._held, self._held_until, self._held_list,
            self._counting, self._stale, self._dirty, self._replaced, self._valued,
            self._counted, self._summed,
        ):  # fmt: skip
            kept.clear()
        self._all = False
        self.rebuild_deadlines()
        self.writes += 1

    # ------------------------------------------------------------------ what commands do

    def new_hash(self, key: bytes) -> Hash:
        """An empty hash under a key."""
        self.data[key] = value = TrackedHash()
        return value

    def new_set(self, key: bytes) -> Set:
        """An empty set under a key."""
        self.data[key] = value = TrackedSet()
        return value

    def new_sorted_set(self, key: bytes) -> SortedSet:
        """An empty sorted set under a key."""
        self.data[key] = value = TrackedSortedSet()
        return value

    def touch(self, key: bytes) -> None:
        """A key was changed."""
        self.writes += 1
        self._dirty[key] = None
        if self._just_counted == key:
            self._just_counted = None
        else:
            self._counted.pop(key, None)
            self._valued.add(key)

    def touch_deadline(self, key: bytes) -> None:
        """Only when a key goes was changed."""
        self.writes += 1
        self._dirty[key] = None

    def added_again(self, key: bytes, members: Set, member: bytes) -> None:
        """A member was added that is there: it stays, if somebody removes it at the same time."""
        members[member] = None
        self._dirty[key] = None

    def assign(self, key: bytes, value: Any) -> None:
        """Give a key another value."""
        self.data[key] = value
        self._replaced.add(key)
        if self._counted:
            self._counted.pop(key, None)
        if self._summed:
            self._summed.pop(key, None)
        if self.expires:
            self.expires.pop(key, None)
        self.writes += 1  # and the rest of what `touch` does, here on the hottest way
        self._dirty[key] = None
        self._valued.add(key)

    def remove(self, key: bytes) -> bool:
        """Remove a key."""
        self._replaced.add(key)
        self._counted.pop(key, None)
        self._summed.pop(key, None)
        return super().remove(key)

    def clear(self) -> None:
        """Remove every key."""
        for key in list(self.data):
            self.remove(key)

    def counted(self, key: bytes, amount: int) -> None:
        """A string was counted up; if it was assigned just now, it stays an assignment."""
        if key not in self._valued:
            self._counted[key] = self._counted.get(key, 0) + amount
            self._just_counted = key

    def counted_field(self, key: bytes, field: bytes, amount: int) -> None:
        """A field of a hash is counted up."""
        value = self.data[key]
        if not isinstance(value, TrackedHash) or key in self._replaced or field in value.changed:
            return
        sums = self._summed.setdefault(key, {})
        sums[field] = sums.get(field, 0) + amount
        value.counted = field

    # ------------------------------------------------------------------ writing

    @property
    def dirty(self) -> bool:
        """Whether there is something to flush."""
        return bool(self._dirty)

    def flush(self, together: bool = False) -> None:
        """Write what was changed, as one change of the collection, or (unless `together`) as one
        for strings that were only set and one for the rest.

        Raises what documents raise; what was changed is forgotten then.
        """
        dirty, self._dirty = self._dirty, {}
        try:
            texts = self._texts(dirty)
            if texts and together and len(texts) < len(dirty):
                texts = {}
            rest = [key for key in dirty if key not in texts] if texts else list(dirty)
            if len(rest) == 1 and self._is_one_operation(rest[0]):
                self._write(rest[0])
            elif rest:
                with self._documents.change():
                    for key in rest:
                        self._write(key)
            if texts:
                self._documents.assign("text", {name_of(key): text for key, text in texts.items()})
                self._held.update(dict.fromkeys(texts, "string"))
        except BaseException:
            self.forget_all()
            raise
        for noted in (self._replaced, self._valued, self._counted, self._summed):
            noted.clear()
        if len(self.known) > KEPT_MAX:
            self.forget_all()

    def _texts(self, dirty: Iterable[bytes]) -> dict[bytes, bytes]:
        """Those of the changed keys that are strings, and to be written as nothing but that."""
        data, valued, counted, counting = self.data, self._valued, self._counted, self._counting
        held, expires, held_until = self._held, self.expires, self._held_until
        timed = bool(expires or held_until)
        texts = {}
        for key in dirty:
            value = data.get(key)
            if type(value) is not bytes or key not in valued or key in counted or key in counting:
                continue
            if held.get(key, "string") != "string":
                continue
            if timed and expires.get(key, 0) != held_until.get(key, 0):
                continue
            texts[key] = value
        return texts

    def _is_one_operation(self, key: bytes) -> bool:
        """Whether what a key was told is all or nothing without being a change: a string that is
        counted up, a member that is added to a set."""
        value, kind = self.data.get(key), self._held.get(key)
        if key in self._replaced or self.expires.get(key, 0) != self._held_until.get(key, 0):
            return False
        if type(value) is bytes:
            return key not in self._valued and kind in (None, "string")
        return type(value) is TrackedSet and kind == "set" and len(value.changed) == 1

    def _write(self, key: bytes) -> None:
        value = self.data.get(key)
        held = self._held.get(key)
        name = name_of(key)
        if value is None:
            if held is not None:
                del self._documents[name]
                self._forget_held(key)
            return
        document = self._documents[name]
        kind = kind_name(value)
        if held is not None and (held != kind or (kind != "string" and key in self._replaced)):
            del self._documents[name]
            self._forget_held(key)
            held = None
        if kind == "string":
            self._write_string(key, document, value)
        else:
            if held is None:
                document.kind = kind
            _WRITERS[kind](self, key, document, value, held is None)
        self._held[key] = kind
        until = self.expires.get(key, 0)
        if until != self._held_until.get(key, 0):
            document.until = until
            self._held_until[key] = until

    def _forget_held(self, key: bytes) -> None:
        self._held.pop(key, None)
        self._held_until.pop(key, None)
        self._held_list.pop(key, None)
        self._counting.discard(key)

    def _write_string(self, key: bytes, document: RedisKey, value: bytes) -> None:
        amount = self._counted.get(key)
        if amount is not None:
            document.count.add(amount)
            self._counting.add(key)
        if key not in self._valued:
            return
        if key in self._counting:
            document.count.reset()
            self._counting.discard(key)
        document.text = value

    def _write_hash(self, key: bytes, document: RedisKey, value: TrackedHash, whole: bool) -> None:
        pairs, sums = document.pairs, document.sums
        summed = self._summed.get(key, {})
        for field in list(value if whole else value.changed):
            if field in summed and field not in value.changed:
                continue
            name = name_of(field)
            if name in sums:
                del sums[name]
            if field in value:
                pairs[name] = value[field]
            elif name in pairs:
                del pairs[name]
        for field, amount in summed.items():
            if field in value and field not in value.changed:
                sums[name_of(field)] += amount
        value.changed.clear()

    def _write_set(self, key: bytes, document: RedisKey, value: TrackedSet, whole: bool) -> None:
        members = document.members
        for member in value if whole else value.changed:
            if member in value:
                members.add(member)
            else:
                members.discard(member)
        value.changed.clear()

    def _write_sorted_set(
        self, key: bytes, document: RedisKey, value: TrackedSortedSet, whole: bool
    ) -> None:
        scores = document.scores
        for member in value if whole else value.changed:
            name = name_of(member)
            if member in value:
                scores[name] = value[member]
            elif name in scores:
                del scores[name]
        value.changed.clear()

    def _write_list(self, key: bytes, document: RedisKey, value: List, whole: bool) -> None:
        after = list(value)
        start, gone, come = edits(self._held_list.get(key, []), after)
        elements = document.elements
        if gone:
            del elements[start : start + gone]
        if come:
            elements[start:start] = come
        self._held_list[key] = after


_WRITERS: Final[dict[str, Any]] = {
    "hash": DocumentKeyspace._write_hash, "set": DocumentKeyspace._write_set,
    "zset": DocumentKeyspace._write_sorted_set, "list": DocumentKeyspace._write_list,
}  # fmt: skip
