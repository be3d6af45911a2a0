"""A consumer of a table's changes, in a group whose position is kept in the store.

::

    TABLE.feeds       a table beside TABLE, on the same line: a row for each group
    row               epoch, whether it is held, who holds it, and the cursor behind what was done

One consumer of a group holds it; others stand by. It says now and then that it is there; one that
was silent for `takeover_s` by a stand-by's own clock, or let go, is followed by the next epoch.
Every change of the row is a transaction that has read its epoch, so whoever was followed can
commit nothing any more: `Fenced`. No clock is compared with another's, and none is trusted.

Invariant: the position stands on the line that it speaks of, behind what it covers, and only moves
forward. So it is cut if that is cut, and what is done in the transaction that moves it is done
exactly once.

Deliberately absent: sharing a group's keys out among consumers. Each change has one place in one
order; who wants more hands gives ranges of keys to groups of their own.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType

import msgspec

from plait.api.context import Context
from plait.api.group_row import BEATS, GroupRow, Place, place_of
from plait.api.infos import TableInfo
from plait.api.settings import FEEDS
from plait.api.transaction import Transaction
from plait.api.watch import Batch, Watch, decode_cursor
from plait.base.codec import encode_key
from plait.base.errors import BadSettings, Closed, Conflict, Fenced, PlaitError

TAKEOVER_S = 10.0
BATCHES_MAX = 1000  # taken at once, unless somebody asks for fewer


class Consumer:
    """``async with table.consumer("index") as consumer``: entered once it holds the group.

    ``async for batch in consumer`` gives transactions; `commit` says that all up to one are done.
    """

    def __init__(
        self,
        context: Context,
        info: TableInfo,
        group: str,
        make_watch: Callable[[str], Watch],
        start: str | None,
        owner: str,
        takeover_s: float,
    ) -> None:
        encode_key(group)
        if start is not None:
            decode_cursor(start)
        if not takeover_s > 0:
            raise BadSettings(f"takeover_s={takeover_s!r} is not a number of seconds above 0")
        self._context = context
        self._info = info
        self._group = group
        self._make_watch = make_watch
        self._start = start
        self._owner = owner
        self._takeover_s = takeover_s
        self._feeds: TableInfo | None = None
        self._place: Place | None = None  # as we wrote it last; none before and after
        self._given = ""  # cursor behind what was given
        self._watch: Watch | None = None
        self._waiting: asyncio.Future[list[Batch]] | None = None  # for the watch
        self._taken: deque[Batch] = deque()  # from it, and not given yet
        self._beating: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[Fenced] | None = None
        self._turn = asyncio.Lock()  # our own writes of the row do not race each other

    @property
    def group(self) -> str:
        """Its name."""
        return self._group

    @property
    def cursor(self) -> str:
        """Behind what is done, as it was committed last."""
        return self._held().cursor

    @property
    def done(self) -> str:
        """Behind the last transaction that was committed; up to `cursor` there was none for us."""
        return self._held().done

    @property
    def epoch(self) -> int:
        """Which holder of the group this is; later ones have higher numbers."""
        return self._held().epoch

    # ------------------------------------------------------------------ what is to be done

    def __aiter__(self) -> "Consumer":
        return self

    async def __anext__(self) -> Batch:
        (batch,) = await self.take(1)
        return batch

    async def take(self, most: int = BATCHES_MAX) -> list[Batch]:
        """The next transactions, at least one and at most so many, however long that takes.

        Raises `Fenced` once another consumer holds the group, and what `Table.watch` does.
        """
        self._held()
        if not self._taken:
            await self._wait()
        batches = [self._taken.popleft() for _ in range(min(most, len(self._taken)))]
        self._given = batches[-1].cursor
        return batches

    async def _wait(self) -> None:
        """Return with something taken. Who stops waiting leaves the watch to whoever asks next."""
        assert self._watch is not None
        assert self._lost is not None
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._watch.take(BATCHES_MAX))
        await asyncio.wait((self._waiting, self._lost), return_when=asyncio.FIRST_COMPLETED)
        if self._lost.done():
            raise self._lost.result()
        waited, self._waiting = self._waiting, None
        self._taken.extend(waited.result())
        if not self._taken:
            raise Closed(f"the consumer of group {self._group!r} was closed")

    async def commit(self, batch: Batch | None = None) -> None:
        """All up to `batch` is done, or all that was given; returns when that is kept.

        `Fenced`: another consumer holds the group and will do again, or has done, what was not
        committed. After `Unavailable` it may or may not be kept; commit again.
        """
        done = self._held().cursor
        cursor = batch.cursor if batch is not None else self._given
        if decode_cursor(cursor) > decode_cursor(done):
            await self._write(cursor, cursor)

    @asynccontextmanager
    async def transaction(self, batch: Batch) -> AsyncIterator[Transaction]:
        """``async with consumer.transaction(batch) as t``: what it writes is done exactly once.

        It moves the position behind `batch` and writes what `t.on(table)` is told, of tables on
        the same line, both or neither. `Fenced`; `Conflict` if another row was changed meanwhile.
        After `Unavailable` it may or may not be done; try again: `BadSettings` if it is.
        """
        async with self._turn:
            place = self._held()
            async with Transaction(self._context, self._feeds_info()) as t:
                found = await self._found(t)
                if decode_cursor(batch.cursor) <= decode_cursor(found.cursor):
                    self._place = found
                    raise BadSettings(
                        f"the transaction at {batch.cursor} is done already: group "
                        f"{self._group!r} is at {found.cursor}"
                    )
                moved = self._moved(t, found, batch.cursor, batch.cursor)
                yield t
            self._place = moved if self._place is place else self._place

    # ------------------------------------------------------------------ holding the group

    async def __aenter__(self) -> "Consumer":
        self._context.check()
        if self._feeds is not None:
            raise Closed("a consumer is entered once; make another")
        name = self._info.name + FEEDS
        self._feeds = await self._context.backend.open_table(name, self._info.settings)
        if self._feeds.line != self._info.line:
            raise BadSettings(
                f"table {name!r} is on line {self._feeds.line}, {self._info.name!r} on "
                f"{self._info.line}: a group's position stands on the line that it speaks of"
            )
        row = GroupRow(self._context, self._feeds, self._group, self._takeover_s)
        self._place = await row.acquire(self._owner, self._start)
        self._lost = asyncio.get_running_loop().create_future()
        self._watch = self._make_watch(self._place.cursor)
        self._given = self._place.cursor
        self._beating = asyncio.create_task(self._beat(), name=f"group {self._group}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in (self._beating, self._waiting):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, PlaitError):
                    await task
        if self._watch is not None:
            await self._watch.aclose()
        if self._place is not None and not self._context.root.closed:
            with suppress(PlaitError):  # then it is followed as one that is silent
                await self._write(held=False)
        self._place = None

    # ------------------------------------------------------------------ writing the row

    async def _beat(self) -> None:
        """Say now and then that we are here, and that what was passed over is done, too."""
        while True:
            before = self._place
            await asyncio.sleep(self._takeover_s / BEATS)
            place, watch = self._place, self._watch
            if place is None or watch is None or place is not before:
                continue  # a commit says as much
            cursor = place.cursor
            if self._given == cursor and self._passes_over(watch):
                cursor = watch.cursor or cursor
            try:
                await self._write(cursor)
                if self._given == place.cursor:
                    self._given = cursor
            except Fenced:
                return
            except PlaitError:
                continue  # whoever commits learns why

    def _passes_over(self, watch: Watch) -> bool:
        """Whether nothing is to be done that stands before the watch's place."""
        waits = self._waiting is not None and not self._waiting.done()
        return not self._taken and not watch.ready and (waits or self._waiting is None)

    async def _write(self, cursor: str = "", done: str = "", held: bool = True) -> None:
        async with self._turn:
            while True:
                try:
                    async with Transaction(self._context, self._feeds_info()) as t:
                        moved = self._moved(t, await self._found(t), cursor, done, held)
                    self._place = moved
                    return
                except Conflict:  # somebody wrote the row: reading it again tells who
                    continue

    async def _found(self, t: Transaction) -> Place:
        """The row as a transaction reads it; `Fenced` if it is another's by now."""
        place = self._held()
        row = await t.get(self._group)
        found = None if row is None else place_of(row)
        if found is None or found.epoch != place.epoch:
            raise self._fence(found)
        return found

    def _moved(
        self, t: Transaction, found: Place, cursor: str, done: str, held: bool = True
    ) -> Place:
        """Write the row. What was meant before it had its turn may be behind the row by now."""
        moved = Place(
            found.epoch, held, self._owner, _later(found.cursor, cursor), found.beat + 1,
            _later(found.done or found.cursor, done),
        )  # fmt: skip
        t[self._group] = msgspec.to_builtins(moved)
        return moved

    def _fence(self, found: Place | None) -> Fenced:
        by = "nobody" if found is None else found.owner or f"epoch {found.epoch}"
        error = Fenced(
            f"group {self._group!r} of {self._info.name!r} was taken over by {by}",
            group=self._group, epoch=0 if found is None else found.epoch,
        )  # fmt: skip
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)
        return error

    def _held(self) -> Place:
        self._context.check()
        if self._lost is not None and self._lost.done():
            raise self._lost.result()
        if self._place is None:
            raise Closed("a consumer is used inside its `async with`")
        return self._place

    def _feeds_info(self) -> TableInfo:
        assert self._feeds is not None
        return self._feeds

    def __repr__(self) -> str:
        return f"<Consumer of {self._info.name!r} in group {self._group!r}>"


def _later(one: str, other: str) -> str:
    """The cursor that is further; "" is before all."""
    return other if other and decode_cursor(other) > decode_cursor(one) else one
