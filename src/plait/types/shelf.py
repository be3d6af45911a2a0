"""The documents of a scope: objects by path in documents by key, loaded when touched.

::

    prepare -> ops ─┐                      ┌─> object, children, keys      (reading)
                    ├─> apply ─> documents ┼─> delta, state                (other replicas)
    other replicas ─┘    join ──^          └─> changes -> rows             (storage)

A shelf never waits: a document that is not in memory is read from its rows on the spot. The parts:
`held_documents` (memory, drafts), `shelf_rows` (storage), `shelf_roads` (fragments),
`shelf_folding`, `shelf_assigning` (many at once), `hiding` (deletion), `nesting` (maps), `opaque`
(types that are not known).

Invariants: any two shelves that applied or joined the same events are `canonical`ly equal, however
they came by them and whatever is in memory; `count()` is the number of keys that `keys()` lists;
what a remote replica wrote raises nothing in `apply`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from plait.base.causality import NOTHING, Context, Dot, VersionVector
from plait.base.codec import encode
from plait.base.errors import BadCall, BadFrame
from plait.graph.event import APPLY, CLEAR, DELETE, Event, Op
from plait.graph.fold import Fragment
from plait.types.catalogue import type_of as catalogue_type_of
from plait.types.contended import contended
from plait.types.graph_type import GraphType, Here, Mutation
from plait.types.held_documents import HeldDocuments, TypeOf, is_key, is_shown
from plait.types.nesting import holds
from plait.types.opaque import clearable
from plait.types.paths import Path, tag_of
from plait.types.preparing import clear_op, ground, learn
from plait.types.shelf_assigning import Assignment, carry_out, plan
from plait.types.shelf_folding import fold_document
from plait.types.shelf_roads import FORGOT, Joining, Touched, bundle, drop_others, join
from plait.types.shelf_rows import Rows
from plait.types.shelved_document import ShelvedDocument, ShelvedObject
from plait.types.telling import Observer, tell_apply, tell_others, told_anew

DOCUMENTS_MAX = 20_000
UNUSUAL = Op("", (), None)
NOBODY = Here(0, VersionVector())  # what a clear says depends on what is there, not on who says it

# What was written, to be taken back: see `GraphType.taking_back`.
Noted: TypeAlias = tuple[str, Path, GraphType[Any], Mutation, Any, Dot]
Note: TypeAlias = Callable[[Noted], None]
JoinObserver: TypeAlias = Callable[[str, Path, Any, Any], None]  # key, path, before, after


class Shelf:
    """See the module; implements `plait.graph.fold.Fold`."""

    def __init__(
        self,
        rows: Rows,
        documents_max: int = DOCUMENTS_MAX,
        type_of: TypeOf = catalogue_type_of,
    ) -> None:
        held = HeldDocuments(rows, documents_max, type_of)
        self.observer: Observer | None = None  # told of every operation, after it was applied
        self.join_observer: JoinObserver | None = None  # told of every object that a join changed
        self._held = held
        self._meta = held.meta
        self._documents = held.documents
        self._type_of = type_of
        self.mark = held.mark
        self.rollback = held.rollback
        self.keep = held.keep
        self.changes = held.changes
        self.evict = held.evict

    # ------------------------------------------------------------------ reading

    def object(self, key: str, path: Path) -> Any | None:
        """The state of an object, live; None if there is none."""
        document = self._held.get(key)
        if document is None:
            return None
        document.used = True
        object_ = document.objects.get(path)
        if object_ is None or (document.markers and not is_shown(document)):
            return None
        if object_.opaque:
            learn(self._held, object_)
        return object_.state

    def children(self, key: str, path: Path) -> list[str]:
        """Components of the children that are alive, sorted."""
        document = self._held.get(key)
        if document is None or (document.markers and not is_shown(document)):
            return []
        document.used = True
        return document.nesting.children(path, document.alive)

    def exists(self, key: str) -> bool:
        """Whether the document is visible."""
        document = self._documents.get(key)
        if document is None:
            return self._held.shows(key)
        return is_shown(document)

    def keys(self, start: str | None = None, stop: str | None = None) -> Iterator[str]:
        """Keys of visible documents in order; start <= key < stop. May be left at any time."""
        for key in self._held.all_keys(start, stop):
            if self.exists(key):
                yield key

    def count(self) -> int:
        """How many documents are visible."""
        return self._held.count()

    def contended(self, tags: Sequence[str], key: str | None = None) -> list[tuple[str, Path]]:
        """Where registers with these tags hold several writes: see `plait.types.contended`."""
        return contended(self._held, tags, key)

    # ------------------------------------------------------------------ writing

    def write(
        self, key: str, path: Path, mutation: Mutation, here: Here, event: Event, note: Note | None
    ) -> Op | None:
        """`prepare` and `apply` in one, for an object that was written a moment ago: the hot path.

        The operation, which took effect as `event`; None if nothing changes; `UNUSUAL`, and
        nothing happened, where the two have to be called.
        """
        document = self._documents.get(key)
        if document is None or document.markers or self.observer is not None:
            return UNUSUAL
        object_ = document.objects.get(path)
        if object_ is None or object_.quiet or object_.opaque:
            return UNUSUAL
        if self._meta.forgot and not object_.alive():
            return UNUSUAL
        type_, state = object_.type, object_.state
        body = type_.prepare(state, mutation, here)
        if body is None:
            return None
        if note is not None:
            dot = (event[0], event[1])
            before = type_.before(state, mutation, dot)
            if before is not None:
                note((key, path, type_, mutation, before, dot))
        type_.apply(state, body, event)
        if object_.touches is not None:
            object_.touch(event)
        self._meta.seen[event[0]] = event[1]
        return Op(key, path, body)

    def prepare(
        self, key: str, path: Path, mutation: Mutation, here: Here, note: Note | None = None
    ) -> tuple[Op, ...]:
        """What to tell everybody; nothing if nothing changes. A document that is not there (or was
        deleted) is cleared first. Raises what the type does, `BadKey` and `BadCall`.

        note: told what it takes to take it back, if that is possible.
        """
        type_, state, clear = ground(self._held, key, path, here)
        body = type_.prepare(state, mutation, here)
        if body is None:
            return ()
        if note is not None:
            dot = (here.replica, here.context.get(here.replica, 0) + (1 if clear is None else 2))
            before = type_.before(state, mutation, dot)
            if before is not None:
                note((key, path, type_, mutation, before, dot))
        op = Op(key, path, body)
        return (op,) if clear is None else (clear, op)

    def prepare_clear(self, key: str, path: Path) -> tuple[Op, ...]:
        """Reset everything at and below a path; nothing if nothing is there. `BadCall`."""
        document = self._held.get(key)
        if document is None or not document.visible():
            return ()
        alive = [object_ for _, object_ in document.below(path) if object_.alive()]
        for object_ in alive:
            if not clearable(object_.type):
                raise BadCall(f"{type(object_.type).__name__} cannot be cleared")
        return (clear_op(document, path, NOBODY),) if alive else ()

    def prepare_delete(self, key: str) -> tuple[Op, ...]:
        """Hide the document; nothing if it is not visible."""
        return (Op(key, (), None, DELETE),) if self.exists(key) else ()

    def plan(self, path: Path, values: Mapping[str, Any], here: Here) -> list[Assignment] | None:
        """See `shelf_assigning.plan`."""
        return plan(self._held, path, values, here)

    def carry_out(self, planned: list[Assignment], first: Event) -> list[Op]:
        """See `shelf_assigning.carry_out`."""
        return carry_out(self._held, planned, first, self.apply)

    # ------------------------------------------------------------------ the fold: operations

    def apply(self, op: Op, event: Event) -> None:
        """Apply one operation, with what it does to deletions that it has seen."""
        self._meta.seen[event.replica] = event.seq
        document = self._documents.get(op.key)
        if document is not None and not document.markers and self.observer is None:
            object_ = document.objects.get(op.path)
            if object_ is not None and op.kind == APPLY:
                if object_.quiet:
                    self._held.wake(document, op.path)
                object_.type.apply(object_.state, op.body, event)
                if object_.touches is not None:
                    object_.touch(event)
                return
        document = self._held.get_or_make(op.key)
        if document is None:
            return
        if self.observer is None:
            self._apply(document, op, event)
        else:
            self._apply_told(document, op, event)

    def _apply(self, document: ShelvedDocument, op: Op, event: Event) -> None:
        if op.kind == APPLY:
            if not holds(op.path):
                return
            object_ = self._held.wake(document, op.path)
            self._take_markers(document, event)
            object_.type.apply(object_.state, op.body, event)
            if object_.touches is not None:
                object_.touch(event)
        elif op.kind == CLEAR:
            for path, _ in document.below(op.path):
                self._held.wake(document, path)
            document.clear(op.path, op.body, event)
            self._take_markers(document, event)
        elif op.kind == DELETE and not op.path:
            self._held.wake_document(document)
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
            self._held.wake_document(document)
            document.markers.take(event)

    def refold(
        self,
        key: str,
        events: Iterable[tuple[Op, Event]],
        fragments: Iterable[Fragment] = (),
        theirs: Context = NOTHING,
    ) -> None:
        """Forget a document and make it anew; whoever watches is told what is other than it was.

        Raises `BadFrame` for fragments that no replica can have sent; nothing changed then.
        """
        assert self._held.draft is None, "nothing is refolded inside a draft"
        fresh = ShelvedDocument(key)
        joining = Joining(NOTHING, theirs, self._type_of, self._object_of, lambda _: None)
        for fragment in fragments:
            if fragment.key == key:
                join(fresh, fragment, joining)
        before = self._held.replace(fresh)
        for op, event in events:
            self._apply(fresh, op, event)
        if self.join_observer is not None:
            for path, was, is_ in told_anew(before, fresh):
                self.join_observer(key, path, was, is_)

    def _object_of(self, document: ShelvedDocument, path: Path) -> ShelvedObject:
        """The object at `path` of a document that nobody else has yet."""
        known = document.objects.get(path)
        return known or document.add(path, self._type_of(tag_of(path[-1])))

    # ------------------------------------------------------------------ the fold: other roads

    def delta(self, events: Iterable[tuple[Op, Dot]]) -> Iterator[Fragment]:
        """What the operations touched, as it is now."""
        touched: dict[str, Touched] = {}
        for op, dot in events:
            if is_key(op.key):
                touched.setdefault(op.key, Touched()).touch(op, dot, self._type_of)
        if self._meta.forgot:
            yield FORGOT
        for key, what in touched.items():
            document = self._held.peek(key) or ShelvedDocument(key)
            yield from what.fragments(document, self._type_of)

    def state(self, keys: Iterable[str] | None = None) -> Iterator[Fragment]:
        """Everything, document by document, hidden ones too; or these documents."""
        if self._meta.forgot:
            yield FORGOT
        for key in self._held.all_keys(None, None) if keys is None else keys:
            document = self._held.peek(key)
            if document is not None and (document.objects or document.markers):
                yield bundle(document, ())

    def join(
        self, fragments: Iterable[Fragment], mine: Context, theirs: Context, whole: bool
    ) -> None:
        """Join what a replica at vector `theirs` sent; `whole`: what it did not send it lacks.

        Raises `BadFrame` for what no replica can have sent; nothing changed then.
        """
        values: dict[tuple[str, Path], Any] = {}  # before, of what the join changed

        def wake(document: ShelvedDocument, path: Path) -> ShelvedObject:
            object_ = self._held.wake(document, path)
            if self.join_observer is not None and (document.key, path) not in values:
                values[document.key, path] = object_.type.value(object_.state)
            return object_

        joining = Joining(mine, theirs, self._type_of, wake, self._held.wake_document)
        forgot = self._meta.forgot
        self._held.mark()
        try:
            self._join(fragments, joining, whole)
        except BaseException:
            self._meta.forgot = forgot
            self._held.rollback()
            raise
        self._held.keep()
        self._meta.seen.merge(theirs)
        for (key, path), before in values.items():
            object_ = self._documents[key].objects[path]
            after = object_.type.value(object_.state)
            if self.join_observer is not None and after != before:
                self.join_observer(key, path, before, after)

    def _join(self, fragments: Iterable[Fragment], joining: Joining, whole: bool) -> None:
        sent: dict[str, None] = {}
        for fragment in fragments:
            if fragment.key == "" and fragment.data is True:
                self._meta.forgot = True
                continue
            document = self._held.get_or_make(fragment.key)
            if document is None:
                raise BadFrame(f"{fragment.key[:80]!r} is no key of a document")
            sent[fragment.key] = None
            join(document, fragment, joining)
        if not whole:
            return
        # documents that the sender of everything did not send
        for key in list(self._held.all_keys(None, None)):
            document = None if key in sent else self._held.peek(key)
            if document is not None:
                drop_others(document, (), set(), joining)
                if document.markers:
                    self._held.wake_document(document)
                    document.markers.join((), joining.mine, joining.theirs)

    def fold(self, cut: Context) -> None:
        """Drop what no event that is still to come can make a difference to."""
        assert self._held.draft is None, "nothing is folded inside a draft"
        self._held.settle()
        marked: dict[str, None] = {}
        for key in self._held.unfolded.due(cut, lambda: self._held.all_keys(None, None)):
            document = self._held.peek(key)
            if document is not None:
                if fold_document(document, cut, self._held.unfolded, self._held.change):
                    self._meta.forgot = True
                if document.markers:
                    marked[key] = None
        self._held.unfolded.done(cut, marked)
        self._held.settle()

    def canonical(self, cut: Context) -> bytes:
        """A digest of all documents, hidden ones too, as they are when folded to the cut."""
        digest = hashlib.blake2b(digest_size=32)
        for key in self._held.all_keys(None, None):
            image = self.image(key, cut)
            if image:
                digest.update(encode(image))
        return digest.digest()

    def image(self, key: str, cut: Context) -> list[Any]:
        """What `canonical` digests of one document: [key, markers, objects], or [] for nothing."""
        document = self._held.peek(key)
        return [] if document is None else document.image(cut)
