"""How a peer's own stream stands here: what tells an author that its id is used up.

The hashes of what is retained tell; below the floor the openings do (see `openings`).
"""

from collections.abc import Sequence
from typing import TypeAlias

from plait.graph.event import GENESIS, Batch
from plait.graph.messages import BEHIND, FINE, FORKED, Standing
from plait.graph.openings import parted
from plait.graph.peers import Peer
from plait.graph.quarantine import AHEAD_MS_MAX
from plait.graph.scope import Scope

Roots: TypeAlias = Sequence[tuple[int, int, int]]

TAIL_MAX = 4096
CLOCKS_MIN = 2


def standing_of(scope: Scope, lineage: bytes, peer: Peer, complete: bool) -> Standing:
    """What to tell a peer about its own stream; `complete`: it has nothing else that lacks here."""
    replica, mark = peer.replica, peer.mark
    stream = scope.streams.get(replica)
    last = stream.last if stream else 0
    verdict, tail = FINE, tuple[tuple[int, bytes], ...]()
    if mark is not None and stream is not None and last:
        verdict = _verdict(scope, replica, last, mark)
        shared = parted(stream.openings, last, peer.openings, mark[0])
        if shared is not None:
            verdict = FORKED
        if verdict == FORKED:
            tail = scope.history.tail(replica, TAIL_MAX)
            tail += ((shared, b""),) if shared else ()
    return Standing(
        lineage,
        scope.members.is_member(replica),
        _retired(scope, peer),
        verdict,
        last,
        stream.digest if stream else GENESIS,
        complete,
        tail,
        replica,
    )


def _retired(scope: Scope, peer: Peer) -> int | None:
    """The last of a peer's numbers that count, if that will not change any more.

    Who was admitted by a retired member beyond its last number never was a member.
    """
    members, streams = scope.members, scope.streams
    if not scope.writable:
        return None  # it may be this replica that does not count
    if members.final(peer.replica, streams):
        return members.retired[peer.replica].last
    return 0 if _rejected(scope, peer.replica, peer.roots) else None


def _rejected(scope: Scope, replica: int, roots: Roots) -> bool:
    """Whether every admission of a replica certainly does not count."""
    members = scope.members
    rejected: set[int] = set()
    while True:
        more = {
            admitted
            for admitted, _, _ in roots
            if admitted not in rejected
            and admitted not in members.names
            and all(
                sponsor in rejected
                or (members.final(sponsor, scope.streams) and seq > members.retired[sponsor].last)
                for one, sponsor, seq in roots
                if one == admitted
            )
        }
        if not more:
            return replica in rejected
        rejected |= more


def _verdict(scope: Scope, replica: int, last: int, mark: tuple[int, bytes]) -> int:
    """A stream that ends at `mark` at home, and at `last` here."""
    seq, digest = mark
    if seq > last:
        return FINE  # it will be asked for, and checked batch by batch
    stream = scope.streams[replica]
    known = stream.digest if seq == last else scope.history.digest_at((replica, seq))
    if seq and known is not None and known != digest:
        return FORKED
    if seq and known is None and seq > scope.floor.get(replica, 0):
        return FORKED  # no batch ends there
    return FINE if seq == last else BEHIND


def lost_after(scope: Scope, tail: Sequence[tuple[int, bytes]]) -> tuple[Batch, ...] | None:
    """The own batches after the latest of the marks that the own stream shares (a mark without a
    hash is shared). None if some are not retained: who is alone folds what nobody else has."""
    shared = 0
    for seq, digest in tail:
        if not digest or scope.history.digest_at((scope.replica, seq)) == digest:
            shared = max(shared, seq)
    if scope.floor.get(scope.replica, 0) > shared and scope.members.remaining() == [scope.replica]:
        return None
    others = {replica: last for replica, last in scope.vector.items() if replica != scope.replica}
    return tuple(scope.history.since({**others, scope.replica: shared}))


def clock_verdict(offsets_ms: Sequence[int]) -> str:
    """Why this machine's clock is out of bounds, by how far it is ahead of others'; or ""."""
    ahead = sum(offset > AHEAD_MS_MAX for offset in offsets_ms)
    if len(offsets_ms) >= CLOCKS_MIN and 2 * ahead > len(offsets_ms):
        return f"{ahead} of {len(offsets_ms)} peers have clocks more than a minute behind this one"
    return ""
