"""The documents of a shelf that are in memory, and how they come and go.

A document is read from its rows when it is asked for; it stays while its rows are old, and until
`evict` finds it clean and not touched lately. Those that are one register alone may be kept smaller
(`lone_registers`), until anything else is asked of them.

A *draft* (mark, then rollback or keep) notes every object before it is first touched; one that is
rolled back leaves no trace. Rows of documents in an open draft are not given out.

Invariants: `documents` and the rows together are the state, and where both have a document,
`documents` is right; `dirty` has the documents whose rows are old, `stale` those that were written
since they were last counted.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, TypeAlias

from plait.base.codec import KEY_BYTES_MAX
from plait.types.graph_type import GraphType
from plait.types.lone_registers import LoneRegisters
from plait.types.paths import Path, tag_of
from plait.types.shelf_drafts import Draft
from plait.types.shelf_folding import Unfolded
from plait.types.shelf_rows import Row, Rows, ShelfRows
from plait.types.shelved_document import ShelvedDocument, ShelvedObject

TypeOf: TypeAlias = Callable[[str], GraphType[Any]]

LONE_TIMES = 5  # so many times as many lone registers are held as whole documents


class HeldDocuments:
    """See the module."""

    def __init__(self, rows: Rows, documents_max: int, type_of: TypeOf) -> None:
        self.documents_max = documents_max
        self.type_of = type_of
        self.rows = ShelfRows(rows, type_of)
        self.meta = self.rows.meta
        self.unfolded = Unfolded(self.rows)
        self.lone = LoneRegisters(self.rows, type_of)
        self.documents: dict[str, ShelvedDocument] = {}
        self.dirty: dict[str, ShelvedDocument] = {}
        self.stale: dict[str, ShelvedDocument] = {}
        self.draft: Draft | None = None
        self._absent = ""  # was looked for last, and is not there: whoever makes it looks twice
        self._count: int = self.meta.count  # of visible documents, but for the stale ones

    # ------------------------------------------------------------------ finding

    def _load(self, key: str) -> ShelvedDocument | None:
        if key == self._absent:
            return None
        document = self._whole(key) or (self.rows.load(key) if is_key(key) else None)
        if document is None:
            self._absent = key
        else:
            self.documents[key] = document
        return document

    def _whole(self, key: str) -> ShelvedDocument | None:
        """A document that was a lone register, and is held as any other now."""
        document = self.lone.take(key)
        if document is not None:
            self.documents[key] = document
            if document.changed:
                self.dirty[key] = document
        return document

    def made_lone(self, key: str) -> None:
        """A lone register was put where nothing was known of the document."""
        self.lone.rowless.add(key)
        self._count += 1
        if key == self._absent:
            self._absent = ""

    def get(self, key: str) -> ShelvedDocument | None:
        """The document, read from its rows if need be; None if there is none."""
        return self.documents.get(key) or self._load(key)

    def get_or_make(self, key: str) -> ShelvedDocument | None:
        """The document; None for a key that none can have."""
        document = self.get(key)
        if document is None and is_key(key):
            document = self.documents[key] = ShelvedDocument(key)
            self._absent = ""
        return document

    def peek(self, key: str) -> ShelvedDocument | None:
        """The document; it is not held because of this, unless it is changed."""
        known = self.documents.get(key) or (self._whole(key) if key in self.lone.dirty else None)
        return known or self.rows.load(key)

    def shows(self, key: str) -> bool:
        """Whether a document that is not held whole is visible."""
        return key in self.lone.entries or self.rows.shown(key)

    def all_keys(self, start: str | None, stop: str | None) -> Iterator[str]:
        """Keys in memory or in storage, in order."""
        held = iter(sorted(
            key for key in chain(self.documents, self.lone.dirty)
            if (start is None or key >= start) and (stop is None or key < stop)
        ))  # fmt: skip
        next_held = next(held, None)
        for key, _ in self.rows.keys(start, stop):
            while next_held is not None and next_held < key:
                yield next_held
                next_held = next(held, None)
            if next_held == key:
                next_held = next(held, None)
            yield key
        if next_held is not None:
            yield next_held
            yield from held

    def wake_document(self, document: ShelvedDocument) -> None:
        """The document will change."""
        key = document.key
        if self.draft is not None:
            self.draft.note_document(document, key in self.dirty)
        if not document.stale:
            document.stale = document.used = True
            self.stale[key] = self.documents[key] = document
            self.unfolded.touch(key)
        self.dirty[key] = document

    def wake(self, document: ShelvedDocument, path: Path) -> ShelvedObject:
        """The object at `path` will change; it is made if it is not there."""
        object_ = document.objects.get(path)
        if object_ is not None and not object_.quiet:
            return object_
        self.wake_document(document)
        if object_ is None:
            object_ = document.add(path, self.type_of(tag_of(path[-1])))
            if self.draft is not None:
                self.draft.note_added(document, path)
        elif self.draft is not None:
            self.draft.note_object(document, path, object_)
        document.wake(path, object_)
        return object_

    def replace(self, fresh: ShelvedDocument) -> ShelvedDocument | None:
        """`fresh` is the document of its key from here on; the one that was."""
        key = fresh.key
        before = self.get(key)
        if before is not None:
            self.settle()
            self.dirty.pop(key, None)
            fresh.gone = self.rows.forget(before)
            fresh.shown, fresh.shown_in_row = before.shown, before.shown_in_row
        self.documents[key] = fresh
        self._absent = ""
        self.wake_document(fresh)
        for path, object_ in fresh.objects.items():
            fresh.wake(path, object_)
        return before

    def change(self, document: ShelvedDocument, path: Path | None) -> None:
        """Folding changed an object, or (None) the document: its rows are old."""
        key = document.key
        if not document.stale:
            document.stale = True
            self.stale[key] = document
        self.dirty[key] = self.documents[key] = document
        if path is not None:
            document.changed[path] = None

    def settle(self) -> None:
        """Count what was written since the last time."""
        for document in self.stale.values():
            document.settle()
            shown = document.visible()
            self._count += shown - document.shown
            document.shown = shown
        self.stale.clear()

    def count(self) -> int:
        """How many documents are visible."""
        self.settle()
        return self._count

    # ------------------------------------------------------------------ drafts

    def mark(self) -> None:
        """Begin a draft."""
        assert self.draft is None, "drafts do not nest"
        self.settle()
        self.draft = Draft(self._count)

    def rollback(self) -> None:
        """What was applied since `mark` never happened."""
        draft, self.draft = self.draft, None
        assert draft is not None
        draft.rollback(self.dirty, self.stale)
        self._count = draft.count

    def keep(self) -> None:
        """What was applied since `mark` stays."""
        draft, self.draft = self.draft, None
        assert draft is not None
        draft.keep()

    # ------------------------------------------------------------------ storage

    def changes(self) -> list[Row]:
        """The rows that changed since this was last asked, to be written in one transaction."""
        self.settle()
        drafted = {} if self.draft is None else self.draft.documents
        rows: list[Row] = []
        for key, document in list(self.dirty.items()):
            if key not in drafted:
                del self.dirty[key]
                rows += self.rows.pack(document)
                rows += self.unfolded.index(key)
        rows += self.lone.pack()
        rows += self.unfolded.removed()
        return rows + self.rows.tail(bool(rows))

    def evict(self) -> None:
        """Drop clean documents beyond `documents_max`, those not touched lately first.

        Call it when what `changes` gave is in storage.
        """
        self.lone.evict(self.documents_max * LONE_TIMES)
        excess = len(self.documents) - self.documents_max
        drafted = {} if self.draft is None else self.draft.documents
        for _ in range(2):  # the second look finds those that the first one gave a chance
            for key, document in list(self.documents.items()) if excess > 0 else ():
                if excess <= 0:
                    return
                if key in self.dirty or key in drafted or document.stale:
                    continue
                if document.used:
                    document.used = False
                    self.documents[key] = self.documents.pop(key)
                else:
                    del self.documents[key]
                    excess -= 1


def is_shown(document: ShelvedDocument) -> bool:
    return document.visible() if document.stale else document.shown


def is_key(key: str) -> bool:
    """Whether a document can have this key. Said of every key, at every replica."""
    try:
        return 0 < len(key) <= KEY_BYTES_MAX and len(key.encode()) <= KEY_BYTES_MAX
    except UnicodeEncodeError:
        return False
