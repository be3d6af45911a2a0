"""A feed over the network: the changes of one table, in order, across broken connections.

The node sends a bounded number of changes ahead of the credit that the program's own pace
returns. After a failure, the feed goes on at another node, from the position behind the last
batch that was received. So every change comes once and in order, however often that happens.

A feed ends by being closed, or by an error that no other node would spare it, such as
`HistoryTrimmed` and `SessionLost`. While no node answers, it waits.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence

from plait.api.messages import Answer, Cancel, Feed, FeedCredit, FeedItem, Follow
from plait.base.errors import BadFrame, NotLeader, PlaitError, Unavailable
from plait.client.attempts import is_transient
from plait.client.cluster import Cluster
from plait.client.link import Link

ITEMS_MAX = 1024  # taken at once, about


class _Subscription:
    """One feed on one link: what was received and not yet taken."""

    def __init__(self, link: Link, items_max: int) -> None:
        self.link = link
        self.request_id = 0
        self._items_max = items_max
        self._items = 0  # in `_batches`
        self._batches: deque[Feed] = deque()
        self._error: PlaitError | None = None  # raised once `_batches` is empty
        self._arrived = asyncio.Event()

    def arrived(self, answer: Answer | PlaitError) -> None:
        """From the link: some changes, or the end."""
        if isinstance(answer, Feed):
            self._items += len(answer.items)
            if self._items > self._items_max:
                answer = BadFrame(f"{self.link.node} sent far more changes than were asked for")
        if isinstance(answer, Feed):
            self._batches.append(answer)
        elif isinstance(answer, PlaitError):
            self._error = answer
        else:
            self._error = BadFrame(f"{self.link.node} fed a {type(answer).__name__}")
        self._arrived.set()

    async def take(self) -> Feed:
        """What has come, or comes next; or the error that ended the feed, after the last batch."""
        while not self._batches:
            if self._error is not None:
                raise self._error
            self._arrived.clear()
            await self._arrived.wait()
        feed = self._batches.popleft()
        if self._batches:  # whoever takes is slow: fewer and larger steps
            parts = [feed]
            while self._batches and sum(len(part.items) for part in parts) < ITEMS_MAX:
                parts.append(self._batches.popleft())
            items = tuple([item for part in parts for item in part.items])
            feed = Feed(feed.id, items, parts[-1].next)
        self._items -= len(feed.items)
        return feed

    def credit(self, items: int) -> None:
        """The program took so many."""
        self.link.tell(FeedCredit(self.request_id, items))

    def cancel(self) -> None:
        """End it at both sides."""
        self.link.forget(self.request_id)
        self.link.tell(Cancel(self.request_id))


async def follow(
    cluster: Cluster, line: str, table: int, start: tuple[int, int] | None
) -> AsyncGenerator[Sequence[FeedItem], None]:
    """See `Backend.follow`. Begins when it is first asked for a batch."""
    attempts = cluster.attempts(float("inf"))
    avoid: list[str] = []  # the node that failed last
    while True:
        node, subscription = "any node", None
        try:
            link = await cluster.any_link(avoid)
            node = link.node
            subscription = _Subscription(link, cluster.limits.feed_items_max)
            subscription.request_id = link.request(
                subscription.arrived, Follow, line, table, start, True
            )
            while True:
                feed = await subscription.take()
                attempts.forget()
                if feed.items:
                    yield feed.items
                    subscription.credit(len(feed.items))
                start = feed.next
        except PlaitError as error:
            if not is_transient(error):
                raise
            attempts.note(node, error)
            avoid = [node] if isinstance(error, Unavailable | NotLeader) else avoid
        finally:
            if subscription is not None:
                subscription.cancel()
        await attempts.pause()
