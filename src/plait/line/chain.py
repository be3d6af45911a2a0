"""Chain, the value: which loglets, end to end, make one virtual line.

::

    position   0 ........ 120 ........ 300 ........ tail
               | segment 0 | segment 1 | segment 2 ...
                 sealed      sealed      open
    head       somewhere in the first segment

A segment is `(origin, engine, params)`, and its loglet counts as the chain does: it begins at the
origin, where the segment before it ends, with positions, epochs and record indexes that go on from
there. Nothing above a chain ever translates. The value lives in a versioned register (the
metastore), and changes only by compare-and-set:

- `intending(Next(engine, params))`: that engine is healthy; the last segment may be sealed
- `completed(at)`: it was sealed at `at.position`; the next loglet begins at `at`
- `intending_instead(Next(...))`: the engine that was intended is gone, and another takes its place
- `intending(End())`, `completed(at)`: the same, for the seal of the whole chain
- `forced(at, ...)`: completed although the last segment could not be sealed; this admits loss
- `trimmed(before)`: the head moves, and segments wholly below it fall away

The intent is what makes a switch resumable: whoever meets a sealed last segment finds in the
register what to do, and doing it twice does no harm.

Source: Balakrishnan et al., "Virtual Consensus in Delos" (OSDI '20); decision 13 for the numbers
and for what is forced. Absent: copying old segments to the new engine.
"""

from bisect import bisect_right
from typing import TypeAlias

import msgspec

from plait.base.codec import decode, encode
from plait.base.errors import Corrupt
from plait.line.loglet import BEGINNING, Origin

# Above the newest epoch known below a forced tail: what is lost may bear higher ones, and no epoch
# may be used twice.
EPOCHS_SKIPPED = 1 << 20
MAY_BE_LOST = "entries after this tail may be lost, acknowledged ones too"


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

    base: int  # position of its first entry
    engine: str
    params: bytes = b""
    base_epoch: int = 0  # epoch numbers up to this one were used before it
    base_records: int = 0  # records before it

    @property
    def origin(self) -> Origin:
        """Where the loglet begins."""
        return Origin(self.base, self.base_epoch, self.base_records)

    @property
    def loglet(self) -> Next:
        """What names the loglet."""
        return Next(self.engine, self.params)


class Forced(msgspec.Struct, frozen=True):
    """That a segment ends where an operator said, because its loglet could not be sealed."""

    loglet: Next
    tail: int  # where the segment ends by that
    known: int  # where it ended as far as was known: what stands between is certainly lost
    epoch: int  # of what follows; above all that may be lost
    by: str
    time_ms: int
    warning: str = MAY_BE_LOST


class Configuration(msgspec.Struct, frozen=True):
    """The chain, as the register holds it. Every change gives a new one."""

    segments: tuple[Segment, ...]  # bases never decrease; only the last may be unsealed
    head: int = 0  # of what is kept; in the first segment
    intent: Intent | None = None  # set before the last segment is sealed, cleared after
    end: int | None = None  # the final tail, once the chain itself is sealed
    forcings: tuple[Forced, ...] = ()  # oldest first; of segments that fell away, too

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

    def forcing(self, segment: Segment) -> Forced | None:
        """How the end of `segment` was forced, if it was."""
        return next((each for each in self.forcings if each.loglet == segment.loglet), None)

    # ------------------------------------------------------------------------- changes

    @classmethod
    def beginning(cls, loglet: Next, origin: Origin = BEGINNING) -> "Configuration":
        """A chain of one segment."""
        return cls((_segment(loglet, origin),), origin.position)

    def intending(self, intent: Intent) -> "Configuration":
        """With the intent recorded: from here on anybody may seal the last segment."""
        assert self.intent is None, "a switch is under way"
        assert self.end is None, "the chain has ended"
        return msgspec.structs.replace(self, intent=intent)

    def intending_instead(self, following: Next) -> "Configuration":
        """With another loglet intended than was: nothing was adopted, so nothing is in that one.

        An intent is never just withdrawn, for the last segment may be sealed already.
        """
        assert isinstance(self.intent, Next), "no next loglet is intended"
        return msgspec.structs.replace(self, intent=following)

    def completed(self, at: Origin) -> "Configuration":
        """As the intent has it, the last segment being sealed at `at.position`.

        `at.epoch` is the highest used below it, `at.records` how many stand there.
        """
        if isinstance(self.intent, End):
            return msgspec.structs.replace(self, intent=None, end=at.position)
        assert self.intent is not None, "nothing is intended"
        follower = _segment(self.intent, at)
        return msgspec.structs.replace(self, segments=(*self.segments, follower), intent=None)

    def forced(self, at: Origin, known: int, by: str, time_ms: int) -> "Configuration":
        """As the intent has it, although the last segment's loglet could not be sealed.

        `known` is its tail as far as anybody knows; `by` ordered it at `time_ms`.
        """
        after = Origin(at.position, at.epoch + EPOCHS_SKIPPED, at.records)
        record = Forced(self.last.loglet, at.position, known, after.epoch, by, time_ms)
        completed = self.completed(after)
        return msgspec.structs.replace(completed, forcings=(*self.forcings, record))

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
        forced = [each.loglet for each in self.forcings]
        assert len(set(forced)) == len(forced), "one loglet was forced twice"
        assert self.end is not None or self.last.loglet not in forced, "what goes on was forced"
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
        before = len(self.forcings)
        assert after.forcings[:before] == self.forcings, "it was forgotten what was forced"
        kept = tuple(each for each in self.segments if each in after.segments)
        dropped = self.segments[: len(self.segments) - len(kept)]
        assert after.last.base >= self.last.base, "the last segment fell away"
        assert dropped + kept == self.segments, "a segment fell out of the middle"
        assert after.segments[: len(kept)] == kept, "a segment was put before one that stood"
        assert not dropped or after.segments[0].base <= after.head, "a segment in use fell away"


def _segment(loglet: Next, origin: Origin) -> Segment:
    return Segment(origin.position, loglet.engine, loglet.params, origin.epoch, origin.records)


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
