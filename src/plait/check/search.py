"""Is there an order? The search of Wing and Gong, just in time.

After Wing & Gong, "Testing and Verifying Concurrent Objects" (1993), and Lowe, "Testing for
linearizability" (2017): walk over the events; when an operation returns that was not yet given
its place in the order, it must get it now, behind none, one or several other pending operations.
Depth first, remembering configurations that led nowhere. Waiting until a return makes it necessary
loses no order, because whoever comes before it in the order is pending at that moment.

What makes it fast, each sound for every model that says the truth about its effects:

- A read takes its place as soon as the state allows it: it changes nothing, so that never hurts.
- A mutator that is legal in every state can hide right before a blind one: nobody sees it. So
  when a blind mutator is placed, all pending such ones get a *pass*: they may be placed later,
  where they are seen, but need not be.
- Of pending operations with equal effects the one that returns first is placed first.
- A configuration is pointless if another one that was tried at the same event, with the same
  state and the same mutators placed, has done no fewer reads, holds no fewer passes and has used
  no more of the indefinite operations.
- An operation that need not happen, and that was seen by nobody before the next one overwrites
  it, is left out.
- Where everything only grows (texts that are appended to), the state must remain a beginning of
  what the next read sees.

Absent: the choice of a model, the partition, special algorithms; see `judge`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from plait.check.models import ILLEGAL
from plait.check.plan import Pending, Plan, Step

CONFIGURATIONS_MAX = 1_000_000  # remembered; beyond that the earliest events' are forgotten
LOOK_EVERY = 128  # configurations between two looks at the clock
STATES_MAX = 2_000_000

# Places of operations in the order so far, the last first.
Order: TypeAlias = "tuple[int, Order] | None"


class Configuration(NamedTuple):
    """Where a walk stands: at an event that stops it, with these operations placed."""

    event: int
    placed: int  # bits of pending mutators
    passed: int  # bits of pending mutators that need no place of their own
    read: int  # bits of pending reads
    used: int  # counts of the indefinite operations, see `Plan`
    state: int
    order: Order
    behind: int = -1  # the state before the last operation, if nobody has seen that yet
    matters: bool = False  # that operation has to happen, or others hid before it


class Search:
    """One search through one plan."""

    def __init__(self, plan: Plan, *, limit: int = CONFIGURATIONS_MAX) -> None:
        """limit: configurations remembered at most; with fewer the search takes longer."""
        self._plan = plan
        self._limit = limit
        self._states: list[Any] = []
        self._state_numbers: dict[Any, int] = {}
        self._last_need: list[int] = []  # by state, see `Plan.last_need`
        self._steps: dict[tuple[int, int], int] = {}  # (state, effect) -> state, or -1
        self._tried: dict[int, dict[tuple[int, int], list[tuple[int, int, int]]]] = {}
        self._remembered = 0
        self.configurations = 0
        self.order: Order = None  # one that explains everything, once `run` said so
        first = Configuration(0, 0, 0, 0, 0, self._number(plan.model.initial), None)
        self._stack = [(first, False)]  # with: its likely way on was tried, the others were not

    @property
    def too_large(self) -> bool:
        """There are more states than may be kept: no answer will come."""
        return len(self._states) > STATES_MAX

    def run(self, until: Callable[[], bool] = lambda: False) -> bool | None:
        """There is an order that explains every operation.

        None if `until` said to stop, or the search grew too large; call again to go on.
        """
        stack = self._stack
        while stack:
            if self.configurations % LOOK_EVERY == 0 and (until() or self.too_large):
                return None
            configuration, tried = stack.pop()
            if tried:
                stack += [(found, False) for found in self._successors(configuration)]
                continue
            configuration = self._advance(configuration)
            if configuration.event == len(self._plan):
                self.order = configuration.order
                return True
            self.configurations += 1
            if not self._is_new(configuration):
                continue
            stack.append((configuration, True))
            soon = self._likely(configuration)
            if soon is not None:
                stack.append((soon, False))
        return False

    # ------------------------------------------------------------------ walking

    def _advance(self, configuration: Configuration) -> Configuration:
        """Walk on until an operation returns that has no place yet, or to the end."""
        event, placed, passed, read, used, state, order, behind, matters = configuration
        plan = self._plan
        kinds, bits, effects = plan.kind, plan.bit, plan.effect
        start, end = event, len(kinds)
        while event < end:
            kind, bit = kinds[event], bits[event]
            if kind is Step.READ_INVOKED:
                if self._step(state, effects[event]) >= 0:
                    read |= bit
                    order = (plan.operation[event], order)
            elif kind is Step.READ_RETURNED:
                if not read & bit:
                    break
                read ^= bit
            elif kind is Step.SPARE_INVOKED:
                passed |= bit
            else:
                if not placed & bit:
                    break
                placed ^= bit
            event += 1
        if event > start:
            behind = -1
        return Configuration(event, placed, passed, read, used, state, order, behind, matters)

    def _likely(self, configuration: Configuration) -> Configuration | None:
        """The way on that is most often right: the operation that returns is placed now.

        Of one with a pass that is so only if the next read to come wants to see it.
        """
        plan, event = self._plan, configuration.event
        if plan.kind[event] is not Step.MUTATOR_RETURNED:
            return None
        bit, effect = plan.bit[event], plan.effect[event]
        after = self._step(configuration.state, effect)
        if configuration.passed & bit:
            coming = plan.next_read[event]
            wanted = (
                coming < len(plan)
                and after >= 0
                and self._step(configuration.state, plan.effect[coming]) < 0
                and self._step(after, plan.effect[coming]) >= 0
            )
            if not wanted:
                return self._skip(configuration)
        item = Pending(bit, effect, plan.operation[event])
        return self._place(configuration, item, after)

    def _skip(self, configuration: Configuration) -> Configuration:
        """The operation that returns has a pass, and never gets a place of its own."""
        event = configuration.event
        return configuration._replace(
            event=event + 1, passed=configuration.passed & ~self._plan.bit[event], behind=-1
        )

    def _successors(self, configuration: Configuration) -> list[Configuration]:
        """Every way on, the most promising last (it is taken first)."""
        plan, event = self._plan, configuration.event
        own = plan.operation[event] if plan.kind[event] is Step.MUTATOR_RETURNED else -1
        goal = plan.effect[event]
        direct: list[Configuration] = []  # after these the returning operation is legal
        others: list[Configuration] = []
        if own >= 0 and configuration.passed & plan.bit[event]:
            direct.append(self._skip(configuration))
        for item, unit in self._candidates(configuration):
            after = self._step(configuration.state, item.effect)
            found = self._place(configuration, item, after, unit)
            if found is None:
                continue
            soon = item.operation == own or self._leads_to(found.state, goal)
            (direct if soon else others).append(found)
        return others[::-1] + direct[::-1]

    def _leads_to(self, state: int, goal: int) -> bool:
        if self._step(state, goal) >= 0:
            return True
        plan = self._plan
        return plan.tame and plan.model.may_reach(self._states[state], plan.effects[goal])

    def _candidates(self, configuration: Configuration) -> list[tuple[Pending, int]]:
        """Pending operations that may come next, each with its unit if it is indefinite."""
        plan, event = self._plan, configuration.event
        placed, passed, used = configuration.placed, configuration.passed, configuration.used
        owed_effects: set[int] = set()
        spare_effects: set[int] = set()
        found: list[tuple[Pending, int]] = []
        spares: list[tuple[Pending, int]] = []
        for item in plan.mutators[event]:
            if item.bit & placed or item.effect in owed_effects:
                continue
            if item.bit & passed:
                if item.effect not in spare_effects:
                    spare_effects.add(item.effect)
                    spares.append((item, 0))
            else:
                owed_effects.add(item.effect)
                found.append((item, 0))
        found += spares
        for number, kind in enumerate(plan.kinds[: plan.indefinite[event]]):
            if kind.effect in owed_effects or kind.effect in spare_effects:
                continue
            if (used & kind.field) // kind.unit < plan.available(number, event):
                place = plan.nth(number, (used & kind.field) // kind.unit)
                found.append((Pending(0, kind.effect, place), kind.unit))
        return found

    def _place(
        self, configuration: Configuration, item: Pending, after: int, unit: int = 0
    ) -> Configuration | None:
        """The configuration after `item` took its place; None if that is illegal or pointless."""
        if after < 0:
            return None
        event, placed, passed, read, used, state, order, behind, matters = configuration
        plan = self._plan
        bit, effect = item.bit, item.effect
        hidden = behind >= 0 and self._step(behind, effect) == after
        if hidden and (plan.blind[effect] or not matters):
            return None  # the operation before left no trace: it need not be there, or can hide
        if after != state and self._last_need[state] > event:
            return None  # nothing brings this state back, and somebody is still to see it
        must = not unit and not bit & passed
        had_passed, had_read = passed, read
        placed |= bit
        order = (item.operation, order)
        if plan.blind[effect]:
            passed |= plan.total_bits[event] & ~placed
        passed &= ~bit
        if after != state:
            for other in plan.reads[event]:
                if not other.bit & read and self._step(after, other.effect) >= 0:
                    read |= other.bit
                    order = (other.operation, order)
        if not self._promises(event, after, read):
            return None
        if read == had_read and self._is_detour(event, item, after, read):
            return None
        if plan.operation[event] == item.operation:
            return Configuration(event + 1, placed & ~bit, passed, read, used, after, order)
        unseen = read == had_read and (not must or plan.total[effect])
        behind, matters = state if unseen else -1, must or bool(passed & ~had_passed)
        return Configuration(
            event, placed, passed, read, used + unit, after, order, behind, matters
        )

    def _promises(self, event: int, state: int, read: int) -> bool:
        """The reads that are still to be placed, before anything but growth, may be reached."""
        plan = self._plan
        until = plan.next_reset[event]
        if until <= event:
            return True
        may_reach, value = plan.model.may_reach, self._states[state]
        coming = plan.next_read[event]
        if coming < until and not may_reach(value, plan.effects[plan.effect[coming]]):
            return False
        return all(
            item.bit & read or may_reach(value, plan.effects[item.effect])
            for item in plan.reads[event]
            if plan.read_returns[item.operation] < until
        )

    def _is_detour(self, event: int, item: Pending, state: int, read: int) -> bool:
        """A read returns, and only an overwriting leads from here to any pending one.

        What would be overwritten unseen can as well hide there, or come later.
        """
        plan = self._plan
        if not plan.tame or plan.kind[event] is not Step.READ_RETURNED:
            return False
        may_reach, value = plan.model.may_reach, self._states[state]
        return not any(
            not other.bit & read and may_reach(value, plan.effects[other.effect])
            for other in plan.reads[event]
        )

    # ------------------------------------------------------------------ remembering

    def _is_new(self, configuration: Configuration) -> bool:
        """No better configuration was tried before; it is remembered as tried."""
        event, placed, passed, read, used, state = configuration[:6]
        guards = self._plan.guards
        tried = self._tried.setdefault(event, {}).setdefault((placed, state), [])
        for had_passed, had_read, had_used in tried:
            if read & ~had_read or passed & ~had_passed:
                continue
            if ((used | guards) - had_used) & guards == guards:  # in no field more
                return False
        tried.append((passed, read, used))
        self._remembered += 1
        if self._remembered > self._limit:
            self._forget()
        return True

    def _forget(self) -> None:
        """Forget the half of the configurations that stand at the earliest events."""
        for event in sorted(self._tried):
            self._remembered -= sum(map(len, self._tried.pop(event).values()))
            if self._remembered <= self._limit // 2:
                return

    def _step(self, state: int, effect: int) -> int:
        """The state after an effect, or -1."""
        after = self._steps.get((state, effect))
        if after is None:
            found = self._plan.model.step(self._states[state], self._plan.effects[effect])
            after = self._steps[state, effect] = -1 if found is ILLEGAL else self._number(found)
        return after

    def _number(self, state: Any) -> int:
        number = self._state_numbers.get(state)
        if number is None:
            number = self._state_numbers[state] = len(self._states)
            self._states.append(state)
            self._last_need.append(self._plan.last_need.get(state, -1))
        return number


def unroll(order: Order) -> list[int]:
    """An order as a list, the first operation first."""
    places = []
    while order is not None:
        place, order = order
        places.append(place)
    return places[::-1]
