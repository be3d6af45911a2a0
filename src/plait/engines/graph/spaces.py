"""The state file of a graph: which rows it has, and which prefix of the log they stand for.

::

    META      place, scope, held, lost, entrusted   replaced by every flush
    DOCUMENTS the shelf's rows
    HISTORY   blocks of retained batches            see `archive`

Invariant: all rows are written in one transaction with the place, so the file always is the fold
of the log's rows below `Place.position`.
"""

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Corrupt, UnknownFormat
from plait.base.ports import StateStorage
from plait.engines.overlay import Overlay

META, DOCUMENTS, HISTORY = 0, 1, 2
VERSION = 1
PLACE, SCOPE, HELD, LOST = b"place", b"scope", b"held", b"lost"
ENTRUSTED = b"entrusted"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """What the rows stand for."""

    version: int
    epoch: int  # of the hard state; rows of an earlier one count for nothing
    position: int  # rows of the log that are folded in
    block: int  # number of the next block of history
    live: int  # blocks before this one are below the floor
    complete: bool  # the blocks go back to the beginning


class Space:
    """One space of an overlay, as the shelf reads it."""

    def __init__(self, view: Overlay, space: int) -> None:
        self._view = view
        self._space = space

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        return self._view.get(self._space, key)

    def scan(self, start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` pairs with start <= key < stop, in key order."""
        return self._view.scan(self._space, start, stop, limit)


class NoRows:
    """A shelf's rows when there are none: a private shelf that is built from events."""

    def get(self, key: bytes) -> bytes | None:
        """Nothing."""
        return None

    def scan(self, start: bytes, stop: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        """Nothing."""
        return []


def load_place(state: StateStorage) -> Place | None:
    """Where the state file stands; None for an empty one. `Corrupt` or `UnknownFormat`."""
    data = state.get(META, PLACE)
    if data is None:
        return None
    try:
        place = decode(data, type=Place)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the place of a graph's state cannot be read: {error}") from error
    if place.version != VERSION:
        raise UnknownFormat(f"a graph of version {place.version}, this reads {VERSION}")
    return place


def put_place(view: Overlay, place: Place) -> None:
    """Have the next flush write where it stands."""
    view.put(META, PLACE, encode(place))
