"""The measures of a sequential trace. Each runs in a process of its own and gives its figures.

Seconds end in `_s`, bytes in `_bytes`, memory in `_mib`. Positions are converted beforehand.
"""

import gc
import time
from collections.abc import Callable

from plait.bench.graph_store import resident_mib
from plait.bench.text_kept import FULL, HALF, REST, STABLE, TEXT, WHOLE, Kept
from plait.bench.text_offsets import in_bytes
from plait.bench.text_systems import BYTES, System
from plait.bench.text_timing import check_text, first_and_warm, settle, timed
from plait.bench.text_traces import Edit, Trace

Figures = dict[str, float]

_COPIES = 32  # of the document whose memory is measured: one is lost among the pages
_WRITER, _READER = 0, 1
_TYPED = "!"
_MEBIBYTE = 1 << 20


def native(library: System, trace: Trace) -> list[Edit]:
    """The edits in the units of a library."""
    edits = trace.edits()
    return in_bytes(edits) if library.units == BYTES and not trace.ascii() else edits


def prepare(library: System, trace: Trace, kept: Kept) -> Figures:
    """Make what the other measures start from; the sizes of the document saved."""
    edits = native(library, trace)
    middle = len(edits) // 2
    half, rest = edits[:middle], edits[middle:]
    one, two = library.new(_WRITER), library.new(_WRITER)
    one.type(edits)
    check_text(one.text(), trace.end)
    full, stable = one.save(history=True), one.save(history=False)
    for data in (full, stable):
        check_text(library.open(data).text(), trace.end)
    kept.put(TEXT, trace.end.encode())
    kept.put(FULL, full)
    kept.put(STABLE, stable)
    kept.put(WHOLE, one.news())
    two.type(half)
    kept.put(HALF, two.news())
    two.type(rest)
    kept.put(REST, two.news())
    return {"full_bytes": len(full), "stable_bytes": len(stable)}


def replay(library: System, trace: Trace, kept: Kept) -> Figures:
    """Local edits, one a call."""
    edits = native(library, trace)
    text = library.new(_WRITER)
    settle()
    begin = time.perf_counter()
    text.type(edits)
    seconds = time.perf_counter() - begin
    check_text(text.text(), trace.end)
    return {"replay_s": seconds}


def wire(library: System, trace: Trace, kept: Kept) -> Figures:
    """An update for every local edit, and those taken in one by one at another replica."""
    edits = [(edit,) for edit in native(library, trace)]
    writer, reader = library.new(_WRITER), library.new(_READER)
    say, hear = writer.say, reader.hear
    settle()
    begin = time.perf_counter()
    updates = [say(edit) for edit in edits]
    said_s = time.perf_counter() - begin
    check_text(writer.text(), trace.end)

    def apply() -> str:
        for update in updates:
            hear(update)
        return reader.text()

    size = sum(map(len, updates)) / len(updates)
    return {"wire_s": said_s, "update_bytes": size, "apply_s": timed(apply, trace.end)}


def merge_empty(library: System, trace: Trace, kept: Kept) -> Figures:
    """A whole remote history, for a replica that has nothing."""
    return _merging("empty", library, trace, None, kept.get(WHOLE))


def merge_stale(library: System, trace: Trace, kept: Kept) -> Figures:
    """The later half, for a replica that has the first."""
    return _merging("stale", library, trace, kept.get(HALF), kept.get(REST))


def _merging(
    name: str, library: System, trace: Trace, before: bytes | None, update: bytes
) -> Figures:
    def work() -> Callable[[], str]:
        reader = library.new(_READER)
        if before is not None:
            reader.catch_up(before)
            reader.text()

        def merge() -> str:
            reader.catch_up(update)
            return reader.text()

        return merge

    return first_and_warm(name, work, trace.end)


def open_text(library: System, trace: Trace, kept: Kept) -> Figures:
    """From bytes with their history to the text."""
    data = kept.get(FULL)
    return first_and_warm("open", lambda: lambda: library.open(data).text(), trace.end)


def open_edit(library: System, trace: Trace, kept: Kept) -> Figures:
    """From bytes with their history to the first edit, in the middle, and the text after it."""
    data, edit, expected = kept.get(FULL), *_middle(library, trace.end)

    def work() -> str:
        text = library.open(data)
        text.type([edit])
        return text.text()

    return first_and_warm("edit", lambda: work, expected)


def _middle(library: System, text: str) -> tuple[Edit, str]:
    """A letter typed in the middle, and what comes of it."""
    before, after = text[: len(text) // 2], text[len(text) // 2 :]
    place = len(before.encode()) if library.units == BYTES else len(before)
    return (place, 0, _TYPED), before + _TYPED + after


def memory(library: System, trace: Trace, kept: Kept) -> Figures:
    """What an open document takes beyond its text: read only, and after a first edit."""
    data, edit, expected = kept.get(FULL), *_middle(library, trace.end)
    warmed = library.new(_WRITER)  # what the library makes once for all documents
    warmed.type([(0, 0, "warm")])
    check_text(library.open(warmed.save(history=True)).text(), "warm")
    settle()
    size = len(trace.end.encode()) / _MEBIBYTE
    before = resident_mib()
    documents = [library.open(_copy(data)) for _ in range(_COPIES)]
    for document in documents:
        check_text(document.text(), trace.end)
    gc.collect()
    opened = (resident_mib() - before) / _COPIES - size
    for document in documents:
        document.type([edit])
        check_text(document.text(), expected)
    gc.collect()
    edited = (resident_mib() - before) / _COPIES - size
    return {"opened_mib": opened, "edited_mib": edited}


def _copy(data: bytes) -> bytes:
    """Bytes of its own for each document, so that one that holds on to them is charged for them."""
    return bytes(bytearray(data))
