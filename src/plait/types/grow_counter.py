"""A counter that only grows.

It goes back to 0 only with what holds it, when that is removed (`clear`): as any counter's reset,
this takes back what it has seen, and what was counted elsewhere meanwhile stays.

Source: the G counter of Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.1.1.
"""

from typing import Any

from plait.base.errors import BadValue
from plait.base.ports import Random
from plait.types.cells import Cells
from plait.types.graph_type import Here, Mutation
from plait.types.tally import RESET, Tally, check_amount


class GrowCounter(Tally):
    """Mutation ("add", amount); ("reset",) only for clears."""

    tag = "gc"
    least = 1

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """`BadValue` for an amount that is no int, negative or too large."""
        if len(mutation) == 2 and mutation[0] == "add":
            amount = check_amount(mutation[1])
            if amount < 0:
                raise BadValue(f"a counter that only grows takes no {amount}")
            return self.added(state, amount, here) if amount else None
        if mutation == RESET:
            return self.reset(state)
        raise self.unknown(mutation)

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """Small amounts."""
        return ("add", 1 + random.getrandbits(2))
