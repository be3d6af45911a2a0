"""The documents of a scope: objects by path in documents by key, loaded when touched.

::

    prepare -> ops ─┐                      ┌─> object, children, keys      (reading)
                    ├─> apply ─> documents ┼─> delta, state                (other replicas)
    other replicas ─┘    join ──^          └─> changes -> rows             (storage)

A shelf never waits: a document that is not in memory is read from its rows on the spot. What was
changed stays in memory until `changes` has given out its rows; `evict` drops the clean documents
that were not touched lately.

A *draft* (mark, then rollback or keep) notes every object before it is first touched; one that is
rolled back leaves no trace. Rows of documents in an open draft are not given out.

Invariants: `documents` and the rows together are the state, and where both have a document,
`documents` is right; `count()` is the number of documents that `keys()` lists.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from plait.base.causality import Context, VersionVector
from plait.base.codec import KEY_BYTES_MAX, encode, encode_key
from plait.base.errors import BadCall, BadFrame
from plait.graph.event import APPLY, CLEAR, DELETE, Event, Op
from plait.graph.fold import Fragment
from plait.types.catalogue import type_of as catalogue_type_of
from plait.types.graph_type import GraphType, Here, Mutation
from plait.types.nesting import CHILDREN_MAX, check_path, holds
from plait.types.opaque import clearable, realise
from plait.types.paths import Path, tag_of
from plait.types.shelf_drafts import Draft
from plait.types.shelf_folding import Folding
from plait.types.shelf_roads import FORGOT, Joining, Touched, bundle, drop_others, join
from plait.types.shelf_rows import Row, Rows, ShelfRows
from plait.types.shelved_document import ShelvedDocument, ShelvedObject
from plait.types.telling import Observer, tell_apply, tell_others

DOCUMENTS_MAX = 20_000
OBJECTS_MAX = 1_000_000  # of one document

TypeOf: TypeAlias = Callable[[str], GraphType[Any]]


class Shelf:
    """See the module; implements `plait.graph.fold.Fold`."""

    def __init__(
        self,
        rows: Rows,
        documents_max: int = DOCUMENTS_MAX,
        type_of: TypeOf = catalogue_type_of,
    ) -> None:
        self.documents_max = documents_max
        self.observer: Observer | None = None
        self._type_of = type_of
        self._rows = ShelfRows(rows, type_of)
        self._meta = self._rows.meta
        self._seen = self._meta.seen
        self._documents: dict[str, ShelvedDocument] = {}
        self._dirty: dict[str, ShelvedDocument] = {}  # their rows are old
        self._stale: dict[str, ShelvedDocument] = {}  # written since they were last counted
        self._count = self._meta.count
        self._draft: Draft | None = None
        self._folding = Folding(self)

    # ------------------------------------------------------------------ reading

    def object(self, key: str, path: Path) -> Any | None:
        """The state of an object, live; None if there is none."""
        document = self._documents.get(key) or self._load(key)
        if document is None:
            return None
        document.used = True
        object_ = document.objects.get(path)
        if object_ is None or (document.markers and document.hidden()):
            return None
        if object_.opaque:
            self._learn(object_)
        return object_.state

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        document = self._documents.get(key) or self._load(key)
        if document is None or (document.markers and document.hidden()):
            return []
        document.used = True
        return document.nesting.children(path, document.alive)

    def exists(self, key: str) -> bool:
        """Whether the document is visible."""
        document = self._documents.get(key)
        if document is None:
            return self._rows.shown(key)
        return document.visible() if document.stale else document.shown

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """Keys of visible documents in order; start <= key < stop. May be left at any time."""
        for key in self._all_keys(start, stop):
            if self.exists(key):
                yield key

    def count(self) -> int:
        """How many documents are visible."""
        self._settle()
        return self._count

    # ------------------------------------------------------------------ writing

    def prepare(self, key: str, path: Path, mutation: Mutation, here: Here) -> tuple[Op, ...]:
        """What to tell everybody; nothing if nothing changes. A document that is not there (or was
        deleted) is cleared first. Raises what the type does, `BadKey` and `BadCall`.
        """
        document = self._documents.get(key)
        if document is not None and not document.markers:
            object_ = document.objects.get(path)
            if object_ is not None and not object_.opaque and not self._meta.forgot:
                body = object_.type.prepare(object_.state, mutation, here)
                return () if body is None else (Op(key, path, body),)
        return self._prepare(key, path, mutation, here)

    def prepare_clear(self, key: str, path: Path) -> tuple[Op, ...]:
        """Reset everything at and below a path; nothing if nothing is there. `BadCall`."""
        document = self._get(key)
        if document is None or not document.visible():
            return ()
        alive = [object_ for _, object_ in document.below(path) if object_.alive()]
        for object_ in alive:
            if not clearable(object_.type):
                raise BadCall(f"{type(object_.type).__name__} cannot be cleared")
        return (Op(key, path, None, CLEAR),) if alive else ()

    def prepare_delete(self, key: str) -> tuple[Op, ...]:
        """Hide the document; nothing if it is not visible."""
        return (Op(key, (), None, DELETE),) if self.exists(key) else ()

    def mark(self) -> None:
        """Begin a draft."""
        assert self._draft is None, "drafts do not nest"
        self._settle()
        self._draft = Draft(self._count)

    def rollback(self) -> None:
        """What was applied since `mark` never happened."""
        draft, self._draft = self._draft, None
        assert draft is not None
        draft.rollback(self._documents, self._dirty, self._stale)
        self._count = draft.count

    def keep(self) -> None:
        """What was applied since `mark` stays."""
        draft, self._draft = self._draft, None
        assert draft is not None
        draft.keep()

    # ------------------------------------------------------------------ the fold: operations

    def apply(self, op: Op, event: Event) -> None:
        """Apply one operation, with what it does to deletions that it has seen."""
        self._seen[event.replica] = event.seq
        document = self._documents.get(op.key)
        if document is None:
            document = self._get_or_make(op.key)
            if document is None:
                return
        if self.observer is not None:
            self._apply_told(document, op, event)
        else:
            self._apply(document, op, event)

    def _apply(self, document: ShelvedDocument, op: Op, event: Event) -> None:
        if op.kind == APPLY:
            object_ = document.objects.get(op.path)
            if object_ is None or not object_.quiet:
                if object_ is None and not holds(op.path):
                    return
                if object_ is None:
                    object_ = self._wake(document, op.path)
            else:
                self._wake_object(document, op.path, object_)
            if document.markers:
                self._take_markers(document, event)
            object_.type.apply(object_.state, op.body, event)
            if object_.touches is not None:
                object_.touch(event)
        elif op.kind == CLEAR:
            for path, object_ in document.below(op.path):
                self._wake(document, path)
                object_.clear(event)
            self._take_markers(document, event)
        elif op.kind == DELETE and not op.path:
            self._wake_document(document)
            document.markers.take(event)
            document.markers.put(event)

    def _apply_told(self, document: ShelvedDocument, op: Op, event: Event) -> None:
        observer = self.observer
        assert observer is not None
        tell = tell_apply if op.kind == APPLY else tell_others
        for told in tell(document, op, event, lambda: self._apply(document, op, event)):
            observer(document.key, *told)

    def _take_markers(self, document: ShelvedDocument, event: Event) -> None:
        if document.markers:
            self._wake_document(document)
            document.markers.take(event)

    def refold(self, key: str, events: Iterable[tuple[Op, Event]]) -> None:
        """Forget a document and apply these events to it instead."""
        assert self._draft is None, "nothing is refolded inside a draft"
        before = self._get(key)
        document = ShelvedDocument(key)
        if before is not None:
            self._settle()
            self._dirty.pop(key, None)
            document.gone = self._rows.forget(before)
            document.shown, document.shown_in_row = before.shown, before.shown_in_row
            document.indexed = before.indexed
        self._documents[key] = document
        self._wake_document(document)
        for op, event in events:
            self._apply(document, op, event)

    # ------------------------------------------------------------------ the fold: other roads

    def delta(self, events: Iterable[tuple[Op, int]]) -> Iterator[Fragment]:
        """What the operations (with their authors) touched, as it is now."""
        touched: dict[str, Touched] = {}
        for op, author in events:
            if _is_key(op.key):
                touched.setdefault(op.key, Touched()).touch(op, author, self._type_of)
        if self._meta.forgot:
            yield FORGOT
        for key, what in touched.items():
            with self._reading(key) as document:
                yield from what.fragments(document or ShelvedDocument(key), self._type_of)

    def state(self) -> Iterator[Fragment]:
        """Everything, document by document, hidden ones too."""
        if self._meta.forgot:
            yield FORGOT
        for key in self._all_keys(None, None):
            with self._reading(key) as document:
                if document is not None and (document.objects or document.markers):
                    yield bundle(document, ())

    def join(
        self, fragments: Iterable[Fragment], mine: Context, theirs: Context, whole: bool
    ) -> None:
        """Join what a replica at vector `theirs` sent; `whole`: what it did not send it lacks.

        Raises `BadFrame` for what no replica can have sent; nothing changed then.
        """
        joining = Joining(mine, theirs, self._type_of, self._wake, self._wake_document)
        forgot = self._meta.forgot
        self.mark()
        try:
            sent: dict[str, None] = {}
            for fragment in fragments:
                if fragment.key == "" and fragment.data is True:
                    self._meta.forgot = True
                    continue
                document = self._get_or_make(fragment.key)
                if document is None:
                    raise BadFrame(f"{fragment.key[:80]!r} is no key of a document")
                sent[fragment.key] = None
                join(document, fragment, joining)
            if whole:
                self._join_absent(sent, joining)
        except BaseException:
            self._meta.forgot = forgot
            self.rollback()
            raise
        self.keep()
        self._seen.merge(theirs)

    def _join_absent(self, sent: dict[str, None], joining: Joining) -> None:
        """Documents that the sender of everything did not send."""
        for key in list(self._all_keys(None, None)):
            if key not in sent:
                with self._reading(key) as document:
                    if document is not None:
                        drop_others(document, (), set(), joining)
                        if document.markers:
                            self._wake_document(document)
                            document.markers.join((), joining.mine, joining.theirs)

    def fold(self, cut: Context) -> None:
        """Drop what no event that is still to come can make a difference to."""
        assert self._draft is None, "nothing is folded inside a draft"
        self._settle()
        self._folding.fold(cut)

    def canonical(self, cut: Context) -> bytes:
        """A digest of all documents, hidden ones too, as they are when folded to the cut."""
        digest = hashlib.blake2b(digest_size=32)
        for key in self._all_keys(None, None):
            image = self.image(key, cut)
            if image:
                digest.update(encode(image))
        return digest.digest()

    def image(self, key: str, cut: Context) -> list[Any]:
        """What `canonical` digests of one document: [key, markers, objects], or [] for nothing."""
        with self._reading(key) as document:
            return [] if document is None else document.image(cut)

    # ------------------------------------------------------------------ storage

    def changes(self) -> list[Row]:
        """The rows that changed since this was last asked, to be written in one transaction."""
        self._settle()
        drafted = {} if self._draft is None else self._draft.documents
        rows: list[Row] = []
        for key, document in list(self._dirty.items()):
            if key not in drafted:
                del self._dirty[key]
                rows += self._rows.pack(document, self._folding.waits(key))
        rows += self._folding.rows()
        return rows + self._rows.tail() if rows else rows

    def evict(self) -> None:
        """Drop clean documents beyond `documents_max`, those not touched lately first.

        Call it when what `changes` gave is in storage.
        """
        excess = len(self._documents) - self.documents_max
        drafted = {} if self._draft is None else self._draft.documents
        for _ in range(2):  # the second look finds those that the first one gave a chance
            for key, document in list(self._documents.items()) if excess > 0 else ():
                if excess <= 0:
                    return
                if key in self._dirty or key in drafted or document.stale:
                    continue
                if document.used:
                    document.used = False
                    self._documents[key] = self._documents.pop(key)
                else:
                    del self._documents[key]
                    excess -= 1
