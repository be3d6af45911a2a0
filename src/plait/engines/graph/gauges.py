"""What people want to know of a replica."""

import heapq
from typing import Any

from plait.base.causality import Context
from plait.engines.graph.flusher import Flusher
from plait.engines.graph.journal import Journal
from plait.engines.graph.owed import decode_owed
from plait.engines.graph.parts import Parts
from plait.engines.graph.renewal import Renewal
from plait.engines.graph.syncing import Syncing
from plait.engines.graph.writer import Writer
from plait.graph.streams import Stream

FRONTIER_AUTHORS_MAX = 256  # told of


def gauges(
    parts: Parts,
    writer: Writer,
    journal: Journal,
    flusher: Flusher,
    syncing: Syncing,
    renewal: Renewal,
) -> dict[str, Any]:
    """The figures of one replica; counts are of events unless their name says otherwise."""
    scope, archive = parts.scope, parts.archive
    total = scope.vector.count()
    error = writer.error
    return {
        "replica": f"{scope.replica:x}",
        "documents": parts.shelf.count(),
        "writable": scope.writable and error is None,
        "error": None if error is None else str(error),
        "clock": scope.clock_wrong or None,
        "events": total,
        "frontier": frontier(scope.vector),
        "events_retained": archive.events,
        "history_bytes": archive.bytes,
        "history_complete": archive.complete,
        "unstable": total - scope.cut().count(),
        "members": {
            f"{member:x}": {
                "name": parts.name_of(member),
                "holds_back": holds_back(scope.vector, scope.streams.get(member)),
            }
            for member in scope.members.remaining()
        },
        "peers": sorted(syncing.exchange.peers),
        "unsent_messages": len(syncing.outbox),
        "quarantined_batches": len(scope.quarantine.held),
        "unflushed_rows": journal.written - flusher.flushed,
        "not_durable_rows": journal.waiting,
        "flush_error": None if flusher.error is None else str(flusher.error),
        "fresh_ids": list(renewal.reasons),
        "waits_to_be_written_anew": len(decode_owed(parts.lost)),
        "notices": list(syncing.notices),
    }


def frontier(vector: Context) -> dict[str, int]:
    """How much was seen of each author; of the few with most, where there are many."""
    most = heapq.nlargest(FRONTIER_AUTHORS_MAX, vector.items(), key=lambda item: item[::-1])
    return {f"{author:x}": seq for author, seq in most}


def holds_back(vector: Context, stream: Stream | None) -> int:
    """Events that a member has not said it has seen."""
    seen: Context = {} if stream is None else stream.context
    return sum(max(0, seq - seen.get(author, 0)) for author, seq in vector.items())
