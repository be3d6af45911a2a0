"""Which documents have something to fold, and folding one.

A fold looks at the documents that were touched since an earlier fold saw all of them stable, not at
all: they are kept in *generations*, each with a vector that covers every touch. Their keys are
rows too, so that a shelf opens without looking for them; nothing is kept until the first fold.

Invariant: a document with an unstable event, or with a marker, is in some generation or fresh.
"""

from collections.abc import Callable, Iterable

from plait.base.causality import Context, VersionVector, descends
from plait.types.cells import Cells
from plait.types.hiding import Settled
from plait.types.paths import Path
from plait.types.row_keys import unfolded_row
from plait.types.shelf_rows import Row, ShelfRows
from plait.types.shelved_document import ShelvedDocument, seen_by_all

GENERATIONS_MAX = 8
FEW = 256  # documents


class Unfolded:
    """The keys of documents with something to fold."""

    def __init__(self, rows: ShelfRows) -> None:
        self._rows = rows
        self._meta = rows.meta
        self._fresh: dict[str, None] = {}  # touched since the last fold
        self._generations: list[tuple[VersionVector, dict[str, None]]] = []
        self._read = not rows.meta.indexing  # the rows that say so were read
        self._indexed: dict[str, None] = {}  # these have such rows
        self._removed: dict[str, None] = {}  # rows to remove
        self.bounds: dict[str, VersionVector] = {}  # of documents that stable markers hide

    def touch(self, key: str) -> None:
        """A document was written."""
        if self._meta.indexing:
            self._fresh[key] = None

    def due(self, cut: Context, all_keys: Callable[[], Iterable[str]]) -> list[str]:
        """The documents to fold: those that are stable as a whole, and the others if they are few.

        So a document is not looked at again with every step of the cut.
        """
        seen = self._meta.seen
        if not self._meta.indexing:
            self._meta.indexing = True
            self._generations.append((seen.copy(), dict.fromkeys(all_keys())))
        elif not self._read:
            self._indexed = dict.fromkeys(self._rows.unfolded())
            self._generations.append((seen.copy(), dict(self._indexed)))
        self._read = True
        if self._fresh:
            self._generations.append((seen.copy(), self._fresh))
            self._fresh = {}
        wanted = [keys for bound, keys in self._generations if descends(cut, bound)]
        others = [keys for bound, keys in self._generations if not descends(cut, bound)]
        if sum(map(len, others)) <= FEW:
            wanted += others
        return list(dict.fromkeys(key for keys in wanted for key in keys))

    def done(self, cut: Context, marked: dict[str, None]) -> None:
        """All that were due are folded to the cut; `marked` have markers still."""
        kept = [(bound, keys) for bound, keys in self._generations if not descends(cut, bound)]
        gone = [keys for bound, keys in self._generations if descends(cut, bound)]
        before = dict.fromkeys(key for keys in gone for key in keys)
        if marked:
            kept.append((self._meta.seen.copy(), marked))
        while len(kept) > GENERATIONS_MAX:
            bound, keys = kept.pop()
            kept[-1] = (kept[-1][0].merged(bound), {**kept[-1][1], **keys})
        self._generations = kept
        for key in before:
            if key in self._indexed and not self.waits(key):
                self._removed[key] = None
                del self._indexed[key]

    def waits(self, key: str) -> bool:
        """Whether the document has something to fold."""
        return key in self._fresh or any(key in keys for _, keys in self._generations)

    def index(self, key: str) -> list[Row]:
        """The row that says that a document, which is saved now, has something to fold."""
        if not self._meta.indexing or key in self._indexed or not self.waits(key):
            return []
        self._indexed[key] = None
        self._removed.pop(key, None)
        return [(unfolded_row(key), b"")]

    def removed(self) -> list[Row]:
        """The rows of documents that have nothing to fold any more."""
        removed, self._removed = self._removed, {}
        return [(unfolded_row(key), None) for key in removed]

    def may_clear(self, key: str, cut: Context) -> bool:
        """Whether all that was known of a document when its markers were first found stable is
        stable too."""
        bound = self.bounds.setdefault(key, self._meta.seen.copy())
        return descends(cut, bound)


def fold_document(
    document: ShelvedDocument,
    cut: Context,
    unfolded: Unfolded,
    change: Callable[[ShelvedDocument, Path | None], None],
) -> bool:
    """Fold one document; whether a deletion was carried out, of which nothing remains.

    `change` is told of what changes: an object, or (None) the document.
    """
    settled = document.settled(cut)
    cleared = settled is Settled.HIDDEN and unfolded.may_clear(document.key, cut)
    if settled is not Settled.HIDDEN or cleared:
        unfolded.bounds.pop(document.key, None)
    if cleared or settled is Settled.SHOWN:
        change(document, None)
        for dot in document.markers.stable(cut):
            del document.markers[dot]
    for path, object_ in list(document.objects.items()):
        type_, state = object_.type, object_.state
        # cells that are not dirty yet: those that are will be saved anyway
        before = len(state.dirty) if isinstance(state, Cells) else type_.stamp(state)
        if cleared:
            object_.clear(seen_by_all(cut), wipes=False)
        type_.fold(state, cut)
        after = len(state.dirty) if isinstance(state, Cells) else type_.stamp(state)
        changed = after != before
        if changed or cleared:
            change(document, path)
    return cleared
