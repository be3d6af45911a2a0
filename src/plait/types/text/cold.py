"""History in pages that is not decoded until somebody asks for it.

Invariant: thawed, it ends at `end` with the heads `heads`, or `Corrupt` is raised.
"""

from collections.abc import Sequence
from typing import Any

from plait.base.errors import BadFrame, Corrupt
from plait.types.text.blocks import unpack_block
from plait.types.text.columns import put_deleted, put_inserted, unpack_runs, unpack_spans
from plait.types.text.content import Contents
from plait.types.text.mark_storage import put_marks
from plait.types.text.pages import Page, unpacked
from plait.types.walker.graph import EventGraph, Name
from plait.types.walker.oplog import OpLog


class StoredHistory:
    """The history of a chain of pages; implements `plait.types.walker.cold.Cold`."""

    def __init__(self, pages: Sequence[Page], contents: Contents) -> None:
        last = pages[-1]
        self.pages = tuple(pages)
        self.first = last.first
        self.end = last.end
        self.heads = last.dots(last.heads)
        self.names: tuple[Name, ...] = tuple(
            dict.fromkeys([name for page in pages for name in page.names])
        )
        self._contents = contents
        self.pieces: Sequence[Any] = ()  # the items when it was read

    def size(self, first: int = 0) -> int:
        """Bytes of history, from a page on."""
        pages = self.pages[first:]
        return sum(len(page.contents) + len(page.runs) + len(page.spans) for page in pages)

    def thaw(self) -> tuple[EventGraph, OpLog]:
        """Decode it. `Corrupt`."""
        pages = self._connected()
        graph, log = EventGraph(pages[0].since), OpLog(pages[0].since)
        try:
            for page in pages:
                self._add(page, graph, log)
            heads = tuple([graph.seq_of(head) for head in graph.heads])
        except (BadFrame, LookupError, ValueError) as error:
            raise Corrupt(f"the history of a sequence does not decode: {error}") from None
        if heads != self.heads or not graph.first <= self.first < graph.end == self.end:
            raise Corrupt("the history of a sequence is not what its last page says")
        if not _is_foldable(graph, self.first):
            raise Corrupt("the history of a sequence was folded where it cannot be")
        if self.first > graph.first:
            graph.drop(self.first)
            log.drop(self.first)
        return graph, log

    def _connected(self) -> Sequence[Page]:
        """The pages behind the last gap."""
        for index in range(len(self.pages) - 1, 0, -1):
            if self.pages[index].since > self.pages[index].start:
                return self.pages[index:]
        return self.pages

    def _add(self, page: Page, graph: EventGraph, log: OpLog) -> None:
        if page.since == page.end:
            return
        if page.since != graph.end or not graph.first <= page.root <= page.since:
            raise BadFrame("a page is missing")
        known = len(log)
        unpack_spans(unpack_block(page.spans), graph, page.names, page.root)
        unpack_runs(unpack_block(page.runs), log)
        if not graph.end == log.end == page.end:
            raise BadFrame("a page is not as long as it says")
        put_marks(log, known, page.extensions)
        content = unpacked(page.contents, self._contents)
        if not page.derived:
            put_inserted(log, known, content)
        elif known:
            raise BadFrame("only a snapshot follows from what it shows")
        else:
            put_deleted(log, unpacked(page.present, self._contents), content, self._contents)


def _is_foldable(graph: EventGraph, boundary: int) -> bool:
    """Whether all that lies before an LV can be forgotten."""
    span = graph.span_at(boundary)
    whole = (boundary - graph.starts[span]) % graph.widths[span] == 0
    return whole and graph.critical(boundary) == boundary
