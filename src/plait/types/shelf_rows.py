"""Documents to rows and back: lazily, and in pieces where they are large.

A small document is one row. One with many objects (`SPREAD_MIN`) has a row for each, and an object
of cells with many slots (`PAGED_MIN`) a row for each slot, so that a small change of something
large writes little. A type that saves itself in pages has a row for each.

Invariants: `pack` gives every row that differs from storage, once; what it wrote off as clean is
equal to its rows; an object's pages are numbered from 0 without gaps, and when it gives page 0, it
gives all of them. A document that cannot be read raises `Corrupt` and stays unread.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

from plait.base.causality import VersionVector
from plait.base.codec import encode
from plait.types.cells import CellType, slot_order
from plait.types.graph_type import GraphType
from plait.types.nesting import holds
from plait.types.opaque import Log, Saved, SavedPages, read_log, realise
from plait.types.paths import Path, tag_of
from plait.types.row_codec import (
    DECODING,
    VISIBLE,
    Names,
    corrupt,
    flags_in,
    seal,
    unseal,
)
from plait.types.row_keys import (
    DOCUMENTS,
    META,
    NAMES,
    OBJECT_BYTES,
    UNFOLDED,
    after,
    document_row,
    key_in,
    object_row,
    page_part,
    slot_part,
)
from plait.types.shelved_document import ShelvedDocument, ShelvedObject

SPREAD_MIN = 65  # objects
PAGED_MIN = 257  # slots
PAGE_ROWS = 512  # rows in one scan

PLAIN = 0  # forms: the type's own data
LOGGED = 1  # what was heard of a type that is not known
PAGES = 2  # how many rows have the type's own pages

Row: TypeAlias = tuple[bytes, bytes | None]


class Rows(Protocol):
    """One space of a `StateStorage`, as a shelf reads it."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a row."""
        ...

    def scan(self, start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` rows with start <= key < stop, in order."""
        ...


class Meta:
    """What goes with the rows as a whole."""

    __slots__ = ("count", "forgot", "indexing", "seen")

    def __init__(self) -> None:
        self.count = 0  # visible documents in the rows
        self.seen = VersionVector()  # every event that was applied
        self.forgot = False  # markers were folded, here or where this state comes from
        self.indexing = False  # documents that are not folded yet have UNFOLDED rows

    def switches(self) -> tuple[bool, bool]:
        """What must be written even if no document changed."""
        return self.forgot, self.indexing


class ShelfRows:
    """Reads and writes the rows of one shelf."""

    def __init__(self, rows: Rows, type_of: Callable[[str], GraphType[Any]]) -> None:
        self.rows = rows
        self.type_of = type_of
        self.names = Names(self._read(NAMES, list, []))
        self.meta = self._read(META, self._meta, Meta())
        self._written = self.meta.switches()

    # ------------------------------------------------------------------ reading

    def load(self, key: str) -> ShelvedDocument | None:
        """The document as it is in storage; raises `Corrupt`."""
        row = document_row(key)
        value = self.rows.get(row)
        if value is None:
            return None
        flags, content = unseal(row, value)
        document = ShelvedDocument(key)
        try:
            markers, objects = content
            for number, seq, context in markers:
                ((replica, seq),) = self.names.unpack_dots([(number, seq)])
                document.markers[replica, seq] = self.names.unpack_vector(context)
            document.spread = objects is None
            for record in self.records(key) if objects is None else objects:
                self._unpack_object(document, record)
        except DECODING as error:
            raise corrupt(row, f"{type(error).__name__}: {error}") from None
        document.shown = document.shown_in_row = bool(flags & VISIBLE)
        return document

    def shown(self, key: str) -> bool:
        """Whether storage lists the document as visible."""
        row = document_row(key)
        value = self.rows.get(row)
        return value is not None and bool(flags_in(row, value) & VISIBLE)

    def keys(self, start: str | None, stop: str | None) -> Iterator[tuple[str, bool]]:
        """Keys in storage in order, and whether they are listed; start <= key < stop."""
        first = DOCUMENTS if start is None else document_row(start)
        last = after(DOCUMENTS) if stop is None else document_row(stop)
        for row, value in self.scan(first, last):
            yield self.key(row), bool(flags_in(row, value) & VISIBLE)

    def unfolded(self) -> list[str]:
        """The keys of documents that have what is not folded yet, as of storage."""
        return [self.key(row) for row, _ in self.scan(UNFOLDED, after(UNFOLDED))]

    def key(self, row: bytes) -> str:
        """The document's key in a row's."""
        try:
            return key_in(row)
        except ValueError as error:
            raise corrupt(row, str(error)) from None

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < stop, in order."""
        while page := self.rows.scan(start, stop, PAGE_ROWS):
            yield from page
            if len(page) < PAGE_ROWS:
                return
            start = page[-1][0] + b"\x00"

    def records(self, key: str) -> Iterator[Any]:
        """The records of a document's objects that have rows of their own."""
        prefix = object_row(key, ())[:-OBJECT_BYTES]
        for row, value in self.scan(prefix, after(prefix)):
            if len(row) == len(prefix) + OBJECT_BYTES:
                yield unseal(row, value)[1]

    def _pages(self, key: str, path: Path) -> Iterator[Any]:
        """The slots of an object that have rows of their own."""
        prefix = object_row(key, path)
        # the hash may end in any byte: the next slot kind's prefix bounds the scan
        for row, value in self.scan(prefix + b"\x00", prefix + b"\x03"):
            yield unseal(row, value)[1]

    def _own_pages(self, key: str, path: Path, count: int) -> list[tuple[int, bytes]]:
        """What a type gave as its pages."""
        row = object_row(key, path)
        start, stop = page_part(0), page_part(count)
        pages = [unseal(*pair)[1] for pair in self.scan(row + start, row + stop)]
        if len(pages) != count or not count:
            raise ValueError(f"{len(pages)} of {count} pages are there")
        return list(enumerate(pages))

    def _unpack_object(self, document: ShelvedDocument, record: Any) -> None:
        parts, form, data, touches = record
        path = tuple(parts)
        if not all(type(part) is str for part in path) or not holds(path):
            raise ValueError(f"{path!r} is no path")
        object_ = document.add(path, self.type_of(tag_of(path[-1])))
        type_ = object_.type
        object_.paged = data is None
        if data is None:
            data = list(self._pages(document.key, path))
        if form == PAGES:
            pages = self._own_pages(document.key, path, data)
            object_.pages = len(pages)
            log = Log([SavedPages(tuple(page for _, page in pages))])
            object_.state = log if object_.opaque else type_.from_pages(pages)
        elif form == LOGGED:
            log = read_log(data)
            object_.state = log if object_.opaque else realise(type_, log)
        elif isinstance(data, bytes):
            known = type_.decode
            object_.state = Log([Saved(data)]) if object_.opaque else known(data)
        else:
            cells = self.names.unpack_cells(data)
            if object_.opaque:
                object_.state = Log([Saved(encode(cells))])
                touches = [cell[:2] for _, *held in data for cell in held]
            else:
                type_.join(object_.state, cells, {}, {}, True)
        if object_.touches is not None:
            object_.touches = dict.fromkeys(self.names.unpack_dots(touches))
        type_.slots(object_.state)

    def _read(self, row: bytes, make: Callable[[Any], Any], absent: Any) -> Any:
        value = self.rows.get(row)
        if value is None:
            return absent
        content = unseal(row, value)[1]
        try:
            return make(content)
        except DECODING as error:
            raise corrupt(row, str(error)) from None

    def _meta(self, content: Any) -> Meta:
        meta = Meta()
        meta.count, seen, meta.forgot, meta.indexing = content
        meta.seen = self.names.unpack_vector(seen)
        return meta

    # ------------------------------------------------------------------ writing

    def pack(self, document: ShelvedDocument) -> list[Row]:
        """The rows of a document that differ from storage. The document is clean then."""
        rows: dict[bytes, bytes | None] = dict.fromkeys(document.gone, None)
        document.gone = {}
        if not document.spread and len(document.objects) >= SPREAD_MIN:
            document.spread = True
            document.changed = dict.fromkeys(document.objects)
        for path in document.changed:
            self._pack_pages(document, path, rows)
        for path in document.changed:
            if document.spread:
                row = object_row(document.key, path)
                object_ = document.objects.get(path)
                record = None if object_ is None else self._record(path, object_)
                rows[row] = None if record is None else seal(row, 0, record)
        document.changed = {}
        self._pack_document(document, rows)
        return list(rows.items())

    def tail(self, packed: bool) -> list[Row]:
        """The rows that go with whatever was packed, if anything; or that are old themselves."""
        meta = self.meta
        if not packed and meta.switches() == self._written:
            return []
        self._written = meta.switches()
        seen = self.names.pack_vector(meta.seen)
        rows: list[Row] = []
        if self.names.dirty:
            self.names.dirty = False
            rows.append((NAMES, seal(NAMES, 0, self.names.ids)))
        content = (meta.count, seen, meta.forgot, meta.indexing)
        return [*rows, (META, seal(META, 0, content))]

    def _pack_document(self, document: ShelvedDocument, rows: dict[bytes, bytes | None]) -> None:
        row = document_row(document.key)
        shown = document.shown
        self.meta.count += shown - document.shown_in_row
        document.shown_in_row = shown
        if not document.objects and not document.markers:
            rows[row] = None
            return
        names = self.names
        markers = [
            (names.number(replica), seq, names.pack_vector(context))
            for (replica, seq), context in sorted(document.markers.items())
        ]
        objects = None
        if not document.spread:
            objects = [self._record(path, o) for path, o in sorted(document.objects.items())]
        rows[row] = seal(row, VISIBLE if shown else 0, (markers, objects))

    def _pack_pages(
        self, document: ShelvedDocument, path: Path, rows: dict[bytes, bytes | None]
    ) -> None:
        """The slots of an object, if they have rows; and whether it is there at all."""
        object_ = document.objects.get(path)
        if object_ is None:
            return
        type_, state = object_.type, object_.state
        slots = type_.slots(state)
        if isinstance(type_, CellType):
            paged = object_.paged
            if not paged and len(state.slots) >= PAGED_MIN:
                object_.paged = paged = True
                slots = state.slots
            if paged:
                row = object_row(document.key, path)
                held = state.slots
                for slot in sorted(slots or (), key=slot_order):
                    page = row + slot_part(slot)
                    if slot not in held:
                        rows[page] = None
                        continue
                    (data,) = self.names.pack_cells(type_.delta(state, (slot,)))
                    rows[page] = seal(page, 0, data)
        if object_.empty():
            self._set_pages(document, path, None, rows)
            document.drop(path)
        else:
            pages = None if object_.opaque else type_.pages(state)
            self._set_pages(document, path, pages, rows)

    def _set_pages(
        self,
        document: ShelvedDocument,
        path: Path,
        pages: list[tuple[int, bytes | None]] | None,
        rows: dict[bytes, bytes | None],
    ) -> None:
        """The rows of the pages that changed; None: of all that were there, to be removed."""
        object_ = document.objects[path]
        if pages == [] or (pages is None and not object_.pages):
            return
        row = object_row(document.key, path)
        kept = object_.pages
        if pages is None or pages[0][0] == 0:  # all are new
            for number in range(kept):
                rows[row + page_part(number)] = None
            kept = 0
        for number, data in pages or ():
            page = row + page_part(number)
            rows[page] = None if data is None else seal(page, 0, data)
            if data is not None:
                kept = max(kept, number + 1)
        object_.pages = kept

    def _record(self, path: Path, object_: ShelvedObject) -> Any:
        type_, state = object_.type, object_.state
        touches = None
        if object_.touches is not None:
            touches = self.names.pack_dots(sorted(object_.touches))
        if object_.opaque:
            return (path, LOGGED, type_.delta(state, None), touches)
        if object_.pages:
            return (path, PAGES, object_.pages, touches)
        if not isinstance(type_, CellType):
            return (path, PLAIN, type_.encode(state), touches)
        data = None if object_.paged else self.names.pack_cells(type_.delta(state, None))
        return (path, PLAIN, data, touches)

    def forget(self, document: ShelvedDocument) -> dict[bytes, None]:
        """The rows that a document may have beside its own, to be removed."""
        gone = dict(document.gone)
        for path, object_ in document.objects.items():
            row = object_row(document.key, path)
            if document.spread:
                gone[row] = None
            for number in range(object_.pages):
                gone[row + page_part(number)] = None
            if object_.paged:
                state = object_.state
                slots = {*state.slots, *state.dirty}
                for slot in sorted(slots, key=slot_order):
                    gone[row + slot_part(slot)] = None
        return gone
