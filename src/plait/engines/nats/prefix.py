"""What a handle has read of its stream, from the front, without a gap: numbered and counted.

::

    position   start ............... committed ......... next
               read, can be given out      hidden: barriers with nothing behind them yet

A barrier is an entry that a handle sends only to learn where the tail is. It takes a position like
any other, but is hidden until something stands behind it, so asking for the tail does not move it.
Only so many are hidden: what nobody may trim would pile up.

Invariants: committed <= next; `records` belongs to both; a message whose sequence is not the next
one is never taken; nothing behind the first seal is. Pure: no waiting, no memory of entries.
"""

from typing import NamedTuple

from plait.base.errors import Corrupt
from plait.engines.nats.message import Message, decode_message
from plait.line.entry import Entry, Epoch, Kind
from plait.line.loglet import Origin

HIDDEN_MAX = 1024


class Mark(NamedTuple):
    """So many records stand before a position."""

    position: int
    records: int


class Gap(Exception):
    """The stream goes on behind positions that this handle has not seen."""


class Prefix:
    """Where a handle is in its stream. Begins at `start`, where so many records stand before."""

    def __init__(self, origin: Origin, start: Mark) -> None:
        self._origin = origin
        self.epoch = Epoch(origin.epoch + 1, "")
        self.next, self.records = start
        self.committed = start.position
        self.seal_at: int | None = None

    def sequence(self, position: int) -> int:
        """The stream sequence of a position."""
        return position - self._origin.position + 1

    def position(self, sequence: int) -> int:
        """The position of a stream sequence."""
        return sequence - 1 + self._origin.position

    def take(self, sequence: int, data: bytes) -> Message | None:
        """The next message, its entry stamped; None if it was taken before, or is void.

        Raises `Gap` if it is not the next one, `Corrupt` if it is nobody's.
        """
        position = self.position(sequence)
        if position < self.next or self.seal_at is not None:
            return None
        if position > self.next:
            raise Gap
        message = decode_message(data, sequence)
        stamped = self.stamp(message.entry, self.records)
        self.next, self.records = position + 1, stamped.records_end
        if stamped.kind is Kind.SEAL:
            self.seal_at = self.committed = position
        elif stamped.kind is not Kind.EPOCH or self.next - self.committed > HIDDEN_MAX:
            self.committed = self.next
        return message._replace(entry=stamped)

    def stamp(self, entry: Entry, records: int) -> Entry:
        """An entry of the stream as it stands behind so many records."""
        return entry.stamped(self.epoch, records)

    def skip(self, head: Mark) -> None:
        """Go on at the head: what was not read before it was trimmed."""
        if head.position > self.next:
            self.next, self.records = head
            self.committed = head.position

    def gone(self, sequence: int, found: int) -> Corrupt:
        """What to raise when the stream has `found` where `sequence` should be, untrimmed."""
        return Corrupt(
            f"messages {sequence} to {found - 1} are gone from the stream, and Plait did not trim "
            "them",
            sequence=sequence,
        )
