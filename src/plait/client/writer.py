"""The writer of one line: each command takes effect once, however often its group is sent.

::

    Pipeline ──group──► numbered, encoded once ──► the leader ──► Applied ──► receipts
                              ▲                        │
                              └── recover ◄── NotLeader, lost, silent, busy

One session a line, opened before the first group. Its commands are numbered without gaps; each
group carries the number below which every answer is in. A group whose fate is unknown is sent
again *as the same bytes*, to whoever leads then: the session makes that harmless.

Invariants: unanswered groups are kept in order of their numbers and, after a failure, sent again
in that order before any newer one; a group leaves `_groups` exactly when its futures are done.

An evicted session loses its memory. Groups that were sent only in attempts which certainly did
nothing continue in a new session; the others fail with `Unavailable`, their fate unknown.
"""

import asyncio
from collections.abc import Iterable
from functools import partial

from plait.api.messages import Answer, Applied, Propose
from plait.api.pipeline import Pipeline, reject, resolve, without_malformed
from plait.api.port import Receipt
from plait.base.codec import encode
from plait.base.error_codes import from_code
from plait.base.errors import (
    BadFrame,
    Busy,
    PlaitError,
    SessionEvicted,
    Unavailable,
)
from plait.base.ids import random_id
from plait.client.attempts import is_transient
from plait.client.cluster import Cluster
from plait.client.link import Link
from plait.types.commands import OpenSession, encode_group


class _Group:
    """Commands that travel together until they are answered."""

    __slots__ = (
        "acks", "commands", "data", "deadline", "doubtful", "first_sequence", "futures",
        "request", "session", "timer",
    )  # fmt: skip

    def __init__(
        self, acks: str | None, commands: list[bytes], futures: "list[asyncio.Future[Receipt]]",
        deadline: float,
    ) -> None:  # fmt: skip
        self.acks = acks
        self.commands = commands
        self.futures = futures
        self.deadline = deadline  # in the loop's time
        self.session = 0
        self.first_sequence = 0
        self.data = b""
        self.request: tuple[Link, int] | None = None  # the attempt under way
        self.timer: asyncio.TimerHandle | None = None  # of that attempt
        self.doubtful = False  # an earlier attempt may have taken effect


class LineWriter:
    """Sends one line's commands to whoever leads it."""

    def __init__(self, line: str, cluster: Cluster) -> None:
        self.line = line
        self._cluster = cluster
        self._limits = cluster.limits
        self._loop = asyncio.get_running_loop()
        self._pipelines: dict[str | None, Pipeline] = {}  # by the acks asked for
        self._session = random_id(cluster.random)
        self._session_is_open = False
        self._next_sequence = 1
        self._groups: dict[int, _Group] = {}  # unanswered, by first sequence, ascending
        self._leader: Link | None = None  # where groups go; None while that is unclear
        self._attempts = cluster.attempts(self._limits.write_s)  # notes and pauses only
        self._recovery: asyncio.Task[None] | None = None

    def pipeline(self, acks: str | None) -> Pipeline:
        """The pipeline of commands that ask for `acks`."""
        pipeline = self._pipelines.get(acks)
        if pipeline is None:
            pipeline = self._pipelines[acks] = Pipeline(
                partial(self._accept, acks),
                groups_in_flight_max=self._limits.groups_in_flight_max,
                queued_bytes_max=self._limits.queued_bytes_max,
            )
        return pipeline

    async def close(self, error: PlaitError) -> None:
        """Fail whatever is unanswered, with `error` if it never left."""
        for pipeline in self._pipelines.values():
            pipeline.close(error)
        if self._recovery is not None:
            self._recovery.cancel()
        for group in list(self._groups.values()):
            unknown = group.doubtful or group.request is not None
            self._fail(group, Unavailable(error.message) if unknown else error)

    # ------------------------------------------------------------------------------ sending

    def _accept(
        self, acks: str | None, commands: list[bytes], futures: "list[asyncio.Future[Receipt]]"
    ) -> None:
        """From the pipeline: number the commands and send them, or let recovery send them."""
        group = _Group(acks, commands, futures, self._loop.time() + self._limits.write_s)
        self._number(group)
        leader = self._leader
        ready = self._session_is_open and self._recovery is None
        if ready and leader is not None and leader.live:
            self._send(group, leader)
        else:
            self._recover_soon()

    def _number(self, group: _Group) -> None:
        first = self._next_sequence
        answered_below = next(iter(self._groups), first)
        self._next_sequence += len(group.commands)
        group.session, group.first_sequence = self._session, first
        group.data = encode_group(self._session, first, answered_below, group.commands)
        self._groups[first] = group

    def _send(self, group: _Group, leader: Link) -> None:
        wait_s = min(max(group.deadline - self._loop.time(), 0.001), self._limits.attempt_s)
        group.timer = self._loop.call_later(wait_s, self._attempt_is_late, group, wait_s)
        # Assigned first: a link that is lost already calls back from within `request`.
        group.request = (leader, 0)
        request_id = leader.request(
            partial(self._answered, group, leader),
            Propose, self.line, group.data, group.acks, wait_s,
        )  # fmt: skip
        if group.request is not None:
            group.request = (leader, request_id)

    # ------------------------------------------------------------------------------ answers

    def _answered(self, group: _Group, leader: Link, answer: Answer | PlaitError) -> None:
        self._end_attempt(group)
        if group.first_sequence not in self._groups:
            return
        if isinstance(answer, Applied):
            self._applied(group, answer)
        elif isinstance(answer, SessionEvicted):
            self._evicted(group, answer)
        elif isinstance(answer, BadFrame):
            self._malformed(group, answer)
        elif isinstance(answer, PlaitError) and "refused" in answer.details and not group.doubtful:
            self._forbidden(group, answer)
        elif isinstance(answer, PlaitError) and is_transient(answer):
            self._retry(group, leader, answer)
        elif isinstance(answer, PlaitError):
            self._fail(group, answer)
        else:
            self._fail(group, BadFrame(f"{leader.node} answered with {type(answer).__name__}"))

    def _applied(self, group: _Group, applied: Applied) -> None:
        failures = applied.failures
        if len(failures) == len(group.commands) and all(
            failed.code == "SessionEvicted" for _, failed in failures
        ):
            failed = failures[0][1]
            self._evicted(group, from_code(failed.code, failed.message, failed.details))
            return
        self._attempts.forget()
        self._cluster.confirm(self.line)
        resolve(group.futures, self.line, applied)
        self._done(group)

    def _evicted(self, group: _Group, error: PlaitError) -> None:
        """The session is unknown there: only groups without a past can go on, in a new one."""
        if group.session == self._session:
            self._session = random_id(self._cluster.random)
            self._session_is_open = False
        if group.doubtful:
            self._fail(group, error)
            return
        del self._groups[group.first_sequence]
        self._attempts.note("session", error)
        # Numbers go on rising across sessions, which keeps `_groups` in order.
        self._number(group)
        self._recover_soon()

    def _malformed(self, group: _Group, error: BadFrame) -> None:
        """No node takes this group: go on without those of its commands that are to blame.

        Nothing of it was ordered, so what is left is numbered anew.
        """
        commands, futures = without_malformed(group.commands, group.futures)
        if not commands or len(commands) == len(group.commands):
            self._fail(group, error)
            return
        group.commands, group.futures = commands, futures
        del self._groups[group.first_sequence]
        self._number(group)
        self._recover_soon()

    def _forbidden(self, group: _Group, error: PlaitError) -> None:
        """Some commands may not be done: go on without them. Nothing of the group was ordered."""
        why = {index: from_code(*rest) for index, *rest in error.details["refused"]}
        for index, one in why.items():
            reject(group.futures[index : index + 1], one)
        left = [index for index in range(len(group.commands)) if index not in why]
        group.commands = [group.commands[index] for index in left]
        group.futures = [group.futures[index] for index in left]
        if not left:
            self._done(group)
            return
        del self._groups[group.first_sequence]
        self._number(group)
        self._recover_soon()

    def _retry(self, group: _Group, leader: Link, error: PlaitError) -> None:
        group.doubtful = group.doubtful or not error.definite
        if leader is self._leader:  # the first of its groups to fail speaks for them all
            self._leader = None
            self._not_ready(leader.node, error)
        self._recover_soon()

    def _attempt_is_late(self, group: _Group, wait_s: float) -> None:
        """The leader is alive, or its link would be lost, but does not get this done."""
        assert group.request is not None
        leader, request_id = group.request
        leader.forget(request_id)
        self._answered(group, leader, Unavailable(f"no answer within {wait_s:g} s"))

    def _end_attempt(self, group: _Group) -> None:
        group.request = None
        if group.timer is not None:
            group.timer.cancel()
            group.timer = None

    def _fail(self, group: _Group, error: PlaitError) -> None:
        """End a group; a refusal of this attempt says nothing of those before it."""
        self._end_attempt(group)
        if group.doubtful and error.definite:
            message = f"{error.code}: {error.message}; an earlier attempt may have taken effect"
            error = Unavailable(message, **error.details)
        reject(group.futures, error)
        self._done(group)

    def _done(self, group: _Group) -> None:
        del self._groups[group.first_sequence]
        self._pipelines[group.acks].group_done()

    # ----------------------------------------------------------------------------- recovery

    def _recover_soon(self) -> None:
        if self._recovery is None:
            self._recovery = self._loop.create_task(self._run_recovery())

    async def _run_recovery(self) -> None:
        try:
            await self._recover()
        except PlaitError as error:  # the client was closed, or the leader broke the protocol
            for group in self._waiting():
                self._fail(group, error)
        finally:
            # Here, not in a done callback: a group that comes in between would be left lying.
            self._recovery = None

    def _waiting(self) -> list[_Group]:
        """Groups that no attempt is under way for, oldest first."""
        return [group for group in self._groups.values() if group.request is None]

    async def _recover(self) -> None:
        """Find the leader, open the session, send everything that waits, in order."""
        while self._drop_expired(self._waiting()):
            if self._attempts.failures:
                await self._sleep(self._attempts.pause_s())
            waiting = self._waiting()
            if not waiting:
                return
            node = self._cluster.known_leader(self.line) or "the leader"
            try:
                async with asyncio.timeout_at(min(group.deadline for group in waiting)):
                    leader = await self._cluster.leader(self.line)
                    node = leader.node
                    await self._open_session(leader)
            except TimeoutError:
                continue  # the oldest group's time is up, not everybody's
            except PlaitError as error:
                if not is_transient(error):
                    raise
                self._not_ready(node, error)
                continue
            self._leader = leader
            for group in self._waiting():
                self._send(group, leader)

    def _not_ready(self, node: str, error: PlaitError) -> None:
        """A node failed as leader, for now: note it, and learn from it who else may lead."""
        self._attempts.note(node, error)
        if isinstance(error, Busy):
            return
        if self._cluster.learn(self.line, node, error):
            self._attempts.failures -= 1  # no pause for that

    async def _open_session(self, leader: Link) -> None:
        wait_s = self._limits.attempt_s
        while not self._session_is_open:
            session = self._session
            group = encode_group(0, 0, 0, [encode(OpenSession(session))])
            applied: Applied = await leader.ask(
                Propose, self.line, group, None, wait_s, timeout_s=wait_s
            )
            for _, failed in applied.failures:
                raise from_code(failed.code, failed.message, failed.details)
            self._session_is_open = session == self._session

    async def _sleep(self, pause_s: float) -> None:
        """Pause, but no longer than until the oldest waiting group's deadline."""
        deadline = min((group.deadline for group in self._waiting()), default=0.0)
        await asyncio.sleep(max(min(pause_s, deadline - self._loop.time()), 0))

    def _drop_expired(self, waiting: Iterable[_Group]) -> bool:
        """Fail the groups that are out of time; True if others wait."""
        now, others = self._loop.time(), False
        for group in waiting:
            if now < group.deadline:
                others = True
                continue
            what = f"{len(group.commands)} commands on line {self.line!r}"
            self._fail(group, self._attempts.gave_up(what))
        return others
