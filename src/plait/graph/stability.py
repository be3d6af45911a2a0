"""What everybody has seen: events that no event still to come can be concurrent with.

The cut is the meet of what the awaited members had seen by their latest delivered batch. Vectors
that peers tell do not count: an event that its author wrote before may still be on its way here,
and only the stream's own order excludes that.

A member that has written nothing yet has said nothing: it holds the cut back until it does, which
it does at once when it has been admitted. So it does not matter which of several sponsors gave it
the state.

Source: Baquero, Almeida, Shoker, "Pure Operation-Based Replicated Data Types" (2017), causal
stability.
"""

from collections.abc import Mapping

from plait.base.causality import NOTHING, Context, VersionVector, meet_all
from plait.graph.members import Members
from plait.graph.streams import Stream


def stable_cut(members: Members, streams: Mapping[int, Stream], known: Context) -> VersionVector:
    """What every awaited member has seen, and at least `known` (an earlier cut)."""
    contexts: list[Context] = []
    for replica in members.awaited(streams):
        stream = streams.get(replica)
        contexts.append(NOTHING if stream is None else stream.context)
    return meet_all(contexts).merged(known)
