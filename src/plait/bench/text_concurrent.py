"""The measures of a concurrent trace. Each runs in a process of its own and gives its figures.

A library that works on updates is given those that real replicas made (`text_authors`); one that
takes events takes them from the trace. Libraries may order what is typed at one place at once each
in its own way: a peer's text is then checked against that of its own replicas, and it is noted.
"""

from collections.abc import Callable

import msgspec

from plait.bench.text_authors import author
from plait.bench.text_kept import TEXT, WHOLE, Kept
from plait.bench.text_sequential import Figures
from plait.bench.text_systems import Arrival, EventSystem, System
from plait.bench.text_timing import first_and_warm, timed
from plait.bench.text_traces import Trace

_READER = 1 << 19  # an author that no trace has


class UpdateArrival(msgspec.Struct, frozen=True):
    """Updates for a reader, and one update of everything. See `Arrival`."""

    library: System
    updates: list[bytes]
    whole: bytes

    def one_by_one(self) -> str:
        """See `Arrival`."""
        reader = self.library.new(_READER)
        hear = reader.hear
        for update in self.updates:
            hear(update)
        return reader.text()

    def at_once(self) -> str:
        """See `Arrival`."""
        reader = self.library.new(_READER)
        reader.hear(self.whole)
        return reader.text()

    def document(self) -> bytes:
        """See `Arrival`."""
        reader = self.library.new(_READER)
        reader.hear(self.whole)
        return reader.save(history=True)

    def as_state(self, document: bytes) -> str:
        """See `Arrival`."""
        reader = self.library.new(_READER)
        reader.hear(document)
        return reader.text()


def prepare_graph(library: System, trace: Trace, kept: Kept) -> Figures:
    """Let the authors write; whether the library orders something in its own way (1) or not."""
    if isinstance(library, EventSystem):
        return {"own_order": 0}
    authored = author(library, trace)
    kept.put_updates(authored.updates)
    kept.put(WHOLE, authored.whole)
    kept.put(TEXT, authored.text.encode())
    return {"own_order": int(authored.text != trace.end)}


def arrive(library: System, trace: Trace, kept: Kept) -> Figures:
    """Events that come one by one."""
    arrival, expected = _arrival(library, trace, kept)
    return {"arrive_s": timed(arrival.one_by_one, expected)}


def whole_graph(library: System, trace: Trace, kept: Kept) -> Figures:
    """All events at once."""
    arrival, expected = _arrival(library, trace, kept)

    def work() -> Callable[[], str]:
        return arrival.at_once

    return first_and_warm("whole", work, expected)


def whole_state(library: System, trace: Trace, kept: Kept) -> Figures:
    """What a replica that has everything keeps, sent to one that has nothing."""
    arrival, expected = _arrival(library, trace, kept)
    document = arrival.document()

    def work() -> Callable[[], str]:
        return lambda: arrival.as_state(document)

    return first_and_warm("state", work, expected)


def _arrival(library: System, trace: Trace, kept: Kept) -> tuple[Arrival, str]:
    if isinstance(library, EventSystem):
        return library.arrive(trace), trace.end
    arrival = UpdateArrival(library, kept.updates(), kept.get(WHOLE))
    return arrival, kept.get(TEXT).decode()
