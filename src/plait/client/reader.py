"""Reads: which replica answers, and gets of one tick in one message.

`leader` asks the line's leader; `follower` asks the connected members that do not lead, in turn,
and the leader if there is none; `nearest` asks a node in the client's own zone, if it was told
its own, and of those (or of all) the one with the shortest measured round trip; one that failed a
moment ago comes last. Wherever a read goes, the session's mark goes with it: a node that has not
applied what the session has seen waits, or is passed over.
While no leader can be reached from here, `leader` asks the other members too: on a consensus line
any of them can answer as freshly, and on others they say who leads. Whether `follower` and
`nearest` may be stale is the line's to decide: on a consensus line only with a `max_lag`.
A node that is lost, is not the leader, or is too stale is passed over for the others; when all
have been tried, the next round begins after a pause, until the read's time is up.

Reads have no effect, so every attempt may be repeated. Absent: caching.
"""

import asyncio
from collections.abc import Sequence

from plait.api.messages import Get, Query, Read, ReadReply
from plait.api.pipeline import reject
from plait.api.port import Answers, Mark
from plait.api.settings import ReadOptions
from plait.base.errors import BadFrame, PlaitError, ReadOnly, TooStale
from plait.client.attempts import Attempts, is_transient
from plait.client.cluster import Cluster
from plait.client.link import Link

FOLLOWER_WAIT_S = 2.0  # for a follower to catch up, before another is asked

_BatchKey = tuple[str, int, str, float | None, Mark | None]


class _Batch:
    """Gets of one tick that one message can carry."""

    __slots__ = ("after", "futures", "line", "options", "queries")

    def __init__(self, line: str, options: ReadOptions, after: Mark | None) -> None:
        self.line = line
        self.options = options
        self.after = after
        self.queries: list[Query] = []
        self.futures: list[asyncio.Future[Answers]] = []  # one a query, at the same index


class Reader:
    """Answers reads from the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._limits = cluster.limits
        self._loop = asyncio.get_running_loop()
        self._batches: dict[_BatchKey, _Batch] = {}  # of this tick
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._reached_all_at: float | None = None
        self._failed_at: dict[str, float] = {}  # nodes that could not answer

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """See `Backend.read`."""
        if len(queries) == 1 and isinstance(queries[0], Get):
            return await self._get(line, queries[0], options, after)
        return await self._answer(line, tuple(queries), options, after)

    async def close(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ----------------------------------------------------------------------------- batches

    def _get(
        self, line: str, query: Get, options: ReadOptions, after: Mark | None
    ) -> "asyncio.Future[Answers]":
        # One table a batch: a table that is gone fails its own gets only.
        key = (line, query.table, options.source, options.max_lag_s, after)
        batch = self._batches.get(key)
        if batch is None or len(batch.queries) >= self._limits.queries_max:
            if not self._batches:
                self._loop.call_soon(self._flush)
            elif batch is not None:
                self._launch(batch)
            batch = self._batches[key] = _Batch(line, options, after)
        future: asyncio.Future[Answers] = self._loop.create_future()
        batch.queries.append(query)
        batch.futures.append(future)
        return future

    def _flush(self) -> None:
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            self._launch(batch)

    def _launch(self, batch: _Batch) -> None:
        task = self._loop.create_task(self._serve(batch))
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, batch: _Batch) -> None:
        futures = batch.futures
        try:
            answers = await self._answer(
                batch.line, tuple(batch.queries), batch.options, batch.after
            )
        except PlaitError as error:
            reject(futures, error)
            return
        finally:
            # Cancelled by `close`: nobody else will answer these.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                for future in futures:
                    future.cancel()
        epoch, position, lag_s, values = answers
        for future, value in zip(futures, values, strict=True):
            if not future.done():
                future.set_result(Answers(epoch, position, lag_s, (value,)))

    # ----------------------------------------------------------------------------- routing

    async def _answer(
        self, line: str, queries: tuple[Query, ...], options: ReadOptions, after: Mark | None
    ) -> Answers:
        attempts = self._cluster.attempts(self._limits.read_s)
        tried: list[str] = []  # nodes that failed in this round
        while True:
            node: str = options.source
            try:
                async with asyncio.timeout_at(attempts.deadline):
                    link = await self._choose(line, options, tried)
                    node = link.node
                    return await self._ask(link, line, queries, options, after, attempts)
            except TimeoutError:
                raise attempts.gave_up(f"a read of line {line!r}") from None
            except PlaitError as error:
                halted = isinstance(error, ReadOnly) and len(self._cluster.members) > 1
                if not (is_transient(error) or halted):
                    raise
                await self._failed(line, options, node, error, attempts, tried)

    async def _ask(
        self,
        link: Link,
        line: str,
        queries: tuple[Query, ...],
        options: ReadOptions,
        after: Mark | None,
        attempts: Attempts,
    ) -> Answers:
        # A leader that lost its followers answers late: leave time to find the next one.
        wait_s = min(attempts.attempt_s, self._limits.read_s / 3)
        if options.source != "leader" and len(self._cluster.members) > 1:
            wait_s = min(wait_s, FOLLOWER_WAIT_S)
        reply: ReadReply = await link.ask(
            Read, line, options, after, queries, wait_s, timeout_s=wait_s
        )
        if len(reply.answers) != len(queries):
            raise BadFrame(f"{link.node} gave {len(reply.answers)} answers to {len(queries)}")
        if options.source == "leader" and link.node == self._cluster.known_leader(line):
            self._cluster.confirm(line)
        return Answers(reply.epoch, reply.position, reply.lag_s, reply.answers)

    async def _failed(
        self,
        line: str,
        options: ReadOptions,
        node: str,
        error: PlaitError,
        attempts: Attempts,
        tried: list[str],
    ) -> None:
        """Note a failure; return when, and only if, another attempt is due."""
        attempts.note(node, error)
        if options.source == "nearest" and node in self._cluster.members:
            self._failed_at[node] = self._loop.time()
        if not attempts.left_s:
            # "Too stale" is the whole truth where it was the last word, and says more.
            raise (
                error
                if isinstance(error, TooStale)
                else attempts.gave_up(f"a read of line {line!r}")
            )
        if options.source == "leader":
            if self._cluster.learn(line, node, error):
                tried.clear()
                return
            tried.append(node)
        else:
            tried.append(node)
            links = self._cluster.live()
            if options.source == "nearest" and all(link.node in tried for link in links):
                links = await self._cluster.reach_all()  # while the zone answers, they are not
            if any(link.node not in tried for link in links):
                return
            tried.clear()
        await attempts.pause()

    async def _choose(self, line: str, options: ReadOptions, tried: list[str]) -> Link:
        cluster = self._cluster
        if options.source == "leader":
            try:
                return await cluster.leader(line)
            except PlaitError as error:
                others = [link for link in cluster.live() if link.node not in tried]
                if not is_transient(error) or not others:
                    tried.clear()
                    raise
                return cluster.take_turn(others)
        here = [link for link in cluster.live() if cluster.nearby(link)]
        if options.source != "nearest" or all(link.node in tried for link in here):
            await self._keep_reaching()
        links = [link for link in cluster.live() if link.node not in tried]
        if not links:
            return await cluster.any_link()
        if options.source == "nearest":
            for link in links:
                link.measure()
            return min(links, key=self._distance)
        leader = await self._leader_name(line)
        followers = [link for link in links if link.node != leader]
        return cluster.take_turn(followers or links)

    def _distance(self, link: Link) -> tuple[bool, bool, float]:
        """How gladly a nearest read goes there: the least first."""
        failed_at = self._failed_at.get(link.node, float("-inf"))
        failed = self._loop.time() - failed_at < self._limits.silence_s
        away = not self._cluster.nearby(link)
        return failed, away, float("inf") if link.rtt_s is None else link.rtt_s

    async def _leader_name(self, line: str) -> str | None:
        """Who leads, if that can be found out: a follower can answer without a leader."""
        known = self._cluster.known_leader(line)
        if known is not None:
            return known
        try:
            return await self._cluster.locate(line)
        except PlaitError:
            return None

    async def _keep_reaching(self) -> None:
        """Connect to all members before the first such read, and again now and then."""
        now = self._loop.time()
        if self._reached_all_at is None or now - self._reached_all_at > self._limits.silence_s:
            self._reached_all_at = now
            await self._cluster.reach_all()
