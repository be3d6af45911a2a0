"""Mistakes between replicas of documents: dots, what was seen, parcels, stability, the outbox."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.causality import Context, VersionVector
from plait.base.hlc import HybridClock
from plait.engines.graph import opening, wal
from plait.engines.graph.journal import Journal
from plait.engines.graph.outbox import Outbox
from plait.engines.graph.parts import Parts
from plait.graph import parcels, scope, serving
from plait.graph.asking import Asking
from plait.graph.event import Batch, Op
from plait.graph.history import History
from plait.graph.identity import Identity
from plait.graph.members import Members
from plait.graph.parcels import Contents, Parcel
from plait.graph.scope import Scope
from plait.graph.streams import Stream


def tells_before_it_is_durable(patch: Patch) -> None:
    """A batch leaves at once; a crash forgets it, and its dots are used again."""

    def put(self: Outbox, position: int, durable: int, leave: Callable[[], None]) -> None:
        leave()

    patch.setattr(Outbox, "put", put)


def says_durable_when_written(patch: Patch) -> None:
    """The journal takes what it handed over for what is on disk."""
    right = Journal.close_row

    def close_row(self: Journal) -> None:
        right(self)
        self._told(self.written)

    patch.setattr(Journal, "close_row", close_row)


def uses_its_dots_again(patch: Patch) -> None:
    """After a restart a replica counts on from its last saved state, not from its log."""

    def replay(self: Parts, head: int, tail: int) -> None:
        self.position = tail

    patch.setattr(Parts, "replay", replay)


def drops_what_it_has_seen(patch: Patch) -> None:
    """A batch does not say what its author had seen."""
    right = Scope.write

    def write(self: Scope, ops: Sequence[Op], hlc: int, *rest: Any) -> Batch:
        self.news.clear()
        return right(self, ops, hlc, *rest)

    patch.setattr(Scope, "write", write)


def delivers_without_what_came_before(patch: Patch) -> None:
    """A batch does not wait for what its author had seen."""
    right = Scope._next

    def next_(self: Scope, author: int, now_ms: int | None, queue: list[int]) -> Batch | None:
        batch = self.waiting.get(author, self.vector.get(author, 0) + 1)
        if batch is not None and batch.seen and self.members.counts(author, batch.last):
            return batch
        return right(self, author, now_ms, queue)

    patch.setattr(Scope, "_next", next_)


def a_delta_is_applied_over_a_gap(patch: Patch) -> None:
    """A delta has only what its sender wrote itself; what it builds upon is not looked for."""
    right, judged = serving.parcel_of, parcels.joinable

    def parcel_of(of: Scope, since: Context | None = None, **how: Any) -> Parcel:
        if since is not None:
            since = of.vector | {of.replica: since.get(of.replica, 0)}
        return right(of, since, **how)

    def joinable(of: Scope, parcel: Parcel, contents: Contents, now_ms: int | None) -> bool:
        contents.since = VersionVector()
        return judged(of, parcel, contents, now_ms)

    patch.setattr(serving, "parcel_of", parcel_of)
    patch.setattr(parcels, "joinable", joinable)


def an_answer_has_a_gap(patch: Patch) -> None:
    """What was asked for is sent without its first batch."""
    right = History.since

    def since(self: History, vector: Context) -> Iterable[Batch]:
        found = list(right(self, vector))
        return iter(found[1:] if len(found) > 2 else found)

    patch.setattr(History, "since", since)


def takes_its_own_word_for_stable(patch: Patch) -> None:
    """What this replica has seen is folded; nobody else is asked."""

    def stable_cut(
        members: Members, streams: Mapping[int, Stream], known: Context
    ) -> VersionVector:
        return VersionVector((r, stream.last) for r, stream in streams.items()).merged(known)

    patch.setattr(scope, "stable_cut", stable_cut)


def waits_for_nobody_silent(patch: Patch) -> None:
    """Stability does not wait for members that have said nothing yet."""
    right = Members.awaited

    def awaited(self: Members, streams: Mapping[int, Stream]) -> list[int]:
        return [replica for replica in right(self, streams) if replica in streams][:1]

    patch.setattr(Members, "awaited", awaited)


def takes_part_of_a_parcel(patch: Patch) -> None:
    """A parcel's documents are joined, and one of them is left out."""
    right = serving.parcel_of

    def parcel_of(*args: Any, **how: Any) -> Parcel:
        parcel = right(*args, **how)
        return msgspec.structs.replace(parcel, fragments=parcel.fragments[1:])

    patch.setattr(serving, "parcel_of", parcel_of)


def keeps_no_log_of_what_it_received(patch: Patch) -> None:
    """What others wrote is not in the own log: a crash loses what was said to be seen."""
    patch.setattr(wal, "delivered", lambda batches: wal.Folded())


def a_state_is_ahead_of_its_rows(patch: Patch) -> None:
    """The state file is said to hold rows that it was taken before."""
    right = Parts.collect

    def collect(self: Parts, position: int) -> None:
        right(self, position + 1)

    patch.setattr(Parts, "collect", collect)


def does_not_ask_for_what_it_lacks(patch: Patch) -> None:
    """What was lost with a connection is never asked for."""
    patch.setattr(Asking, "ask", lambda self, now: None)


def a_copy_of_a_folder_keeps_its_id(patch: Patch) -> None:
    """A replica brought back from a backup writes on under its old id, whatever it hears."""
    patch.setattr(opening, "why_fresh", lambda *_: None)
    patch.setattr(Identity, "give_up", lambda self, effect: None)


def a_clock_does_not_follow_what_it_reads(patch: Patch) -> None:
    """Who answers an edit is dated before it, if its clock is behind."""
    patch.setattr(HybridClock, "observe", lambda self, hlc: None)


storms = world("documents", work_s=12.0, calm_s=90.0, kill=1.0, partition=2.0, reset=2.0)
cuts = world("documents", work_s=12.0, calm_s=90.0, slow=True, power_cut=0.7, kill=2.0)
gaps = world(
    "documents", "conflicts", work_s=12.0, calm_s=90.0, reset=0.5, one_way=1.5, partition=1.5
)
deltas = world("documents", work_s=15.0, calm_s=90.0, partition=0.7, reset=2.0, kill=3.0)
crashes = world("documents", kill=1.0, reset=2.0)
late = world("intents", work_s=12.0, calm_s=90.0, clock_jump=1.0, partition=3.0)
backups = world("documents", work_s=15.0, calm_s=90.0, older_graphs=1.0)

MISTAKES = (
    Mistake(tells_before_it_is_durable, cuts),
    Mistake(says_durable_when_written, cuts),
    Mistake(uses_its_dots_again, storms),
    Mistake(drops_what_it_has_seen, storms),
    Mistake(delivers_without_what_came_before, gaps),
    Mistake(a_delta_is_applied_over_a_gap, deltas),
    Mistake(an_answer_has_a_gap, gaps),
    Mistake(takes_its_own_word_for_stable, storms),
    Mistake(waits_for_nobody_silent, storms),
    Mistake(takes_part_of_a_parcel, gaps),
    Mistake(keeps_no_log_of_what_it_received, crashes),
    Mistake(a_state_is_ahead_of_its_rows, crashes),
    Mistake(does_not_ask_for_what_it_lacks, gaps),
    Mistake(a_copy_of_a_folder_keeps_its_id, backups),
    Mistake(a_clock_does_not_follow_what_it_reads, late),
)
