"""Chain, the value: which loglets, end to end, make one virtual line.

::

    position   0 ........ 120 ........ 300 ........ tail
               | segment 0 | segment 1 | segment 2 ...
                 sealed      sealed      open
    head       somewhere in the first segment

A segment is `(base, engine, params)`: position p of the chain is p - base of its loglet. Loglets
number epochs and records from their own beginning, so a segment also carries what stood before
it. The value lives in a versioned register (the metastore), and changes only by compare-and-set:

- `intending(Next(engine, params))`: the next loglet exists and is healthy; the last may be sealed
- `extended(tail, ...)`: it was sealed at `tail`; the next loglet begins there
- `intending(End())`, `ended(tail)`: the same, for the seal of the whole chain
- `trimmed(before)`: the head moves, and segments wholly below it fall away

The intent is what makes a switch resumable: whoever meets a sealed last segment finds in the
register what to do, and doing it twice does no harm.

Source: Balakrishnan et al., "Virtual Consensus in Delos" (OSDI '20). Absent: forcing the tail of
a loglet that cannot be sealed any more (it admits loss, so an operator must order it), and
copying old segments to the new engine.
"""

from bisect import bisect_right
from typing import TypeAlias

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Corrupt
from plait.line.entry import Entry, Epoch


class Next(msgspec.Struct, frozen=True, tag=True):
    """The loglet that follows when the last segment is sealed. `params` are the engine's own;
    engine and params together name one loglet, never used before."""

    engine: str
    params: bytes = b""


class End(msgspec.Struct, frozen=True, tag=True):
    """Nothing follows: the chain is sealed when its last segment is."""


Intent: TypeAlias = Next | End


class Segment(msgspec.Struct, frozen=True):
    """One loglet of the chain."""

    base: int  # chain position of the loglet's position 0
    engine: str
    params: bytes = b""
    base_epoch: int = 0  # epoch numbers of the chain used before it
    base_records: int = 0  # records before it

    @property
    def loglet(self) -> Next:
        """What names the loglet."""
        return Next(self.engine, self.params)

    def placed(self, entry: Entry) -> Entry:
        """An entry as the loglet holds it, with epoch and record index of the chain."""
        if not self.base_epoch and not self.base_records:
            return entry
        return entry.stamped(self.placed_epoch(entry.epoch), self.base_records + entry.record_index)

    def placed_epoch(self, epoch: Epoch) -> Epoch:
        """The loglet's epoch as one of the chain's: above every earlier segment's."""
        return Epoch(self.base_epoch + epoch.number, epoch.candidate)


class Configuration(msgspec.Struct, frozen=True):
    """The chain, as the register holds it. Every change gives a new one."""

    segments: tuple[Segment, ...]  # bases never decrease; only the last may be unsealed
    head: int = 0  # of what is kept; in the first segment
    intent: Intent | None = None  # set before the last segment is sealed, cleared after
    end: int | None = None  # the final tail, once the chain itself is sealed

    @property
    def last(self) -> Segment:
        """The segment that takes appends."""
        return self.segments[-1]

    def locate(self, position: int) -> int:
        """Index of the segment that holds `position`, which is at or above the head."""
        return bisect_right(self.segments, position, key=lambda segment: segment.base) - 1

    def stop(self, index: int) -> int | None:
        """The first position after segment `index`; None while it can grow."""
        if index + 1 < len(self.segments):
            return self.segments[index + 1].base
        return self.end

    # ------------------------------------------------------------------------- changes

    def intending(self, intent: Intent) -> "Configuration":
        """With the intent recorded: from here on anybody may seal the last segment."""
        assert self.intent is None, "a switch is under way"
        assert self.end is None, "the chain has ended"
        return msgspec.structs.replace(self, intent=intent)

    def completed(self, tail: int, epoch_number: int, records: int) -> "Configuration":
        """As the intent has it, the last segment being sealed at chain position `tail`.

        `epoch_number` is the highest used below `tail`, `records` how many stand there.
        """
        if isinstance(self.intent, End):
            return msgspec.structs.replace(self, intent=None, end=tail)
        assert self.intent is not None, "nothing is intended"
        follower = Segment(tail, self.intent.engine, self.intent.params, epoch_number, records)
        return msgspec.structs.replace(self, segments=(*self.segments, follower), intent=None)

    def trimmed(self, before: int) -> "Configuration":
        """With the head at `before` at least, without the segments wholly below it.

        The last segment stays, even when it is empty.
        """
        head = max(self.head, before)
        first = self.locate(head)
        return msgspec.structs.replace(self, head=head, segments=self.segments[first:])

    # ------------------------------------------------------------------------- truths

    def check(self) -> None:
        """What is true of every configuration."""
        assert self.segments, "a chain has at least one segment"
        loglets = [segment.loglet for segment in self.segments]
        assert len(set(loglets)) == len(loglets), "one loglet stands in the chain twice"
        assert self.intent not in loglets, "the next loglet stands in the chain already"
        assert self.segments[0].base <= self.head, "the head is in a segment that is not kept"
        for before, after in zip(self.segments, self.segments[1:], strict=False):
            assert before.base <= after.base, "bases decrease"
            assert before.base_epoch <= after.base_epoch, "epochs decrease"
            assert before.base_records <= after.base_records, "record indexes decrease"
        if self.end is not None:
            assert self.intent is None, "something is intended after the end"
            assert self.last.base <= self.end, "the chain ends before its last segment"
            assert self.head <= self.end, "more is trimmed than there was"

    def check_delta(self, after: "Configuration") -> None:
        """What is true of every configuration and any later one."""
        assert self.head <= after.head, "the head moved back"
        assert self.end is None or after.end == self.end, "the end moved"
        kept = tuple(each for each in self.segments if each in after.segments)
        dropped = self.segments[: len(self.segments) - len(kept)]
        assert after.last.base >= self.last.base, "the last segment fell away"
        assert dropped + kept == self.segments, "a segment fell out of the middle"
        assert after.segments[: len(kept)] == kept, "a segment was put before one that stood"
        assert not dropped or after.segments[0].base <= after.head, "a segment in use fell away"


def encode_configuration(configuration: Configuration) -> bytes:
    """As the register holds it."""
    configuration.check()
    return encode(configuration)


def decode_configuration(data: bytes) -> Configuration:
    """From the register; `Corrupt` if it holds no configuration."""
    try:
        return decode(data, type=Configuration)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the register holds no configuration of a chain: {error}") from None
