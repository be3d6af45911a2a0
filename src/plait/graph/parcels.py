"""Deltas and states: what the roads other than operations carry, and how it is joined.

A parcel has fragments of documents, and everything else that the sender knew at the same vector:
the heads of all streams, the members, the voids. Joining it is as if everything between the two
vectors had been delivered, but the batches are not retained: the receiver's floor rises.

A *delta* has what was touched since a vector that the receiver covers. A *state* has everything.
"""

from collections.abc import Iterable

import msgspec

from plait.base.causality import Context, Dot, VersionVector, descends
from plait.base.errors import BadFrame
from plait.base.hlc import ahead_ms
from plait.graph.event import Batch, Op
from plait.graph.fold import Fragment
from plait.graph.notices import Behind, Below, Forked, Verdict
from plait.graph.openings import parted
from plait.graph.portable import (
    Head,
    Names,
    Roll,
    Void,
    call_roll,
    checked_names,
    dot_at,
    head_of,
    roll_of,
    stream_of,
    vector_at,
)
from plait.graph.quarantine import AHEAD_MS_MAX
from plait.graph.scope import Scope
from plait.graph.streams import Stream
from plait.graph.voids import Refusal, voided_by


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """Fragments, and what goes with them."""

    names: tuple[int, ...]
    whole: bool  # a state; else a delta, or some documents
    since: tuple[tuple[int, int], ...]  # of a delta
    heads: tuple[Head, ...]
    roll: Roll
    voids: tuple[Void, ...]
    stable: tuple[tuple[int, int], ...]
    fragments: tuple[Fragment, ...]
    keys: tuple[str, ...] = ()  # only these documents, whole, to replace unclean ones


def parcel_of(scope: Scope, since: Context | None = None, keys: tuple[str, ...] = ()) -> Parcel:
    """What a replica at `since` lacks (None: everything), or some documents."""
    names = Names()
    fold = scope.fold
    if keys:
        fragments = tuple(part for part in fold.state(keys) if part.key in keys)
    elif since is None:
        fragments = tuple(fold.state())
    else:
        fragments = tuple(fold.delta(_touching(scope, since)))
    return Parcel(
        whole=since is None and not keys,
        since=names.pairs(since or {}),
        heads=tuple(
            [head_of(stream, names) for _, stream in sorted(scope.streams.items()) if stream.last]
        ),
        roll=roll_of(scope.members, names),
        voids=tuple(
            [
                Void(names.of(r), seq, known.reason, known.key, names.of(known.by[0]), known.by[1])
                for (r, seq), known in sorted(scope.voids.known.items())
                if known.by is not None
            ]
        ),
        stable=names.pairs(scope.stable),
        fragments=fragments,
        keys=keys,
        names=names.listed(),
    )


def _touching(scope: Scope, since: Context) -> Iterable[tuple[Op, Dot]]:
    """Every operation after `since`, and those that were voided after it."""
    for batch in scope.history.since(since):
        for seq, op in enumerate(batch.ops, batch.first):
            if op.key:
                yield op, (batch.replica, seq)
            elif (dot := voided_by(op)) is not None:
                voided = scope.history.batch_at(dot)
                if voided is not None and (late := voided.ops[dot[1] - voided.first]).key:
                    yield late, dot


class Contents:
    """A parcel read: raises `BadFrame` for what no replica can have sent."""

    def __init__(self, parcel: Parcel) -> None:
        names = checked_names(parcel.names)
        try:
            self.streams = [stream_of(head, names) for head in parcel.heads]
            self.since = vector_at(parcel.since, names)
            self.stable = vector_at(parcel.stable, names)
            self.voids = [
                (
                    dot_at(v.replica, v.seq, names),
                    Refusal(v.reason, v.key, dot_at(v.by, v.by_seq, names)),
                )
                for v in parcel.voids
            ]
            self.flock = {names[one] for one, _, by, _ in parcel.roll.admitted if one == by}
            self.said = {names[r.replica]: r.said for r in parcel.roll.retired if r.replica >= 0}
        except IndexError:
            raise BadFrame("a parcel names a replica that it does not list") from None
        self.vector = VersionVector((stream.replica, stream.last) for stream in self.streams)
        self.names = names


def joinable(scope: Scope, parcel: Parcel, contents: Contents, now_ms: int | None) -> bool:
    """Whether a parcel can be joined; what was found if not is in the scope's notices."""
    mine, theirs = scope.vector, contents.vector
    if not parcel.whole and not descends(mine, contents.since):
        return False
    if theirs.get(scope.replica, 0) > mine.get(scope.replica, 0) and now_ms is not None:
        scope.notice(_ahead(scope, contents))
        return False
    for stream in contents.streams:
        known = scope.streams.get(stream.replica)
        if known is not None and known.last == stream.last and known.digest != stream.digest:
            scope.notice(Forked(stream.replica, stream.last))
            return False
        ahead = 0 if now_ms is None else ahead_ms(stream.hlc, now_ms)
        accepted = stream.hlc <= scope.quarantine.accepted.get(stream.replica, 0)
        if ahead > AHEAD_MS_MAX and stream.last > mine.get(stream.replica, 0) and not accepted:
            return False
    if scope.replica in scope.members.names and contents.flock - scope.members.names.keys():
        return False  # it holds what never counts here
    for replica, retirement in scope.members.retired.items():
        last = max(retirement.last, contents.said.get(replica, 0))
        if now_ms is not None and theirs.get(replica, 0) > last:
            return False  # what is beyond a retirement counts only if a member has said so
    if not descends(mine, contents.stable) and not descends(theirs, mine):
        behind = _ahead(scope, contents)
        scope.notice(Below() if isinstance(behind, Behind) else behind)
        return False
    return True


def _ahead(scope: Scope, contents: Contents) -> Behind | Forked:
    """What a parcel that cannot be joined says of the own stream: the end of it, or another one."""
    own = [stream for stream in contents.streams if stream.replica == scope.replica]
    theirs = own[0] if own else Stream(scope.replica)
    mine = scope.streams.get(scope.replica) or Stream(scope.replica)
    shared = parted(mine.openings, mine.last, theirs.openings, theirs.last)
    return Behind(theirs.last) if shared is None else Forked(scope.replica, shared + 1)


def join(scope: Scope, parcel: Parcel, now_ms: int | None) -> list[Batch] | None:
    """Join a parcel; what could be delivered after it, or None if it was not joined.

    `now_ms` None: it was joined before, and comes from disk. Raises `BadFrame`, and then nothing
    happened.
    """
    contents = Contents(parcel)
    if parcel.keys:
        return replace(scope, parcel, contents)
    if not joinable(scope, parcel, contents, now_ms):
        return None
    mine, theirs = scope.vector.copy(), contents.vector
    for dot, refusal in contents.voids:
        if scope.voids.void(dot, refusal, applied=mine.contains(dot)) and refusal.by is not None:
            scope.notice(Verdict(dot, refusal.reason, refusal.by[0]))
    scope.voids.settle(scope.history, scope.fold)
    scope.fold.join(parcel.fragments, mine, theirs, parcel.whole)
    call_roll(scope.members, parcel.roll, contents.names)
    advanced = [s for s in contents.streams if s.last > mine.get(s.replica, 0)]
    for stream in advanced:
        scope.overtake(stream)
    scope.stable = scope.stable.merged(contents.stable)
    scope.fold.fold(scope.stable)
    return scope.resume([stream.replica for stream in advanced], now_ms)


def replace(scope: Scope, parcel: Parcel, contents: Contents) -> list[Batch] | None:
    """Put clean documents in the place of unclean ones: theirs, and the retained events that they
    lack. None if they have seen what was not delivered here yet, or lack what is not retained."""
    theirs = contents.vector
    if not descends(scope.vector, theirs):
        return None
    if not descends(theirs, scope.floor):
        return None
    for key in parcel.keys:
        if key not in scope.voids.unclean or not scope.voids.said(key, theirs):
            continue
        own = scope.voids.effective(key, scope.history)
        scope.fold.refold(
            key,
            (one for one in own if not theirs.contains(one[1].dot)),
            [fragment for fragment in parcel.fragments if fragment.key == key],
            theirs,
        )
        del scope.voids.unclean[key]
    return []
