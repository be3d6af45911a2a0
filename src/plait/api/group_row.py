"""The row of a group of consumers: what is kept of it, and how one comes to hold it.

::

    nobody has it, or it was let go     taken at once, by the next epoch
    somebody holds it                   watched: taken when it was not written for a while

Invariant: whoever takes it compares and sets the very row that it has seen, so of two who try, one
gets it; and a row's epoch only rises. Absent: what a holder writes, see `plait.api.consumer`.
"""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from plait.api.context import Context
from plait.api.infos import TableInfo
from plait.api.messages import Get
from plait.api.settings import ReadOptions
from plait.api.values import ABSENT, cas_command, decode_row, decode_value
from plait.api.watch import Watch, encode_cursor
from plait.base.errors import BadSettings, Conflict, Indefinite

BEATS = 3  # signs of life in the time after which a silent consumer is followed
_LEADER = ReadOptions()


class Place(msgspec.Struct, frozen=True):
    """What is kept of a group."""

    epoch: int  # counts who held it
    held: bool
    owner: str  # for people
    cursor: str  # behind what was done; only rises
    beat: int = 0  # counts signs of life
    done: str = ""  # behind the last transaction that was done; what follows was passed over


class GroupRow:
    """One row of a table of feeds."""

    def __init__(self, context: Context, feeds: TableInfo, group: str, takeover_s: float) -> None:
        self._context = context
        self._feeds = feeds
        self._group = group
        self._takeover_s = takeover_s

    async def acquire(self, owner: str, start: str | None) -> Place:
        """Return once the group is the caller's; a new one begins at `start`, or at now."""
        while True:
            seen_from, old = await self._look()
            if old is None:
                new = Place(1, True, owner, start or seen_from, done=start or seen_from)
            else:
                new = Place(old.epoch + 1, True, owner, old.cursor, done=old.done or old.cursor)
                if old.held:
                    await self._silence(seen_from)
            try:
                if await self._swap(old, new):
                    return new
            except Indefinite:  # if it was kept after all, we follow ourselves
                await asyncio.sleep(self._takeover_s / BEATS)

    async def _silence(self, seen_from: str) -> None:
        """Return once nobody has written the row for `takeover_s`, or somebody let go of it."""
        keys = (self._group, self._group + "\0")
        async with Watch(self._context, self._feeds, _LEADER, seen_from, keys) as watch:
            with suppress(TimeoutError):
                while True:
                    change = await asyncio.wait_for(anext(watch), self._takeover_s)
                    if change.deleted or not place_of(change.value).held:
                        return

    async def _look(self) -> tuple[str, Place | None]:
        """What is there, and a cursor behind which a watch sees whatever comes."""
        query = Get(self._feeds.table, self._group)
        while True:
            try:
                answers = await self._context.read(self._feeds.line, (query,), _LEADER)
                break
            except Indefinite:
                await asyncio.sleep(self._takeover_s / BEATS)
        row = decode_row(answers.values[0])
        place = None if row is None else place_of(decode_value(row[1]))
        return encode_cursor(answers.position, 0), place

    async def _swap(self, old: Place | None, new: Place) -> bool:
        expected = ABSENT if old is None else msgspec.to_builtins(old)
        wanted = msgspec.to_builtins(new)
        command = cas_command(self._feeds.table, self._group, expected, wanted)
        try:
            await self._context.submit(self._feeds.line, command, None)
        except Conflict:
            return False
        return True


def place_of(value: Any) -> Place:
    """What the value of a row says; `BadSettings` if it is none of a group."""
    try:
        return msgspec.convert(value, Place)
    except msgspec.ValidationError as error:
        raise BadSettings(f"what is kept of a group is none: {error}") from None
