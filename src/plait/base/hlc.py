"""Hybrid logical clocks: stamps that never contradict causality and stay near the wall clock.

A stamp is one integer, 48 bits of milliseconds since 1970 and 16 bits of counter, so stamps
compare as integers. Source: Kulkarni et al., "Logical Physical Clocks" (2014).

Invariant: every stamp given is greater than every stamp given or observed before.

Absent: the bound on how far ahead a stamp may be; whoever receives events checks `ahead_ms` first
and quarantines, so that a wrong clock elsewhere never moves this one.
"""

from plait.base.errors import BadValue

COUNTER_BITS = 16
HLC_MAX = (1 << 64) - 1
MS_MAX = (1 << 48) - 1


def hlc_of(ms: int, counter: int = 0) -> int:
    """The stamp at `ms` milliseconds. `BadValue` if it does not fit into 48 and 16 bits."""
    if not (0 <= ms <= MS_MAX and 0 <= counter < 1 << COUNTER_BITS):
        raise BadValue(f"no stamp has {ms} ms and counter {counter}")
    return ms << COUNTER_BITS | counter


def hlc_ms(hlc: int) -> int:
    """The milliseconds since 1970 in a stamp."""
    return hlc >> COUNTER_BITS


def ahead_ms(hlc: int, now_ms: int) -> int:
    """How many milliseconds a stamp is ahead of the wall clock (negative: behind)."""
    return hlc_ms(hlc) - now_ms


class HybridClock:
    """Gives stamps; time is an argument."""

    def __init__(self, last: int = 0) -> None:
        self.last = last  # the greatest stamp given or observed

    def stamp(self, now_ms: int) -> int:
        """A stamp greater than all before, at `now_ms` if that is possible."""
        last = self.last
        physical = now_ms << COUNTER_BITS
        # a full counter carries into the milliseconds, which keeps the order
        self.last = last = physical if physical > last else last + 1
        return last

    def observe(self, hlc: int) -> None:
        """A stamp was seen: later ones given here are greater."""
        if hlc > self.last:
            self.last = hlc
