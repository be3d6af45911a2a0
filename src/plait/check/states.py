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
        self._reads = sorted(plan.last_return, key=plan.last_return.__getitem__, reverse=True)
        self._grows = plan.tame and any(plan.grows)
        self._last_reader: dict[Any, int] = {}  # by the state that it needs: its return
        for effect in reversed(self._reads):
            needs = plan.model.needs(plan.effects[effect])
            self._last_reader[needs] = plan.last_return[effect]
        self.last_need = [-1]  # see `Plan.last_need`
        self.last_use = [ALWAYS]  # the last event at which a read returns that may see it
        self.initial = self._number(plan.model.initial, self._use(plan.model.initial, ALWAYS))

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
        number = self._numbers.get(found)
        if number is not None:
            return number
        # What cannot be seen now cannot be seen when it has grown.
        bound = ALWAYS if plan.blind[effect] else self.last_use[state]
        last_use = self._use(found, bound)
        return DEAD if last_use < 0 else self._number(found, last_use)

    def _number(self, state: Any, last_use: int) -> int:
        number = self._numbers[state] = len(self._states)
        self._states.append(state)
        self.last_need.append(self._plan.last_need.get(state, -1))
        self.last_use.append(last_use)
        return number

    def _use(self, state: Any, bound: int) -> int:
        """The last event, up to a bound, at which a read returns that may see a state."""
        plan = self._plan
        if self._grows:
            for read in self._reads:  # the last to return first
                returned = plan.last_return[read]
                if returned <= bound and plan.model.may_reach(state, plan.effects[read]):
                    return returned
            return -1
        if plan.tame and ILLEGAL not in self._last_reader:
            return self._last_reader.get(state, -1)
        return ALWAYS
