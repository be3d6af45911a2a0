"""What can be asked of a line's state, and what a feed of its changes says.

An answer to `Get` is (version, value) or None; to `Scan` a list of rows and whether more follow;
to `Count` an int, to `Ask` what the machine's query returned. Each travels as MessagePack.
"""

from typing import TypeAlias

import msgspec

from plait.types.commands import Present

Before: TypeAlias = tuple[msgspec.Raw, ...]


class Get(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """One row."""

    table: int
    key: str


class Scan(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Up to `limit` rows with start <= key < stop, in key order."""

    table: int
    start: str
    stop: str | None
    limit: int
    reverse: bool = False


class Count(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """How many rows the table holds."""

    table: int


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Run a query of a user's machine; arguments as in `Call`."""

    method: str
    args: msgspec.Raw
    kwargs: msgspec.Raw


Query: TypeAlias = Get | Scan | Count | Ask


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A row as stored."""

    key: str
    version: int
    value: msgspec.Raw


class FeedItem(msgspec.Struct, frozen=True, array_like=True):
    """One committed change of a row; value None is a removal.

    An empty key, which no row has, stands for every row: the table was cleared. `before` is the
    row's value before the command, in a tuple of one, or () if there was none; None: not known.
    Version 0, which no change has: the feed has passed that entry, and there is no change.
    """

    position: int
    offset: int
    version: int
    time_ms: int
    key: str
    value: Present | None
    last: bool  # the last change of its transaction
    before: Before | None = None

    @property
    def next(self) -> tuple[int, int]:
        """Where to go on behind it."""
        return (self.position, self.offset + 1) if self.version else (self.position + 1, 0)
