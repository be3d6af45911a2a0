"""A text as bytes: in one piece, or in pages of which one edit writes the last.

::

    save ──> magic, list of pages                pages ──> 0: snapshot, 1.. what was appended
    load <── the same                       from_pages <── the same, from rows

A state that was opened is saved by appending to what it was opened from, as long as its history is
cold. Pages are compacted into a new snapshot when what was appended, or folded, outweighs it; so
a write costs in proportion to the edit, whatever the text's size.

Invariants: what loads is what was saved, with its history, or `Corrupt` or `UnknownFormat` is
raised (for history: when it is thawed); the pages that `pages` gave, all applied, are what
`from_pages` takes.

Absent: cursors, undo and watchers, which are of a process.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import BadFrame, Corrupt
from plait.types.text.cold import StoredHistory
from plait.types.text.content import TEXT_CONTENTS, Contents
from plait.types.text.mark_storage import KNOWN, base_of, extension, marks_now, marks_of
from plait.types.text.pages import (
    Extension,
    Page,
    appended,
    heads_of,
    page_bytes,
    present_of,
    read_page,
    snapshot,
)
from plait.types.text.state import TextState
from plait.types.walker.graph import EventGraph, Name
from plait.types.walker.oplog import OpLog
from plait.types.walker.replica import ReplicatedSequence

MAGIC = b"PLSQ"
PAGES_MAX = 512
OPEN_BYTES_MIN = 256  # the last page is written again until it is as large
OPEN_BYTES_MAX = 4096
WASTE_MIN = 4096  # bytes that may be appended to, or folded in, the smallest of texts
WASTE_SHARE = 2  # of larger ones: one in so many bytes
ONE_ROW_MAX = 512  # items and runs; less is saved in one piece

S = TypeVar("S", bound=ReplicatedSequence[Any])


class Stored:
    """What storage has of one state."""

    __slots__ = (
        "appended", "count", "dead", "extensions", "graph", "marks", "opened", "pieces", "size",
        "stamp", "start",
    )  # fmt: skip

    def __init__(self, graph: EventGraph, extensions: Sequence[Extension]) -> None:
        self.graph = graph  # of the state; another one has other events
        self.extensions = tuple(extensions)  # that are not understood here
        self.marks: Any = None  # what covers the root, as the pages that are closed say
        self.count = 0  # pages that are closed; the next one is open
        self.opened = False  # the open page was written
        self.start = 0  # the LV where the open page begins
        self.pieces: Sequence[Any] = ()  # the items, there
        self.stamp: Any = None  # of the state as it was written
        self.size = 0  # bytes of the snapshot
        self.dead = (0, 0, 0)  # its bytes of history, from LV, to LV
        self.appended = 0  # bytes of the other pages


class SequenceStorage(Generic[S]):
    """Storage of one type of sequence."""

    def __init__(
        self,
        contents: Contents,
        make: Callable[[Name, Any, int], S],
        own: Callable[[S], int],
    ) -> None:
        """make: a state from its agent, items, and the agent's next number, which `own` tells."""
        self._contents = contents
        self._make = make
        self._own = own

    # ------------------------------------------------------------------ in one piece

    def save(self, state: S, history: bool = True) -> bytes:
        """The state as bytes; without history as if all of it were folded."""
        cold = state.cold
        if history and isinstance(cold, StoredHistory):
            pages = list(cold.pages)
            last = self._tail(state, cold)
            if _stamp_of(pages[-1]) != _stamp_of(last):
                pages.append(last)
            size = len(pages[0].present) + len(pages[0].contents) + len(pages[0].runs)
            if cold.size(1) <= max(size // WASTE_SHARE, WASTE_MIN) and len(pages) < PAGES_MAX:
                return MAGIC + encode([page_bytes(page) for page in pages])
        return MAGIC + encode([page_bytes(self._snapshot(state, history))])

    def load(self, data: bytes) -> S:
        """The state in bytes. `Corrupt`, `UnknownFormat`."""
        if data[: len(MAGIC)] != MAGIC:
            raise Corrupt("these are not the bytes of a sequence")
        try:
            pages = decode(memoryview(data)[len(MAGIC) :], type=list[bytes])
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise Corrupt(f"a sequence does not decode: {error}") from None
        return self._opened([read_page(page, KNOWN) for page in pages])

    def _opened(self, pages: Sequence[Page]) -> S:
        try:
            items = present_of(pages, self._contents)
            last = pages[-1]
            base, clears = last.dots(last.base), last.dots(last.clears)
            history = StoredHistory(pages, self._contents)
            marks = marks_of([page.extensions for page in pages], last.first)
        except BadFrame as error:
            raise Corrupt(error.message) from None
        state = self._make(last.agent, items, last.own)
        state.graph.first = state.graph.end = state.log.end = last.end
        state.base = dict(base)
        state.marks = marks
        state.clears = dict.fromkeys(clears)
        if last.first < last.end:
            state.cold = history
        elif last.heads:
            raise Corrupt("a sequence has heads, and no history")
        extensions = [extension for extension in last.extensions if not extension[1]]
        stored = state.stored = Stored(state.graph, extensions)
        stored.start = last.end
        stored.pieces = history.pieces = self._contents.pieces(items)
        stored.stamp = _stamp(state)
        stored.marks = base_of(state)
        return state

    def _snapshot(self, state: S, history: bool = True) -> Page:
        state.close_run()
        cold = state.cold
        past: tuple[EventGraph, OpLog] | None = (state.graph, state.log) if history else None
        if history and isinstance(cold, StoredHistory):
            past = StoredHistory([*cold.pages, self._tail(state, cold)], self._contents).thaw()
        base = marks_now(state) if past is None else base_of(state)
        log, first = (None, 0) if past is None else (past[1], past[0].first)
        marks = extension(log, first, base, base is not None)
        extensions = (*_extensions(state), *marks)
        return snapshot(state, self._contents, past, self._own(state), extensions)

    def _tail(self, state: S, cold: StoredHistory) -> Page:
        """What came since the state was opened."""
        contents, own = self._contents, self._own(state)
        marks = extension(state.log, cold.end, None, False)  # the root is where it was
        extensions = (*_extensions(state), *marks)
        return appended(state, contents, cold.end, cold.pieces, own, extensions)

    # ------------------------------------------------------------------ in pages

    def pages(self, state: S) -> list[tuple[int, bytes | None]] | None:
        """The numbered pages that changed since this was last asked; None in a page's place: it is
        gone. None for a state so small that it is saved in one piece."""
        stored: Stored | None = state.stored
        items = state.items
        if stored is None or not stored.size:
            return self._compacted(state) if _size(state) > ONE_ROW_MAX else None
        if stored.graph is not state.graph:
            return self._compacted(state)
        if stored.stamp == _stamp(state):
            return []
        if state.graph.end < stored.start or self._outweighed(state, stored):
            return self._compacted(state)
        base = base_of(state)
        since = max(stored.start, state.graph.first)
        marks = extension(state.log, since, base, base is not stored.marks)
        extensions = (*stored.extensions, *marks)
        page = appended(
            state, self._contents, stored.start, stored.pieces, self._own(state), extensions
        )
        data = page_bytes(page)
        number = stored.count
        stored.stamp, stored.opened = _stamp(state), True
        if len(data) >= min(max(stored.size >> 8, OPEN_BYTES_MIN), OPEN_BYTES_MAX):
            stored.count, stored.opened = number + 1, False
            stored.appended += len(data)
            stored.marks = base
            stored.start = state.graph.end
            stored.pieces = self._contents.pieces(items)
        return [(number, data)]

    def _outweighed(self, state: S, stored: Stored) -> bool:
        size, low, high = stored.dead
        first = _first(state)
        dead = size if first >= high else size * max(first - low, 0) // (high - low)
        live = max((stored.size - dead) // WASTE_SHARE, WASTE_MIN)
        return stored.count >= PAGES_MAX or stored.appended + dead > live

    def _compacted(self, state: S) -> list[tuple[int, bytes | None]]:
        """One page instead of all."""
        before: Stored | None = state.stored
        page = self._snapshot(state)
        data = page_bytes(page)
        stored = Stored(state.graph, _extensions(state))
        stored.count = 1
        self._is_written(stored, state, [page], [len(data)])
        state.stored = stored
        gone = range(1, before.count + before.opened) if before is not None else ()
        return [(0, data), *((number, None) for number in gone)]

    def from_pages(self, pages: Sequence[tuple[int, bytes]]) -> S:
        """The state from all its pages, in order. `Corrupt`, `UnknownFormat`."""
        if [number for number, _ in pages] != list(range(len(pages))):
            raise Corrupt("a page of a sequence is missing")
        read = [read_page(data, KNOWN) for _, data in pages]
        state = self._opened(read)
        stored = state.stored
        stored.count = len(pages)
        self._is_written(stored, state, read, [len(data) for _, data in pages])
        return state

    def _is_written(
        self, stored: Stored, state: S, pages: Sequence[Page], sizes: Sequence[int]
    ) -> None:
        first = pages[0]
        stored.start = pages[-1].end
        stored.pieces = self._contents.pieces(state.items)
        stored.stamp = _stamp(state)
        stored.marks = base_of(state)
        stored.size, stored.appended = sizes[0], sum(sizes[1:])
        history = len(first.spans) + len(first.runs) + len(first.contents)
        stored.dead = (history, first.since, max(first.end, first.since + 1))


def _first(state: ReplicatedSequence[Any]) -> int:
    """The LV before which everything is folded."""
    cold: Any = state.cold
    return state.graph.first if cold is None else int(cold.first)


def _size(state: ReplicatedSequence[Any]) -> int:
    """Of items and history, more or less: it only matters for small ones."""
    cold = state.cold
    return len(state) + len(state.log) + (cold.size() if isinstance(cold, StoredHistory) else 0)


def _stamp(state: ReplicatedSequence[Any]) -> Any:
    """What differs if there is anything to be written."""
    dots = (heads_of(state), tuple(sorted(state.base.items())), tuple(state.clears))
    return (state.graph.end, _first(state), *dots)


def _stamp_of(page: Page) -> Any:
    return (page.end, page.first, *map(page.dots, (page.heads, page.base, page.clears)))


def _extensions(state: ReplicatedSequence[Any]) -> tuple[Extension, ...]:
    stored: Stored | None = state.stored
    return () if stored is None else stored.extensions


# ------------------------------------------------------------------ texts


def _make_text(agent: Name, items: Any, own: int) -> TextState:
    state = TextState(agent)
    state._items = items
    state._length = len(items)
    state._own = own
    return state


_TEXTS = SequenceStorage(TEXT_CONTENTS, _make_text, lambda state: state._own)

save = _TEXTS.save
load = _TEXTS.load
pages = _TEXTS.pages
from_pages = _TEXTS.from_pages
