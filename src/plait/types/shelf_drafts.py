"""A draft: what objects and documents were before it touched them, to put that back.

Invariant: a document or object is noted before its first change in the draft, and only then; so a
draft costs what it touches.
"""

from plait.types.hiding import Markers
from plait.types.paths import Path
from plait.types.shelved_document import ObjectMark, ShelvedDocument, ShelvedObject


class DocumentMark:
    """A document before a draft touched it."""

    __slots__ = ("added", "changed", "dirty", "document", "markers", "objects", "shown")

    def __init__(self, document: ShelvedDocument, dirty: bool) -> None:
        self.document = document
        self.dirty = dirty
        self.changed = dict(document.changed)
        self.markers = Markers(document.markers)
        self.shown = document.shown
        self.objects: dict[Path, ObjectMark] = {}
        self.added: dict[Path, None] = {}


class Draft:
    """The marks of one draft."""

    __slots__ = ("count", "documents")

    def __init__(self, count: int) -> None:
        self.count = count  # of visible documents, before
        self.documents: dict[str, DocumentMark] = {}

    def note_document(self, document: ShelvedDocument, dirty: bool) -> None:
        """The document will change."""
        if document.key not in self.documents:
            self.documents[document.key] = DocumentMark(document, dirty)

    def note_object(self, document: ShelvedDocument, path: Path, object_: ShelvedObject) -> None:
        """The object of a noted document will change."""
        mark = self.documents[document.key]
        if path not in mark.objects and path not in mark.added:
            mark.objects[path] = ObjectMark(object_)

    def note_added(self, document: ShelvedDocument, path: Path) -> None:
        """The object did not exist."""
        self.documents[document.key].added[path] = None

    def rollback(
        self, dirty: dict[str, ShelvedDocument], stale: dict[str, ShelvedDocument]
    ) -> None:
        """Everything as it was."""
        for key, mark in self.documents.items():
            document = mark.document
            for object_mark in mark.objects.values():
                object_mark.rollback()
            for path in mark.added:
                document.drop(path)
            document.markers = mark.markers
            document.changed = mark.changed
            document.shown = mark.shown
            document.settle()
            stale.pop(key, None)
            if not mark.dirty:
                dirty.pop(key, None)

    def keep(self) -> None:
        """The draft was kept."""
        for mark in self.documents.values():
            for object_mark in mark.objects.values():
                object_mark.keep()
