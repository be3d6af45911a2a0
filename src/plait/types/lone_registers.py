"""Documents that are one register with one value, kept as just that: no objects, no cells.

A program that assigns one register of each of many documents would spend most of its time making
and packing objects that hold a single cell. Such a document is an *entry* here, until anything else
is asked of it: then it is made whole, and is as if it had never been here. Its row is the one that
the whole document would have.

Nothing of it can be folded (one cell, no marker), so no fold needs to know of it.

Invariants: a document is here or among those in memory, never in both; where it is here, storage
has nothing of it or a row that this entry replaces; every entry is visible.

Absent: registers of other kinds than the last writer's, and registers within maps.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from plait.base.causality import Dot
from plait.types.graph_type import GraphType
from plait.types.last_writer_wins import SLOT
from plait.types.paths import Path, tag_of
from plait.types.row_codec import VISIBLE, seal, unseal
from plait.types.row_keys import document_row
from plait.types.shelf_rows import PLAIN, Row, ShelfRows
from plait.types.shelved_document import ShelvedDocument

Entry: TypeAlias = tuple[Path, Dot, int, Any]  # the register, its event, stamp, and value


class LoneRegisters:
    """See the module."""

    def __init__(self, rows: ShelfRows, type_of: Callable[[str], GraphType[Any]]) -> None:
        # `shelf_assigning` puts entries in here
        self.entries: dict[str, Entry] = {}
        self.dirty: dict[str, None] = {}  # their rows are old
        self.rowless: set[str] = set()  # or there is none
        self._rows = rows
        self._type_of = type_of

    def look(self, key: str, path: Path) -> bool | None:
        """Whether storage has this register as all there is of the document; None: it has nothing
        of the document. Raises `Corrupt`."""
        row = document_row(key)
        value = self._rows.rows.get(row)
        if value is None:
            return None
        flags, content = unseal(row, value)
        match content:
            case [[], [[parts, form, [[slot, [_, _, [_, _]]]], None]]]:
                alone = form == PLAIN and slot == SLOT and tuple(parts) == path
                return bool(flags & VISIBLE) and alone
        return False

    def take(self, key: str) -> ShelvedDocument | None:
        """The whole document, which is not here any more. Its row is old if it has `changed`."""
        entry = self.entries.pop(key, None)
        if entry is None:
            return None
        path, dot, hlc, value = entry
        document = ShelvedDocument(key)
        state = document.add(path, self._type_of(tag_of(path[-1]))).state
        cells = {dot: [hlc, value]}
        if key in self.dirty:
            del self.dirty[key]
            document.changed[path] = None
            state.place(SLOT, cells)
        else:
            state.slots[SLOT] = cells
        document.shown = True
        document.shown_in_row = key not in self.rowless
        self.rowless.discard(key)
        return document

    def pack(self) -> list[Row]:
        """The rows that are old, as they have to be; they are not old then."""
        number, entries = self._rows.names.number, self.entries
        author = author_number = 0
        rows: list[Row] = []
        for key in self.dirty:
            path, (replica, seq), hlc, value = entries[key]
            if replica != author:
                author, author_number = replica, number(replica)
            row = document_row(key)
            cell = (author_number, seq, (hlc, value))
            rows.append((row, seal(row, VISIBLE, ((), ((path, PLAIN, ((SLOT, cell),), None),)))))
        self._rows.meta.count += len(self.rowless)
        self.rowless.clear()
        self.dirty.clear()
        return rows

    def evict(self, entries_max: int) -> None:
        """Forget those beyond so many that are in storage, those that came first first."""
        excess = len(self.entries) - entries_max
        for key in list(self.entries) if excess > 0 else ():
            if key not in self.dirty:
                del self.entries[key]
                excess -= 1
                if excess <= 0:
                    return
