"""Answering a peer that lacks something: which road, and the messages.

::

    asked      retained since its vector?   few, or history is kept?   answer
    auto       yes                          yes                        ops
    auto       yes                          no                         the shorter of delta, ops
    ops        yes                                                     ops
    delta      yes                                                     delta
    any        no                                                      state
    state                                                              state
    own                                                                own ops

A delta also needs that the peer has seen what was folded here. A replica that shows something
voided gives nothing but ops.

Absent: when to ask (`exchange`), and joining (`parcels`).
"""

from plait.base.causality import VersionVector, descends
from plait.base.codec import encode
from plait.graph.event import Batch
from plait.graph.links import is_said, ops_message, with_refusals
from plait.graph.messages import (
    OWN,
    PAGE_BYTES,
    PAGE_BYTES_MAX,
    Nothing,
    Ops,
    Part,
    Want,
)
from plait.graph.parcels import Parcel, parcel_of
from plait.graph.scope import Scope

OPS_FEW = 512
OPS_PER_OBJECT = 2  # from so many on a delta is shorter


def answer(
    scope: Scope, want: Want, since: VersionVector, held: VersionVector
) -> list[Ops] | list[Part] | list[Nothing]:
    """The messages that answer `want`: one page of batches, or a parcel in parts."""
    history, unclean = scope.history, scope.voids.unclean
    if want.keys:
        clean = tuple([key for key in want.keys if key not in unclean])
        if not clean:
            return [Nothing(want.lineage, want.number)]
        return parts(want, parcel_of(scope, keys=clean))
    if want.road == OWN:
        return [page(scope, want, since.merged(held), scope.replica)]
    reaches = history.reaches(since.merged(held))
    if unclean and not reaches:
        return [Nothing(want.lineage, want.number)]
    # what is held there is not joined there: a delta has to begin at the vector
    legal = history.reaches(since) and descends(since, scope.stable)
    road = want.road
    if road == "delta" and not legal:
        road = "ops" if reaches and scope.forever else "state"
    if unclean or (road == "ops" and reaches):
        return [page(scope, want, since.merged(held))]
    if road == "auto" and reaches:
        count = history.count_since(since.merged(held))
        if scope.forever or count <= OPS_FEW or not legal:
            return [page(scope, want, since.merged(held))]
        return _shorter(scope, want, since, held, count)
    return parts(want, parcel_of(scope, since if road == "delta" else None))


def _shorter(
    scope: Scope, want: Want, since: VersionVector, held: VersionVector, count: int
) -> list[Ops] | list[Part]:
    """A delta, unless most of the operations are on objects of their own: then the batches are
    shorter, and cheaper for both sides."""
    batches = scope.history.since(since.merged(held))
    objects = {(op.key, op.path) for batch in batches for op in batch.ops}
    if len(objects) * OPS_PER_OBJECT > count:
        return [page(scope, want, since.merged(held))]
    return parts(want, parcel_of(scope, since))


def page(scope: Scope, want: Want, since: VersionVector, author: int = 0) -> Ops:
    """Batches after `since` (of one author only), at least one, of about `bytes_max`."""
    bytes_left = min(max(want.bytes_max, 1), PAGE_BYTES_MAX)
    batches: list[Batch] = []
    more = False
    unsaid: dict[int, None] = {}  # authors whose streams end here, for now
    for batch in scope.history.since(since):
        if (author and batch.replica != author) or batch.replica in unsaid:
            continue
        if not is_said(scope, batch):
            unsaid[batch.replica] = None
            continue
        size = len(encode(batch))
        if batches and size > bytes_left:
            more = True
            break
        bytes_left -= size
        batches.append(batch)
    if not more and not author:
        batches += [b for b in scope.quarantine.batches() if b.last > since.get(b.replica, 0)]
    batches = with_refusals(scope, batches, since)
    return ops_message(scope, want.lineage, want.number, more, batches)


def parts(want: Want, parcel: Parcel) -> list[Part]:
    """A parcel cut to pieces."""
    data = encode(parcel)
    pieces = [data[i : i + PAGE_BYTES] for i in range(0, len(data), PAGE_BYTES)]
    last = len(pieces) - 1
    return [
        Part(want.lineage, want.number, index, index == last, piece)
        for index, piece in enumerate(pieces)
    ]
