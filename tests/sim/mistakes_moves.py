"""Mistakes in moving lines: seals, the register, going over, what is let go, who was away."""

from mistake import Mistake, Patch
from mistakes_worlds import world

from plait.engines import ending
from plait.engines.past import PastLoglet
from plait.engines.register import Register
from plait.engines.replicated import loglet as replicated
from plait.line.chain import Segment
from plait.line.loglet import Loglet, Origin
from plait.node.laggards import Laggards
from plait.node.segments import LineSegments
from plait.sim.twin_log import TwinLog


def adopts_at_the_tail_without_a_seal(patch: Patch) -> None:
    """The next segment begins at the tail as it is: appends go on there meanwhile."""

    async def tail_end(segment: Segment, loglet: Loglet) -> Origin:
        return await ending._end_at(segment, loglet, (await loglet.check_tail()).position)

    patch.setattr(ending, "sealed_end", tail_end)


def an_engine_forgets_its_seal(patch: Patch) -> None:
    """A sealed log takes what comes late."""
    right = TwinLog.append

    def append(self: TwinLog, entry: object) -> int:
        sealed, self.sealed = self.sealed, False
        position = right(self, entry)  # type: ignore[arg-type]
        self.sealed = sealed
        return position

    patch.setattr(TwinLog, "append", append)


def a_seal_is_no_end(patch: Patch) -> None:
    """What a group commits behind its seal counts."""
    patch.setattr(
        replicated.ReplicatedLoglet, "committed", property(lambda self: self.member.committed_told)
    )


def goes_over_before_it_has_read_what_ended(patch: Patch) -> None:
    """A handle takes the last segment's tail for the chain's."""
    patch.setattr(Register, "lagging", lambda self: None)


def a_segment_counts_records_anew(patch: Patch) -> None:
    """The next segment does not know how many records stand before it."""
    right = ending._end_at

    async def end_at(segment: Segment, loglet: Loglet, tail: int) -> Origin:
        return (await right(segment, loglet, tail))._replace(records=segment.base_records)

    patch.setattr(ending, "_end_at", end_at)


def a_segment_uses_epochs_again(patch: Patch) -> None:
    """The next segment does not know which epochs were used."""
    right = ending._end_at

    async def end_at(segment: Segment, loglet: Loglet, tail: int) -> Origin:
        return (await right(segment, loglet, tail))._replace(epoch=segment.base_epoch)

    patch.setattr(ending, "_end_at", end_at)


def lets_a_segment_go_before_its_state_is_on_disk(patch: Patch) -> None:
    """A restart opens only the last segment."""
    right = LineSegments.open

    async def opened(self: LineSegments, segment: Segment, stop: int | None) -> Loglet:
        return await right(self, segment, stop) if stop is None else PastLoglet(stop)

    patch.setattr(LineSegments, "open", opened)


def nobody_leads_a_group_that_has_ended(patch: Patch) -> None:
    """What was committed in it is known to nobody after all have started again."""
    patch.setattr(Laggards, "look", lambda self, host, chain: None)


moving = world(
    "moves", clients=1, think_s=0.1, work_s=6.0, calm_s=60.0,
    kill=2.0, pause=3.0, partition=3.0, engine_slow=3.0,
)  # fmt: skip
dying = world(
    "moves", clients=1, think_s=0.1, work_s=6.0, calm_s=60.0,
    power_cut=2.0, kill=2.0, engine_down=3.0, engine_cut=3.0,
)  # fmt: skip
mixed = world(
    "moves", clients=2, think_s=0.05, work_s=10.0, calm_s=60.0,
    power_cut=2.0, kill=2.0, pause=2.0, partition=2.0, engine_cut=2.0, engine_slow=2.0,
)  # fmt: skip
MISTAKES = (
    Mistake(adopts_at_the_tail_without_a_seal, moving),
    Mistake(an_engine_forgets_its_seal, moving),
    Mistake(a_seal_is_no_end, moving),
    Mistake(goes_over_before_it_has_read_what_ended, mixed),
    Mistake(a_segment_counts_records_anew, moving),
    Mistake(a_segment_uses_epochs_again, moving),
    Mistake(lets_a_segment_go_before_its_state_is_on_disk, dying),
    Mistake(nobody_leads_a_group_that_has_ended, dying),
)
