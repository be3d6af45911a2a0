"""One way from a machine to another, and when what is sent on it arrives.

What TCP makes of lost packets is what its users see: a later arrival, of what is behind them too.
Invariant: what leaves later arrives as if it had waited for what left before.
"""

from random import Random
from typing import TYPE_CHECKING

import msgspec

from plait.sim.chance import exponential

if TYPE_CHECKING:
    from plait.sim.unruly import Unruly


class PathRules(msgspec.Struct, frozen=True):
    """How a network behaves; drawn once for a world."""

    latency_s: float = 0.0005  # of the shortest way
    jitter_s: float = 0.0002  # exponential, on top
    loss: float = 0.0  # of packets, each of which costs `resend_s`, doubled if lost again
    resend_s: float = 0.2
    bytes_per_s: float = 125e6
    give_up_s: float = 15.0  # a connection whose data is not acknowledged for so long


class Path:
    """One way from a machine to another."""

    def __init__(self, rules: PathRules, random: Random) -> None:
        self.rules = rules
        self.cut = False
        self.unruly: Unruly | None = None
        self._random = random
        self._free_at = 0.0  # when everything sent before has left

    def arrival(self, now: float, size: int) -> float:
        """When that many bytes arrive that are sent now."""
        rules = self.rules
        leaves = max(now, self._free_at) + size / rules.bytes_per_s
        self._free_at = leaves
        late = exponential(self._random, rules.jitter_s)
        if rules.loss:
            resend = rules.resend_s
            while self._random.random() < rules.loss and resend < rules.give_up_s:
                late += resend
                resend *= 2
        return leaves + rules.latency_s + late
