"""Mistakes with disks: what is acknowledged before it is durable, and what a restart forgets."""

import raft_mistakes as known
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.base.errors import PlaitError
from plait.base.ports import LogWrite, PutHardState
from plait.engines import checkpoint, replica
from plait.engines.checkpoint import Checkpoint
from plait.engines.overlay import Overlay
from plait.engines.replicated.driver import Driver
from plait.line.entry import Epoch
from plait.line.loglet import Loglet
from plait.line.membership import Membership
from plait.line.raft.member import RaftMember
from plait.line.replication.follower import Follower
from plait.line.replication.log_view import Base, LogView
from plait.line.replication.messages import Append
from plait.line.replication.vocabulary import Persisted
from plait.line.sessions import Sessions
from plait.node.group import Group
from plait.node.retention import Retention


def acknowledges_before_the_disk(patch: Patch) -> None:
    """The driver says that a write is durable when it has handed it over."""

    def persist(self: Driver, token: int, writes: tuple[LogWrite, ...]) -> None:
        self._storage.submit(self.prepared(writes), lambda error: None)
        self._loop.call_soon(self.step, Persisted(token))

    patch.setattr(Driver, "_persist", persist)


def a_failed_write_is_taken_for_done(patch: Patch) -> None:
    """fsync fails, and the member goes on as if it had not."""

    def persisted(self: Driver, token: int, error: PlaitError | None) -> None:
        self.step(Persisted(token))

    patch.setattr(Driver, "_persisted", persisted)


def a_follower_answers_before_its_disk(patch: Patch) -> None:
    """What a follower received counts as what it holds."""
    right = Follower.append

    def append(self: Follower, peer: str, message: Append, now: float) -> None:
        right(self, peer, message, now)
        self.member.log.durable = self.member.log.tail

    patch.setattr(Follower, "append", append)


def terms_and_votes_are_not_written(patch: Patch) -> None:
    """A restarted member may vote a second time."""
    right = Driver.prepared

    def prepared(self: Driver, writes: tuple[LogWrite, ...]) -> tuple[LogWrite, ...]:
        alone = len(writes) == 1 and isinstance(writes[0], PutHardState)
        return () if alone and self.core.member.log.tail else right(self, writes)

    patch.setattr(Driver, "prepared", prepared)


def an_epoch_is_written_before_its_entries(patch: Patch) -> None:
    """A member opens its log with epochs that begin at other places than they did."""
    right = LogView.restore

    def restore(self: LogView, epochs: list[tuple[Epoch, int]], tail: int, records: int) -> None:
        right(self, epochs[:-1] if len(epochs) > 1 else epochs, tail, records)

    patch.setattr(LogView, "restore", restore)


def the_log_is_trimmed_before_the_state_is_synced(patch: Patch) -> None:
    """A power cut takes back the state that was to stand for the trimmed log."""

    async def trim(self: Group, retention: Retention) -> None:
        log = self.loglet.member.log
        if self.replica.flushed > log.head:
            await self.loglet.trim(self.replica.flushed)

    patch.setattr(Group, "trim", trim)


def a_checkpoint_is_ahead_of_its_rows(patch: Patch) -> None:
    """The position goes to the state file one entry too high."""
    right = checkpoint.collect

    def collect(overlay: Overlay, point: Checkpoint, sessions: Sessions, head: int) -> None:
        from_disk = Checkpoint(
            point.applied + 1, point.record_index, point.time_ms, point.spans, point.hash,
            point.audits,
        )  # fmt: skip
        right(overlay, from_disk, sessions, head)

    patch.setattr(replica, "collect", collect)


def a_checkpoint_forgets_sessions(patch: Patch) -> None:
    """What a restarted node applies again it does not know from before."""
    patch.setattr(Sessions, "drain_dirty", lambda self: [])


def a_copy_is_written_without_the_hard_state(patch: Patch) -> None:
    """etcd: a crash between a copy of the state and the hard state that goes with it."""

    def reset(self: RaftMember, base: Base, membership: Membership) -> list[LogWrite]:
        return self.begin_at(base, membership)

    patch.setattr(RaftMember, "reset", reset)


def a_checkpoint_is_trusted_whatever_was_cut(patch: Patch) -> None:
    """A state goes on from its checkpoint, though the log it was the fold of is another."""

    async def continues(loglet: Loglet, applied: int, epoch: Epoch) -> bool:
        return True

    patch.setattr(replica, "continues", continues)
    patch.setattr(Group, "check_state", lambda self: None)


power = world("registers", clients=3, slow=True, power_cut=1.0, kill=2.0)
refusals = world("registers", clients=3, bad_sync=0.7, power_cut=2.0, kill=3.0)
restarts = world("counters", clients=3, kill=0.7, power_cut=1.5)
forgetful = world("registers", clients=3, kill=0.5)
ledgers = world("appends", clients=3, kill=1.0, power_cut=1.0, limits={"log_keep_bytes": 2000})
copies = world(
    "registers", clients=4, think_s=0.01, work_s=12.0,
    limits={"log_keep_bytes": 500, "slot_bytes_max": 500, "slot_age_s_max": 1.0},
    partition=1.0, power_cut=2.0, kill=0.7, pause=3.0,
)  # fmt: skip
behind = world(
    "registers", clients=4, think_s=0.01, work_s=12.0,
    limits={"log_keep_bytes": 500, "slot_bytes_max": 500, "slot_age_s_max": 1.0},
    partition=1.0, crash_at_copy=0.3, pause=3.0,
)  # fmt: skip
exiles = world("torrents", work_s=20.0, calm_s=90.0, exile=0.5, crash_at_cut=0.05)

MISTAKES = (
    Mistake(acknowledges_before_the_disk, power),
    Mistake(a_failed_write_is_taken_for_done, refusals),
    Mistake(a_follower_answers_before_its_disk, power),
    Mistake(terms_and_votes_are_not_written, power),
    Mistake(an_epoch_is_written_before_its_entries, power),
    Mistake(known.a_copy_lowers_the_term, copies),
    Mistake(the_log_is_trimmed_before_the_state_is_synced, ledgers),
    Mistake(a_checkpoint_is_ahead_of_its_rows, restarts),
    Mistake(a_checkpoint_forgets_sessions, forgetful),
    Mistake(a_copy_is_written_without_the_hard_state, behind),
    Mistake(a_checkpoint_is_trusted_whatever_was_cut, exiles),
)
