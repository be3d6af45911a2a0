"""What a planted mistake is, and how one is looked for."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from mistakes_worlds import WorldOf

from plait.sim.config import Config
from plait.sim.run import Outcome, simulate

Patch = pytest.MonkeyPatch


class Mistake(NamedTuple):
    """One line that is wrong, and the worlds in which that shows."""

    plant: Callable[[Patch], None]
    world: WorldOf

    @property
    def name(self) -> str:
        """What it does wrong."""
        return self.plant.__name__


def run_with(mistake: Mistake, config: Config) -> Outcome:
    """A run of a configuration with the mistake in it."""
    with pytest.MonkeyPatch.context() as patch:
        mistake.plant(patch)
        return simulate(config)
