"""The peers of the scenario `graph`: pycrdt (Yjs) and loro, as their own documentation uses them.

Both keep a document in memory and write nothing to disk. One operation is one transaction: pycrdt
makes one for each call outside a transaction, loro commits after each.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import loro
import pycrdt

KINDS = ("counter", "register", "set add", "set remove", "map set")
ELEMENTS = 1000
REMOVED_MAX = 20 * ELEMENTS  # elements that a set has for taking them out


class Peer(Protocol):
    """A library that is measured."""

    name: str

    def mutate(self, kind: str, count: int) -> float:
        """Seconds that `count` operations of a kind take; a fresh document."""
        ...

    def pair(self, keys: int) -> "PeerPair":
        """Two replicas that hold the same keys."""
        ...

    def edits(self, count: int, a_transaction: int) -> tuple[float, float]:
        """Bytes an edit: of the updates as they happen, and of the document saved in the end."""
        ...


class PeerPair(Protocol):
    """Two replicas in one process."""

    def edit(self, side: int, edits: Iterable[tuple[int, str]]) -> None:
        """Assign values by number of key at one side, one transaction each."""
        ...

    def converge(self, whole: bool) -> tuple[float, int]:
        """Seconds and bytes until both are equal; whole: by sending whole states."""
        ...


def key_of(number: int) -> str:
    """The key with this number."""
    return f"key-{number:07}"


def value_of(number: int) -> str:
    """What a small edit writes."""
    return f"edit {number}"


def timed(work: Callable[[], None]) -> float:
    """Seconds that it takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


class Pycrdt:
    """pycrdt: Yjs in Rust. It has no counter and no set: a map's values stand for both."""

    name = "pycrdt"

    def mutate(self, kind: str, count: int) -> float:
        """See `Peer`. A counter is read and written, as two people who increment would lose one."""
        document: Any = pycrdt.Doc()
        values: Any = document.get("values", type=pycrdt.Map)
        names = [key_of(number) for number in range(ELEMENTS)]
        if kind == "counter":
            values["likes"] = 0

            def work() -> None:
                for _ in range(count):
                    values["likes"] = values["likes"] + 1
        elif kind == "register":

            def work() -> None:
                for number in range(count):
                    values["title"] = names[number % ELEMENTS]
        elif kind == "set remove":
            count = min(count, REMOVED_MAX)
            many = [key_of(number) for number in range(count)]
            with document.transaction():
                for name in many:
                    values[name] = True

            def work() -> None:
                for name in many:
                    del values[name]
        else:

            def work() -> None:
                for number in range(count):
                    values[names[number % ELEMENTS]] = number

        return timed(work)

    def pair(self, keys: int) -> "PycrdtPair":
        """See `Peer`."""
        return PycrdtPair(keys)

    def edits(self, count: int, a_transaction: int) -> tuple[float, float]:
        """See `Peer`."""
        document: Any = pycrdt.Doc()
        values: Any = document.get("values", type=pycrdt.Map)
        told: list[int] = []
        watch = document.observe(lambda event: told.append(len(event.update)))
        for start in range(0, count, a_transaction):
            with document.transaction():
                for number in range(start, min(start + a_transaction, count)):
                    values[key_of(number % ELEMENTS)] = value_of(number)
        document.unobserve(watch)
        return sum(told) / count, len(document.get_update()) / count


class PycrdtPair:
    """Two documents of pycrdt."""

    def __init__(self, keys: int) -> None:
        self.documents: list[Any] = [pycrdt.Doc(), pycrdt.Doc()]
        self.maps: list[Any] = [d.get("values", type=pycrdt.Map) for d in self.documents]
        with self.documents[0].transaction():
            for number in range(keys):
                self.maps[0][key_of(number)] = "a value of some length"
        self.documents[1].apply_update(self.documents[0].get_update())

    def edit(self, side: int, edits: Iterable[tuple[int, str]]) -> None:
        """See `PeerPair`."""
        values = self.maps[side]
        for number, value in edits:
            values[key_of(number)] = value

    def converge(self, whole: bool) -> tuple[float, int]:
        """See `PeerPair`."""
        one, two = self.documents
        begin = time.perf_counter()
        since = (None, None) if whole else (one.get_state(), two.get_state())
        there = one.get_update(since[1]) if since[1] else one.get_update()
        back = two.get_update(since[0]) if since[0] else two.get_update()
        two.apply_update(there)
        one.apply_update(back)
        seconds = time.perf_counter() - begin
        assert self.maps[0].to_py() == self.maps[1].to_py()
        return seconds, len(there) + len(back)


def _loro_document() -> Any:
    make: Any = loro.LoroDoc  # its stubs say nothing of types
    return make()


class Loro:
    """loro: it has a counter; a map's keys stand for a set."""

    name = "loro"

    def mutate(self, kind: str, count: int) -> float:
        """See `Peer`."""
        document: Any = _loro_document()
        values: Any = document.get_map("values")
        likes: Any = document.get_counter("likes")
        names = [key_of(number) for number in range(ELEMENTS)]
        commit = document.commit
        if kind == "counter":

            def work() -> None:
                for _ in range(count):
                    likes.increment(1)
                    commit()
        elif kind == "register":

            def work() -> None:
                for number in range(count):
                    values.insert("title", names[number % ELEMENTS])
                    commit()
        elif kind == "set remove":
            count = min(count, REMOVED_MAX)
            many = [key_of(number) for number in range(count)]
            for name in many:
                values.insert(name, True)
            commit()

            def work() -> None:
                for name in many:
                    values.delete(name)
                    commit()
        else:

            def work() -> None:
                for number in range(count):
                    values.insert(names[number % ELEMENTS], number)
                    commit()

        return timed(work)

    def pair(self, keys: int) -> "LoroPair":
        """See `Peer`."""
        return LoroPair(keys)

    def edits(self, count: int, a_transaction: int) -> tuple[float, float]:
        """See `Peer`."""
        document: Any = _loro_document()
        values: Any = document.get_map("values")
        told: list[int] = []

        def tell(update: bytes) -> bool:
            told.append(len(update))
            return True

        watch = document.subscribe_local_update(tell)
        for start in range(0, count, a_transaction):
            for number in range(start, min(start + a_transaction, count)):
                values.insert(key_of(number % ELEMENTS), value_of(number))
            document.commit()
        watch.unsubscribe()
        return sum(told) / count, len(document.export(loro.ExportMode.Snapshot())) / count


class LoroPair:
    """Two documents of loro."""

    def __init__(self, keys: int) -> None:
        self.documents: list[Any] = [_loro_document(), _loro_document()]
        self.maps: list[Any] = [d.get_map("values") for d in self.documents]
        for number in range(keys):
            self.maps[0].insert(key_of(number), "a value of some length")
        self.documents[0].commit()
        self.documents[1].import_(self.documents[0].export(loro.ExportMode.Snapshot()))

    def edit(self, side: int, edits: Iterable[tuple[int, str]]) -> None:
        """See `PeerPair`."""
        values, commit = self.maps[side], self.documents[side].commit
        for number, value in edits:
            values.insert(key_of(number), value)
            commit()

    def converge(self, whole: bool) -> tuple[float, int]:
        """See `PeerPair`."""
        one, two = self.documents
        begin = time.perf_counter()
        if whole:
            there, back = (d.export(loro.ExportMode.Snapshot()) for d in (one, two))
        else:
            there = one.export(loro.ExportMode.Updates(two.oplog_vv))
            back = two.export(loro.ExportMode.Updates(one.oplog_vv))
        two.import_(there)
        one.import_(back)
        seconds = time.perf_counter() - begin
        assert self.maps[0].get_value() == self.maps[1].get_value()
        return seconds, len(there) + len(back)
