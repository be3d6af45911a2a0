"""The feed: the committed changes of one table, read back from the log.

It re-reads the entries that the replica has applied and leaves out the commands that had no
effect (failed conditions, retries), which the fold noted, as it does what rows were before (where
that is asked for: `types.before`). So a feed needs no memory of its own,
begins anywhere in the kept log, and shows the same changes at every replica: with the times that
leaders stamped, which may go back, for a running maximum would depend on where the feed began.

A feed that has passed over much without a change says so by an item of version 0, which no change
has: a reader need not go back to before its position.

Items of one command share (position, offset); a list never ends in the middle of a command, so a
reader continues from (position, offset + 1) of the last item that it took.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, MutableMapping
from weakref import WeakKeyDictionary

import msgspec

from plait.base.errors import HistoryTrimmed, Refused, SessionLost
from plait.engines.replica import Replica
from plait.line.entry import Entry, Epoch, Kind
from plait.types.before import is_kept
from plait.types.commands import (
    ClearTable,
    Command,
    CompareAndSet,
    Delete,
    Present,
    Put,
    Transact,
    decode_payload,
)
from plait.types.keys import (
    BEFORE,
    INEFFECTIVE,
    OFFSETS_MAX,
    before_key,
    decode_place,
    decode_run,
    place_key,
    row_value,
)
from plait.types.queries import Before, FeedItem

ITEMS_MAX = 1024  # in one list, about: a command's items stay together
BEFORE_BYTES_MAX = 8 << 20  # of values before, in one list; more in one command are not told
UNHEARD_S = 0.05
ENTRIES_BYTES = 1 << 18  # of log read at a time
PASSED_BYTES = 1 << 20  # of log without a change, after which a feed says where it is
SHARED_MAX = 64  # entries of a replica that are kept for other feeds
SHARED_BYTES_MAX = 1 << 14  # longer ones are not

Write = tuple[str, Present | None]
_Place = tuple[int, int, Epoch]  # table, position, epoch
_Recent = OrderedDict[_Place, list[list[FeedItem]]]

_recent: MutableMapping[Replica, _Recent] = WeakKeyDictionary()  # what feeds share, by replica


async def follow(
    replica: Replica, table: int, start: tuple[int, int] | None = None
) -> AsyncIterator[list[FeedItem]]:
    """Changes of `table` from (position, offset) `start`, or from now on, and all that follow.

    Raises `HistoryTrimmed` if the log no longer has what is next, `SessionLost` if entries that
    were shown have been cut.
    """
    position, offset = (replica.applied, 0) if start is None else start
    epoch: Epoch | None = None  # of the entry before `position`, once one was read
    passed = 0
    while True:
        mark = None if epoch is None else (epoch, position)
        await replica.wait_applied(position + 1, mark=mark)
        entries = await replica.loglet.read(position, replica.applied, ENTRIES_BYTES)
        if not entries:  # the state is ahead of what the loglet has heard since it was opened
            await asyncio.sleep(UNHEARD_S)
        items: list[FeedItem] = []
        size = 0  # of what they tell of before
        for entry in entries:
            if position >= replica.applied:  # it was rebuilt meanwhile, and has to catch up
                break
            error = _lost(replica, position, entry)
            if error is not None:
                if items:
                    yield items
                raise error
            passed += len(entry.payload)
            for more in _shared(replica, table, position, offset, entry):
                passed = 0
                more_bytes = _before_bytes(more)
                full = len(items) + len(more) > ITEMS_MAX or size + more_bytes > BEFORE_BYTES_MAX
                if items and full:
                    yield items
                    items, size = [], 0
                items += more
                size += more_bytes
            epoch = entry.epoch
            position, offset = position + 1, 0
            if passed >= PASSED_BYTES:
                passed = 0
                items.append(FeedItem(position - 1, 0, 0, entry.time_ms, "", None, True))
            await asyncio.sleep(0)
        if items:
            yield items


def _shared(
    replica: Replica, table: int, position: int, start: int, entry: Entry
) -> Iterable[list[FeedItem]]:
    """What an entry changed; made once for all feeds that ask for it about now."""
    if start or len(entry.payload) > SHARED_BYTES_MAX:
        return _changes(replica, table, position, start, entry)
    recent = _recent.setdefault(replica, OrderedDict())
    place = (table, position, entry.epoch)
    found = recent.get(place)
    if found is None:
        found = recent[place] = list(_changes(replica, table, position, 0, entry))
        if len(recent) > SHARED_MAX:
            recent.popitem(last=False)
    return found


def _before_bytes(items: list[FeedItem]) -> int:
    return sum(len(item.before[0]) for item in items if item.before)


def _lost(replica: Replica, position: int, entry: Entry) -> Refused | None:
    """Why an entry cannot be told: notes on commands are dropped with the log they belong to."""
    if position < replica.loglet.head:
        return HistoryTrimmed(
            f"position {position} is below {replica.loglet.head}", head=replica.loglet.head
        )
    if replica.epochs.lost(entry.epoch, position + 1, replica.applied):
        return SessionLost(f"position {position} of epoch {entry.epoch} was cut")
    return None


def _changes(
    replica: Replica, table: int, position: int, start: int, entry: Entry
) -> Iterator[list[FeedItem]]:
    if entry.kind is not Kind.DATA or entry.records <= start:
        return
    ineffective = _ineffective(replica, position)
    commands = [command for group in decode_payload(entry.payload) for command in group.commands]
    kept = is_kept(replica.view, table)
    items: list[FeedItem] = []
    size = 0  # of what `items` tell of before
    for offset, command in enumerate(commands):
        if offset < start or offset in ineffective:
            continue
        writes = _writes(command, table)
        version = entry.record_index + offset + 1
        befores = _befores(replica, position, offset, table, writes) if kept else []
        more = sum(len(before[0]) for before in befores if before)
        if items and size + more > BEFORE_BYTES_MAX:
            yield items
            items, size = [], 0
        size += more
        for rank, (key, value) in enumerate(writes, start=1):
            last = rank == len(writes)
            before = befores[rank - 1] if befores else None
            items.append(
                FeedItem(position, offset, version, entry.time_ms, key, value, last, before)
            )
        if len(items) >= ITEMS_MAX:
            yield items
            items, size = [], 0
    if items:
        yield items


def _ineffective(replica: Replica, position: int) -> set[int]:
    """Offsets of the entry's commands that had no effect; only ever asked for membership."""
    first, stop = place_key(position, 0), place_key(position + 1, 0)
    notes = replica.view.scan(INEFFECTIVE, first, stop, OFFSETS_MAX)
    offsets: set[int] = set()
    for key, count in notes:
        offset = decode_place(key)[1]
        offsets.update(range(offset, offset + decode_run(count)))
    return offsets


def _befores(
    replica: Replica, position: int, offset: int, table: int, writes: list[Write]
) -> list[Before | None]:
    """What the written rows were; None where that is not known, or too much."""
    befores: list[Before | None] = []
    size = 0
    for key, _ in writes:
        row = replica.view.get(BEFORE, before_key(position, offset, table, key.encode()))
        size += len(row or b"")
        if row is None or size > BEFORE_BYTES_MAX:
            befores.append(None)
        else:
            befores.append((msgspec.Raw(row_value(row)),) if row else ())
    return befores


def _writes(command: Command, table: int) -> list[Write]:
    """What an effective command wrote to `table`; of several writes to a key, the last."""
    match command:
        case Put(table=written, key=key, value=value) if written == table:
            return [(key, (value,))]
        case Delete(table=written, key=key) if written == table:
            return [(key, None)]
        case CompareAndSet(table=written, key=key, value=wanted) if written == table:
            return [(key, wanted)]
        case Transact(writes=writes):
            return list(
                {write.key: write.value for write in writes if write.table == table}.items()
            )
        case ClearTable(table=written) if written == table:
            return [("", None)]
        case _:
            return []
