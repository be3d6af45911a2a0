"""Mistakes between the log and what is read of it: sessions, retries, transactions, reads, tokens,
feeds."""

from collections.abc import Iterator
from typing import Any

import msgspec
from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.api.context import Context
from plait.base.errors import PlaitError
from plait.client import writer
from plait.client.writer import LineWriter
from plait.engines import feed
from plait.engines.raft.loglet import RaftLoglet
from plait.engines.raft.readers import Readers
from plait.engines.replica import Replica
from plait.engines.replicated.loglet import ReplicatedLoglet
from plait.line.entry import Entry
from plait.line.outcome import Failed
from plait.line.sessions import Fresh, Part, Sessions
from plait.types import table
from plait.types.commands import Transact
from plait.types.fold import View
from plait.types.queries import FeedItem


def applies_a_retry_again(patch: Patch) -> None:
    """MongoDB: a group that comes a second time takes effect a second time."""

    def admit(
        self: Sessions, session: int, first: int, answered_below: int, count: int, position: int
    ) -> list[Part]:
        return [Fresh(0, count)]

    patch.setattr(Sessions, "admit", admit)
    patch.setattr(Sessions, "remember", lambda self, *_: None)


def a_retry_has_numbers_of_its_own(patch: Patch) -> None:
    """A client numbers a group anew when it sends it again."""
    right = LineWriter._retry

    def retry(self: LineWriter, group: Any, leader: Any, error: PlaitError) -> None:
        self._groups.pop(group.first_sequence)
        self._number(group)
        right(self, group, leader, error)

    patch.setattr(LineWriter, "_retry", retry)


def forgets_answers_too_early(patch: Patch) -> None:
    """A session's window ends at its newest command, not below the oldest unanswered one."""
    right = Sessions.admit

    def admit(
        self: Sessions, session: int, first: int, answered_below: int, count: int, position: int
    ) -> list[Part]:
        record = self._records.get(session)
        if record is not None:
            record.runs.clear()
        return right(self, session, first, answered_below, count, position)

    patch.setattr(Sessions, "admit", admit)


def a_refused_retry_hides_what_happened(patch: Patch) -> None:
    """The refusal of a second attempt is given for the outcome of both."""

    def fail(self: LineWriter, group: Any, error: PlaitError) -> None:
        self._end_attempt(group)
        writer.reject(group.futures, error)
        self._done(group)

    patch.setattr(LineWriter, "_fail", fail)


def answers_before_it_is_committed(patch: Patch) -> None:
    """An append returns as soon as the leader has ordered it."""
    right = ReplicatedLoglet.append_nowait

    def append_nowait(self: ReplicatedLoglet, entry: Entry) -> Any:
        future = right(self, entry)
        if not future.done():
            future.set_result(self.member.log.tail - 1)
        return future

    patch.setattr(ReplicatedLoglet, "append_nowait", append_nowait)
    patch.setattr(ReplicatedLoglet, "committed", property(lambda self: self.member.log.durable))


def applies_what_is_not_committed(patch: Patch) -> None:
    """A replica follows the end of its log."""
    patch.setattr(ReplicatedLoglet, "committed", property(lambda self: self.member.log.durable))


def a_transaction_does_not_look(patch: Patch) -> None:
    """What a transaction read is not compared with what is there when it is applied."""

    def check(view: View, command: Transact) -> Failed | None:
        return None

    patch.setattr(table, "_check_transaction", check)


def a_transaction_writes_half(patch: Patch) -> None:
    """Of a transaction's writes the last is lost."""
    right = table._write_all

    def write_all(view: View, command: Transact, version: int) -> None:
        writes = command.writes[:-1] if len(command.writes) > 2 else command.writes
        right(view, msgspec.structs.replace(command, writes=writes), version)

    patch.setattr(table, "_write_all", write_all)


def a_comparison_is_not_made(patch: Patch) -> None:
    """Compare-and-set writes, whatever is there."""
    patch.setattr(table, "same_value", lambda left, right: True)


def a_token_is_not_looked_at(patch: Patch) -> None:
    """A node answers a session from what it has, whatever the session has seen."""
    right = Replica.read

    async def read(self: Replica, queries: Any, after: Any = None, *rest: Any) -> Any:
        return await right(self, queries, None, *rest)

    patch.setattr(Replica, "read", read)


def a_read_outlives_a_retraction(patch: Patch) -> None:
    """What a leader had applied is shown, though a newer one has cut it."""
    patch.setattr(Replica, "_retracted", lambda self, epoch, position: None)


def readers_share_a_question_already_asked(patch: Patch) -> None:
    """Who comes later is answered with what was committed before it came."""

    def send(self: Readers) -> None:
        future = self._gathering
        assert future is not None
        self._last_id += 1
        loop = future.get_loop()

        def forget(_: Any) -> None:
            self._gathering = None

        future.add_done_callback(forget)
        timer = loop.call_later(0.25, self.answer, self._last_id, None)
        self._asked[self._last_id] = (future, timer)
        self._ask(self._last_id)

    patch.setattr(Readers, "_send", send)


def reads_what_it_has(patch: Patch) -> None:
    """etcd, Jepsen: a member answers from its own state, without asking what is committed."""

    async def read_index(self: RaftLoglet, timeout_s: float = 0.0) -> int:
        return self.committed

    patch.setattr(RaftLoglet, "read_index", read_index)


def a_reader_does_not_wait_for_what_it_asked(patch: Patch) -> None:
    """A replica answers at once, of a state before the one that it was asked to cover."""
    right = Replica.wait_applied

    async def wait_applied(self: Replica, position: int, *rest: Any) -> None:
        if self.line != "control":  # whose waits pace the loops of a node
            position = min(position, self.applied)
        await right(self, position, *rest)

    patch.setattr(Replica, "wait_applied", wait_applied)


def a_session_does_not_say_what_it_saw(patch: Patch) -> None:
    """A token does not cover its reads."""
    patch.setattr(Context, "saw", lambda self, line, epoch, position: None)


def a_session_does_not_say_what_it_wrote(patch: Patch) -> None:
    """A token does not cover its writes."""

    async def submit(self: Context, line: str, command: bytes, acks: str | None) -> Any:
        return await self.backend.submit(line, command, acks)

    patch.setattr(Context, "submit", submit)


def a_feed_skips_when_it_goes_on(patch: Patch) -> None:
    """etcd: after a broken connection a watch begins with what happens from then on."""
    right = feed.follow

    def follow(replica: Replica, table_id: int, start: tuple[int, int] | None = None) -> Any:
        now = (replica.applied, 0)
        return right(replica, table_id, now if start is None else max(start, now))

    patch.setattr(feed, "follow", follow)


def a_feed_repeats_when_it_goes_on(patch: Patch) -> None:
    """A watch that goes on in the middle of an entry shows its beginning once more."""
    right = feed._changes

    def changes(
        replica: Replica, table_id: int, position: int, start: int, entry: Entry, time_ms: int
    ) -> Iterator[list[FeedItem]]:
        return right(replica, table_id, position, 0, entry, time_ms)

    patch.setattr(feed, "_changes", changes)


def a_feed_shows_what_had_no_effect(patch: Patch) -> None:
    """Failed conditions and retries are shown as changes."""
    patch.setattr(feed, "_ineffective", lambda replica, position: set())


cut_off = world("counters", clients=3, kill=1.5, reset=0.5, partition=3.0)
banks = world("bank", clients=4, think_s=0.01, kill=3.0)
readers = world("mirrors", think_s=0.01, slow=True, stalls=True, pause=3.0, partition=3.0)
refusals = world("registers", clients=3, bad_sync=1.0, full_disk=2.0, pause=2.0)
leaders = world("registers", clients=4, think_s=0.01, kill=1.0, partition=1.5)
travels = world("sessions", clients=4, think_s=0.02, slow=True, partition=2.0, pause=2.0)
travels_far = world(
    "sessions", clients=4, think_s=0.01, slow=True, stalls=True, partition=1.5, kill=2.0
)
exiles = world("torrents", work_s=12.0, calm_s=90.0, exile=1.0)
feeds = world("feeds", clients=3, think_s=0.02, reset=0.5, kill=2.0)

MISTAKES = (
    Mistake(applies_a_retry_again, cut_off),
    Mistake(a_retry_has_numbers_of_its_own, cut_off),
    Mistake(forgets_answers_too_early, cut_off),
    Mistake(a_refused_retry_hides_what_happened, refusals),
    Mistake(answers_before_it_is_committed, leaders),
    Mistake(applies_what_is_not_committed, leaders),
    Mistake(a_transaction_does_not_look, banks),
    Mistake(a_transaction_writes_half, banks),
    Mistake(a_comparison_is_not_made, leaders),
    Mistake(a_token_is_not_looked_at, travels_far),
    Mistake(a_read_outlives_a_retraction, exiles),
    Mistake(readers_share_a_question_already_asked, readers),
    Mistake(reads_what_it_has, readers),
    Mistake(a_reader_does_not_wait_for_what_it_asked, travels_far),
    Mistake(a_session_does_not_say_what_it_saw, travels),
    Mistake(a_session_does_not_say_what_it_wrote, travels),
    Mistake(a_feed_skips_when_it_goes_on, feeds),
    Mistake(a_feed_repeats_when_it_goes_on, feeds),
    Mistake(a_feed_shows_what_had_no_effect, feeds),
)
