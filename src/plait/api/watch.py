"""Watching a table: its committed changes as an ordered, resumable feed."""

from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from plait.api.messages import TableInfo
from plait.api.port import Backend
from plait.api.values import decode_value
from plait.base.errors import BadValue


class Change(NamedTuple):
    """One committed change of a row. `deleted` rows have value None; `cleared` means all of them.

    `cursor` resumes behind the command that made the change; `last` marks the last change of a
    transaction.
    """

    key: str
    value: Any
    deleted: bool
    cleared: bool
    version: int
    time_ms: int
    cursor: str
    last: bool


async def watch(
    backend: Backend, info: TableInfo, start: str | None, keys: tuple[str, str | None]
) -> AsyncIterator[Change]:
    """Changes of the rows with keys[0] <= key < keys[1], from behind the cursor `start`."""
    low, high = keys
    begin = None if start is None else decode_cursor(start)
    async for items in backend.follow(info.line, info.table, begin):
        for item in items:
            cleared = item.key == ""
            if not cleared and (item.key < low or (high is not None and item.key >= high)):
                continue
            yield Change(
                item.key,
                None if item.value is None else decode_value(item.value[0]),
                item.value is None,
                cleared,
                item.version,
                item.time_ms,
                f"{item.position}.{item.offset + 1}",
                item.last,
            )


def decode_cursor(cursor: str) -> tuple[int, int]:
    """(position, offset) of a cursor; `BadValue` if it is none."""
    try:
        position, offset = (int(part) for part in cursor.split("."))
    except (AttributeError, ValueError):
        raise BadValue(f"not a cursor: {cursor!r}") from None
    if position < 0 or offset < 0:
        raise BadValue(f"not a cursor: {cursor!r}")
    return position, offset
