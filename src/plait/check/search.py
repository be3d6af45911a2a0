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
- Where every mutator overwrites or adds to the state (texts that are appended to), the state must
  be a beginning of what the next read saw, unless something may still overwrite it with one; and
  all states that are a beginning of nothing that is still to be read are the same.

Absent: the choice of a model, the partition, special algorithms; see `judge`.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from plait.check.plan import Pending, Plan, Step
from plait.check.states import DEAD, States

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
        self._states = States(plan)
        self._step = self._states.step
        self._tried: dict[int, dict[tuple[int, int], list[tuple[int, int, int]]]] = {}
        self._remembered = 0
        self.configurations = 0
        self.order: Order = None  # one that explains everything, once `run` said so
        first = Configuration(0, 0, 0, 0, 0, self._states.initial, None)
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
        if self._states.last_use[state] < event:
            state = DEAD
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
            skipped = None if wanted else self._skip(configuration)
            if skipped is not None:
                return skipped
        item = Pending(bit, effect, plan.operation[event])
        return self._place(configuration, item, after)

    def _skip(self, configuration: Configuration) -> Configuration | None:
        """The operation that returns has a pass, and never gets a place of its own."""
        event, placed, passed, read, used, state = configuration[:6]
        bit = self._plan.bit[event]
        if not self._promises(event, placed | bit, used, state, read):
            return None
        return configuration._replace(event=event + 1, passed=passed & ~bit, behind=-1)

    def _successors(self, configuration: Configuration) -> list[Configuration]:
        """Every way on, the most promising last (it is taken first)."""
        plan, event = self._plan, configuration.event
        own = plan.operation[event] if plan.kind[event] is Step.MUTATOR_RETURNED else -1
        goal = plan.effect[event]
        direct: list[Configuration] = []  # after these the returning operation is legal
        others: list[Configuration] = []
        if own >= 0 and configuration.passed & plan.bit[event]:
            skipped = self._skip(configuration)
            direct += [skipped] if skipped is not None else []
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
        return self._plan.tame and self._states.may_reach(state, goal)

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
        if self._states.last_use[after] < event:
            after = DEAD
        if after != state and self._states.last_need[state] > event:
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
        if not self._promises(event, placed, used + unit, after, read):
            return None
        if read == had_read and self._is_detour(event, after, read):
            return None
        if plan.operation[event] == item.operation:
            return Configuration(event + 1, placed & ~bit, passed, read, used, after, order)
        unseen = read == had_read and (not must or plan.total[effect])
        behind, matters = state if unseen else -1, must or bool(passed & ~had_passed)
        return Configuration(
            event, placed, passed, read, used + unit, after, order, behind, matters
        )

    def _promises(self, event: int, placed: int, used: int, state: int, read: int) -> bool:
        """Each pending read, and the next to come, may still see what it saw."""
        plan = self._plan
        if not plan.tame:
            return True
        coming = plan.next_read[event]
        if coming < len(plan) and not self._comes(
            event, coming, placed, used, state, plan.effect[coming]
        ):
            return False
        return all(
            item.bit & read
            or self._comes(
                event, plan.read_returns[item.operation], placed, used, state, item.effect
            )
            for item in plan.reads[event]
        )

    def _comes(
        self, event: int, until: int, placed: int, used: int, state: int, wanted: int
    ) -> bool:
        """What a read saw is there, or may come about by what can be placed until an event."""
        states, plan = self._states, self._plan
        if states.step(state, wanted) >= 0:
            return True
        effects = self._effects_until(event, until, placed, used)
        additions = [effect for effect in effects if not plan.blind[effect]]
        if states.grows_to(state, wanted, additions):
            return True
        return any(
            plan.blind[effect]
            and states.grows_to(states.step(states.initial, effect), wanted, additions)
            for effect in effects
        )

    def _effects_until(self, event: int, until: int, placed: int, used: int) -> list[int]:
        """Effects of the mutators that can be placed between two events."""
        plan = self._plan
        effects = [item.effect for item in plan.mutators[event] if not item.bit & placed]
        start = bisect_right(plan.invoked, (event, len(plan.effects)))
        end = bisect_right(plan.invoked, (until, len(plan.effects)))
        effects += [effect for _, effect in plan.invoked[start:end]]
        for number, kind in enumerate(plan.kinds):
            if plan.kind_places[number][0] > until:
                break  # they are in the order in which they become available
            left = plan.available(number, until) - (used & kind.field) // kind.unit
            effects += [kind.effect] * left
        return effects

    def _is_detour(self, event: int, state: int, read: int) -> bool:
        """A read returns, and only an overwriting leads from here to any pending one.

        What would be overwritten unseen can as well hide there, or come later.
        """
        plan = self._plan
        if not plan.tame or plan.kind[event] is not Step.READ_RETURNED:
            return False
        return not any(
            not other.bit & read and self._states.may_reach(state, other.effect)
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


def unroll(order: Order) -> list[int]:
    """An order as a list, the first operation first."""
    places = []
    while order is not None:
        place, order = order
        places.append(place)
    return places[::-1]
