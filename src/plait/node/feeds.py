"""Feeds of one client: changes sent as far as its credit goes.

Invariant: at most `CREDIT` items of a feed are on the way and not yet taken by the client, so a
slow watcher costs bounded memory and loses nothing: it reads the log when it is ready.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from plait.api import messages as m
from plait.base.errors import Busy, Indefinite, PlaitError
from plait.node.local import Local
from plait.types.rights import EVERY, Prefixes

CREDIT = 4096


class Feeds:
    """The feeds that one client follows."""

    def __init__(
        self,
        local: Local,
        send: Callable[[m.Answer], None],
        readable: Callable[[int], Prefixes] = lambda table: EVERY,
    ) -> None:
        self._local = local
        self._readable = readable
        self._send = send
        self._feeds: dict[int, _Feed] = {}

    def handle(self, request: m.Follow | m.FeedCredit | m.Cancel) -> None:
        """Begin, feed or end a feed."""
        match request:
            case m.Follow():
                self._begin(request)
            case m.FeedCredit(id_, items):
                if id_ in self._feeds:
                    self._feeds[id_].credited(items)
            case m.Cancel(id_):
                feed = self._feeds.pop(id_, None)
                if feed is not None:
                    feed.task.cancel()

    def _begin(self, request: m.Follow) -> None:
        limit = self._local.node.config.limits.feeds_per_client_max
        if len(self._feeds) >= limit or request.id in self._feeds:
            error = Busy(f"a client follows at most {limit} feeds, each under its own id")
            self._send(m.Failure(request.id, error.code, error.message, {}))
            return
        self._feeds[request.id] = _Feed(
            self._local, request, self._send, self._ended, self._readable
        )

    def _ended(self, id_: int) -> None:
        self._feeds.pop(id_, None)

    def close(self) -> None:
        """End every feed."""
        for feed in self._feeds.values():
            feed.task.cancel()
        self._feeds.clear()


class _Feed:
    """One feed."""

    def __init__(
        self,
        local: Local,
        request: m.Follow,
        send: Callable[[m.Answer], None],
        ended: Callable[[int], None],
        readable: Callable[[int], Prefixes],
    ) -> None:
        self._readable = readable
        self._credit = CREDIT
        self._more = asyncio.Event()
        self._ended = ended
        self.task = asyncio.get_running_loop().create_task(self._run(local, request, send))

    def credited(self, items: int) -> None:
        """The client took some."""
        self._credit = min(self._credit + max(items, 0), CREDIT)
        self._more.set()

    async def _run(self, local: Local, request: m.Follow, send: Callable[[m.Answer], None]) -> None:
        try:
            start = request.start
            if start is None:
                # said at once, so that a feed that breaks before its first change loses none
                start = (local.node.folded(request.line).replica.applied, 0)
                send(m.Feed(request.id, (), start))
            async for items in local.follow(request.line, request.table, start):
                if not items[-1].version and not request.told_passed:
                    continue
                goes_on = items[-1].next
                if (prefixes := self._readable(request.table)) != EVERY:
                    items = _seen(items, prefixes)
                send(m.Feed(request.id, tuple(items), goes_on))
                self._credit -= len(items)
                while self._credit <= 0:
                    self._more.clear()
                    await self._more.wait()
        except PlaitError as error:
            send(m.Failure(request.id, error.code, error.message, error.details))
        except Exception as error:
            local.node.report(f"a feed failed: {type(error).__name__}: {error}", error)
            send(m.Failure(request.id, Indefinite.__name__, str(error), {}))
        self._ended(request.id)


def _seen(items: Sequence[m.FeedItem], prefixes: Prefixes) -> list[m.FeedItem]:
    """Those of some changes that may be told of; what is left of a transaction has an end too."""
    seen: list[m.FeedItem] = []
    for one in items:
        if not one.key or one.key.startswith(prefixes):
            seen.append(one)
        elif one.last and seen and seen[-1].position == one.position:
            seen[-1] = msgspec.structs.replace(seen[-1], last=True)
    return seen
