"""The states that a search has met, by number, and what can be seen from each.

Number 0 is `DEAD`: in a part where every mutator overwrites the state or adds to it, all states
from which nothing leads to any read that is still to come behave the same, until one of them is
overwritten. So they are one state, and the orders that led to them need not be told apart.
"""

from typing import Any

from plait.check.models import ILLEGAL
from plait.check.plan import Plan

DEAD = 0
ALWAYS = 1 << 62
PATIENCE = 200  # states looked at to find out whether a read can be reached


class States:
    """States of one search."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._states: list[Any] = [None]
        self._numbers: dict[Any, int] = {}
        self._steps: dict[tuple[int, int], int] = {}  # (state, effect) -> state, or -1
        self._reach: dict[tuple[int, int], bool] = {}
        self._patience = PATIENCE
        self._reads = sorted(plan.last_return)
        self._seen_by: list[list[int]] = [[]]  # by state: reads that growing may lead to
        self._grows = plan.tame and any(plan.grows)
        self._readers: dict[Any, list[int]] = {}  # by the state that they need
        for effect in self._reads:
            needs = plan.model.needs(plan.effects[effect])
            self._readers.setdefault(needs, []).append(effect)
        self.last_need = [-1]  # see `Plan.last_need`
        self.last_use = [ALWAYS]  # the last event at which a read returns that may see it
        self.initial = self._number(plan.model.initial, self._reads)

    def __len__(self) -> int:
        return len(self._states)

    def step(self, state: int, effect: int) -> int:
        """The state after an effect, or -1."""
        after = self._steps.get((state, effect))
        if after is None:
            after = self._steps[state, effect] = self._find(state, effect)
        return after

    def may_reach(self, state: int, read: int) -> bool:
        """Growing may lead from the state to one that the read saw; `Model.may_reach`."""
        found = self._reach.get((state, read))
        if found is None:
            plan = self._plan
            found = state != DEAD and plan.model.may_reach(self._states[state], plan.effects[read])
            self._reach[state, read] = found
        return found

    def grows_to(self, state: int, read: int, additions: list[int]) -> bool:
        """Some of the additions, each used once, lead from the state to what the read saw.

        True too if that would take too long to find out.
        """
        self._patience = PATIENCE
        return self._grow(state, read, additions)

    def _grow(self, state: int, read: int, additions: list[int]) -> bool:
        if not self.may_reach(state, read):
            return False
        self._patience -= 1
        if self._patience < 0 or self.step(state, read) >= 0:
            return True
        return any(
            self._grow(self.step(state, effect), read, additions[:place] + additions[place + 1 :])
            for place, effect in enumerate(additions)
            if effect not in additions[:place]
        )

    def _find(self, state: int, effect: int) -> int:
        plan = self._plan
        if state == DEAD:
            if plan.only_reads[effect]:
                return -1
            return self.step(self.initial, effect) if plan.blind[effect] else DEAD
        found = plan.model.step(self._states[state], plan.effects[effect])
        if found is ILLEGAL:
            return -1
        if self._grows and not plan.blind[effect]:
            return self._number(found, self._seen_by[state])
        return self._number(found, self._reads)

    def _number(self, state: Any, readers: list[int]) -> int:
        """The number of a state that at most these reads may see."""
        number = self._numbers.get(state)
        if number is not None:
            return number
        plan = self._plan
        number = self._numbers[state] = len(self._states)
        self._states.append(state)
        self.last_need.append(plan.last_need.get(state, -1))
        found = self._readers_of(state, readers)
        self._seen_by.append(found or [])
        self.last_use.append(
            ALWAYS if found is None else max(map(plan.last_return.__getitem__, found), default=-1)
        )
        return number

    def _readers_of(self, state: Any, among: list[int]) -> list[int] | None:
        """Those reads that growing may lead to from a state; None if nobody can tell."""
        plan = self._plan
        if self._grows:
            return [read for read in among if plan.model.may_reach(state, plan.effects[read])]
        if plan.tame and ILLEGAL not in self._readers:
            return self._readers.get(state, [])
        return None
