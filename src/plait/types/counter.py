"""A counter that goes up and down, and can be reset.

``reset`` takes back what it has seen; what was counted elsewhere meanwhile stays, and nothing
that was reset comes back (`plait.types.tally` says how).

Source: the PN counter of Shapiro et al., "A comprehensive study of CRDTs" (2011), 3.1.3.
"""

from typing import Any

from plait.base.causality import Dot
from plait.base.ports import Random
from plait.types.cells import Cells
from plait.types.graph_type import Here, Mutation
from plait.types.tally import RESET, TOTAL_MAX, Tally, check_amount


class Counter(Tally):
    """Mutations ("add", amount), of any sign, and ("reset",)."""

    tag = "c"

    def prepare(self, state: Cells, mutation: Mutation, here: Here) -> Any:
        """`BadValue` for an amount that is no int or too large."""
        if len(mutation) == 2 and mutation[0] == "add":
            amount = mutation[1]
            if type(amount) is not int or not -TOTAL_MAX <= amount <= TOTAL_MAX:
                check_amount(amount)
            return self.added(state, amount, here) if amount else None
        if mutation == RESET:
            return self.reset(state)
        raise self.unknown(mutation)

    def inverse(self, state: Cells, mutation: Mutation, dot: Dot) -> Mutation | None:
        """The same amount the other way; for a reset, what it takes back."""
        amount = self.value(state) if mutation == RESET else -mutation[1]
        return ("add", amount) if amount else None

    def before(self, state: Cells, mutation: Mutation, dot: Dot) -> Any:
        """The amount to add."""
        return (self.value(state) if mutation == RESET else -mutation[1]) or None

    def taking_back(self, before: Any, mutation: Mutation, dot: Dot) -> Mutation | None:
        """Add it."""
        return ("add", before)

    def gen_op(self, random: Random, state: Cells) -> Mutation:
        """Small amounts, and now and then a reset."""
        drawn = random.getrandbits(3)
        return RESET if drawn == 0 else ("add", drawn - 4 or 5)
