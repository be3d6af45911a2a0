"""Delivery: from a consumer of a group into a sink.

Invariant: the group's position never passes what the sink has said to be durable. So after a
crash the sink may be ahead of the group, never behind; what it has already is passed over, and
must be what the log has, or the log was cut beneath it.
"""

from collections.abc import Sequence

from plait.api.consumer import TAKEOVER_S
from plait.api.table import Table
from plait.api.watch import Batch, Where, decode_cursor
from plait.base.errors import BadSettings, SessionLost
from plait.sinks.sink import Mark, Sink, mark_of


async def deliver(
    table: Table,
    group: str,
    sink: Sink,
    start: str | None = None,
    *,
    first: str | None = None,
    last: str | None = None,
    prefix: str | None = None,
    where: Where | None = None,
    owner: str = "",
    takeover_s: float = TAKEOVER_S,
    limit: int | None = None,
) -> int:
    """Deliver changes into `sink` for ever, or until `limit` changes are there; how many.

    Waits until this is the group's consumer; `Table.consumer` says what the arguments are.
    Raises what the sink does; `Fenced`, `HistoryTrimmed`; `BadSettings` if the sink holds less
    than the group has done, `SessionLost` if it holds what the log has not.
    """
    consumer = table.consumer(
        group, start, first=first, last=last, prefix=prefix, where=where, owner=owner,
        takeover_s=takeover_s,
    )  # fmt: skip
    delivered = 0
    async with consumer:
        try:
            mark = await sink.open(consumer.cursor)
            ahead = _ahead(mark, consumer.done, consumer.cursor, group)
            while limit is None or delivered < limit:
                most = sink.most if limit is None else min(sink.most, limit - delivered)
                batches = await consumer.take(most)
                if ahead is not None:
                    ahead, batches = _pass_over(ahead, batches)
                if batches:
                    await sink.write(batches)
                await consumer.commit()
                delivered += sum(len(batch.changes) for batch in batches)
        finally:
            await sink.close()
    return delivered


def _ahead(mark: Mark | None, done: str, cursor: str, group: str) -> Mark | None:
    """What the sink has beyond the group's position, if anything.

    From `done` to `cursor` there was nothing for it.
    """
    if mark is None or mark.cursor in (done, cursor):
        return None
    if decode_cursor(mark.cursor) < decode_cursor(cursor):
        raise BadSettings(
            f"the sink ends at {mark.cursor} and group {group!r} did {done}: what is between "
            "went elsewhere. Give the sink a group of its own, or the group a new sink"
        )
    return mark


def _pass_over(ahead: Mark, batches: Sequence[Batch]) -> tuple[Mark | None, list[Batch]]:
    """What is still to be passed over, and what is to be written."""
    for number, batch in enumerate(batches):
        if batch.cursor == ahead.cursor and mark_of(batch) == ahead:
            return None, list(batches[number + 1 :])
        if decode_cursor(batch.cursor) >= decode_cursor(ahead.cursor):
            raise SessionLost(
                f"the sink has a transaction at {ahead.cursor} that the feed has not: the log was "
                "cut beneath it, or it was filled from other keys"
            )
    return ahead, []
