"""Watching a table: its committed changes as an ordered, resumable feed.

A *cursor* is a place between two commands of a line, as text: ``position.offset``. The cursor of
a change resumes behind the command that made it. A transaction's changes come together, and only
the last one's cursor is behind it: who stops half way and resumes sees the transaction again from
its start, never half of it.

A watch that fails or is cancelled (by ``asyncio.wait_for``, say) goes on behind the last change
that it gave, when it is asked for the next.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from plait.api.context import Context
from plait.api.infos import TableInfo
from plait.api.messages import FeedItem
from plait.api.settings import ReadOptions
from plait.api.values import ABSENT, UNKNOWN, decode_value
from plait.api.watching import Watching
from plait.base.errors import BadValue
from plait.types.queries import Before


class Change(NamedTuple):
    """One committed change of a row. `deleted` rows have value None; `cleared` means all of them.

    `cursor` resumes behind the command that made the change; `last` marks the last of the changes
    that one transaction made, among those that are watched. `before` is the row's value before that
    command, `ABSENT` if there was no row, and `UNKNOWN` unless `Table.keep_before` asked for it
    (and of what is cleared).
    """

    key: str
    value: Any
    deleted: bool
    cleared: bool
    version: int
    time_ms: int
    cursor: str
    last: bool
    before: Any = UNKNOWN


class Batch(NamedTuple):
    """The watched changes of one transaction, or of one command; `cursor` resumes behind it."""

    changes: tuple[Change, ...]
    cursor: str
    version: int
    time_ms: int


Where: TypeAlias = Callable[[Change], bool]  # of a change without its cursor: it may be left out


class Watch(Watching):
    """An async iterator of `Change`, or, by `batches`, of transactions; made by `Table.watch`.

    From now on means: from the first ``anext``, or from entering ``async with``.
    """

    def __init__(
        self,
        context: Context,
        info: TableInfo,
        options: ReadOptions,
        start: str | None,
        keys: tuple[str, str | None],
        where: Where | None = None,
    ) -> None:
        self._context = context
        self._info = info
        self._options = options
        self._low, self._high = keys
        self._where = where
        self._next = None if start is None else decode_cursor(start)  # behind what was given
        self._feed: AsyncIterator[Sequence[FeedItem]] | None = None
        self._ready: deque[FeedItem] = deque()  # whole transactions
        self._unfinished: list[FeedItem] = []  # of a transaction whose last change is to come
        self._closed = False

    @property
    def cursor(self) -> str | None:
        """Where a new watch would go on; None before the first change was asked for."""
        return None if self._next is None else encode_cursor(*self._next)

    def __aiter__(self) -> "Watch":
        return self

    async def __anext__(self) -> Change:
        """The next change, however long that takes. See `Table.watch` for what it raises."""
        if not await self._wait():
            raise StopAsyncIteration
        return self._give(self._ready.popleft())

    def batches(self) -> "Batches":
        """The watched changes, a whole transaction at a time, as an async iterator."""
        return Batches(self)

    @property
    def ready(self) -> bool:
        """Whether there is something to give without waiting."""
        return bool(self._ready)

    async def take(self, most: int) -> list[Batch]:
        """The next transactions, at least one and at most so many; none once it is closed."""
        batches = []
        batch = await self.batch()
        while batch is not None:
            batches.append(batch)
            batch = await self.batch() if self._ready and len(batches) < most else None
        return batches

    async def batch(self) -> Batch | None:
        """The next transaction, however long that takes; None once the watch is closed."""
        if not await self._wait():
            return None
        changes = [self._give(self._ready.popleft())]
        while not changes[-1].last:
            changes.append(self._give(self._ready.popleft()))
        last = changes[-1]
        return Batch(tuple(changes), last.cursor, last.version, last.time_ms)

    async def _wait(self) -> bool:
        """Whether there is something to give, however long that takes; not once it is closed."""
        while not self._ready:
            self._context.check()
            if self._closed:
                return False
            try:
                await self._fill()
            except BaseException:
                await self._forget_feed()
                raise
        return True

    async def aclose(self) -> None:
        """End it; what was not taken is not given any more."""
        self._closed = True
        await self._forget_feed()
        self._ready.clear()

    async def __aenter__(self) -> "Watch":
        await self._locate()
        return self

    # ------------------------------------------------------------------ the feed

    async def _locate(self) -> tuple[int, int]:
        """Where to go on; the end of what is committed if nobody said."""
        if self._next is None:
            answers = await self._context.read(self._info.line, (), self._options)
            self._next = (answers.position, 0)
        return self._next

    async def _fill(self) -> None:
        if self._feed is None:
            start = await self._locate()
            self._feed = self._context.backend.follow(self._info.line, self._info.table, start)
        for item in await anext(self._feed):
            if item.version and self._is_watched(item):
                self._unfinished.append(item)
            if item.last:
                self._ready.extend(self._unfinished)
                self._unfinished.clear()
                if not self._ready:
                    self._next = item.next

    async def _forget_feed(self) -> None:
        feed, self._feed = self._feed, None
        self._unfinished.clear()
        close = getattr(feed, "aclose", None)
        if close is not None:
            await close()

    def _is_watched(self, item: FeedItem) -> bool:
        key = item.key
        if not key:  # it stands for every row: see `FeedItem`
            return True
        if key < self._low or (self._high is not None and key >= self._high):
            return False
        return self._where is None or bool(self._where(_change(item, "", False)))

    def _give(self, item: FeedItem) -> Change:
        place = (item.position, item.offset)
        more = bool(self._ready) and (self._ready[0].position, self._ready[0].offset) == place
        self._next = place if more else item.next
        return _change(item, encode_cursor(*self._next), not more)

    def __repr__(self) -> str:
        return f"<Watch on {self._info.name!r} at {self.cursor or 'now'}>"


def _change(item: FeedItem, cursor: str, last: bool) -> Change:
    return Change(
        item.key,
        None if item.value is None else decode_value(item.value[0]),
        item.value is None,
        not item.key,
        item.version,
        item.time_ms,
        cursor,
        last,
        _before(item.before),
    )


def _before(before: Before | None) -> Any:
    if before is None:
        return UNKNOWN
    return decode_value(before[0]) if before else ABSENT


class Batches:
    """An async iterator of `Batch`; made by `Watch.batches`. Cancelling ``anext`` loses none."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __aiter__(self) -> "Batches":
        return self

    async def __anext__(self) -> Batch:
        batch = await self._watch.batch()
        if batch is None:
            raise StopAsyncIteration
        return batch


def encode_cursor(position: int, offset: int) -> str:
    """A place as text."""
    return f"{position}.{offset}"


def decode_cursor(cursor: str) -> tuple[int, int]:
    """(position, offset) of a cursor; `BadValue` if it is none."""
    parts = cursor.split(".") if isinstance(cursor, str) else []
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadValue(f"not a cursor: {cursor!r}")
    position, offset = int(parts[0]), int(parts[1])
    if position >= 1 << 63 or offset >= 1 << 32:
        raise BadValue(f"not a cursor: {cursor!r}")
    return position, offset
