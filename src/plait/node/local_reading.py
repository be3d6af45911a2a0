"""Reading what this node has applied, for programs in its process and for its clients.

Absent: waiting for anything but this node; who may ask.
"""

from collections.abc import Sequence

from plait.api.messages import Count, Query
from plait.api.port import Answers, Mark
from plait.api.settings import ReadOptions
from plait.base.errors import NotLeader, PlaitError
from plait.node.alone import lead_alone
from plait.node.node import Node

READ_TIMEOUT_S = 10.0


class LocalReading:
    """The part of `plait.node.local.Local` that reads."""

    node: Node

    async def read(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers:
        """Answer from this node."""
        return await self.read_here(line, queries, options, after, READ_TIMEOUT_S)

    async def read_here(
        self,
        line: str,
        queries: Sequence[Query],
        options: ReadOptions,
        after: Mark | None,
        timeout_s: float,
    ) -> Answers:
        """Answer from this node's applied state, if it may."""
        self.node.check_open()
        host = self.node.folded(line)
        if self.node.alone and host.group is not None:
            if not host.leads:
                await lead_alone(self.node, host, timeout_s)
        elif options.max_lag_s is None and (
            host.linearizable or (host.ending and host.leads and options.source == "leader")
        ):
            await host.caught_up(timeout_s, self.node.name)
        else:
            if options.max_lag_s is not None:
                await host.fresh_enough(options.max_lag_s, timeout_s)
            try:
                host.check_freshness(options.source, options.max_lag_s, self.node.name)
            except NotLeader as error:
                raise self.node.located(line, error) from None
        answered = await host.read(queries, after, timeout_s)
        return Answers(answered.epoch, answered.position, host.lag_s(), answered.answers)

    def glance(
        self, line: str, queries: Sequence[Query], options: ReadOptions, after: Mark | None
    ) -> Answers | None:
        """Answer at once, where `read_here` would not wait either, nor refuse."""
        self.node.check_open()
        host = self.node.folded(line)
        if options.max_lag_s is not None or any(isinstance(query, Count) for query in queries):
            return None  # a count may have to flush first
        if self.node.alone and host.group is not None:
            if not host.leads:
                return None
        elif host.linearizable or host.ending:
            return None
        else:
            try:
                host.check_freshness(options.source, None, self.node.name)
            except PlaitError:
                return None
        answered = host.glance(queries, after)
        if answered is None:
            return None
        return Answers(answered.epoch, answered.position, 0.0, answered.answers)
