"""The smallest set of operations that no order explains.

Everything that is left out is left out soundly: if what remains has no order, the whole history
has none either.

- Linearizability is closed under prefixes: there is a first return up to which the history has no
  order. What was invoked later is left out, and what was pending there becomes indefinite.
- A read can be left out: it only demands.
- A mutator is not simply left out, since somebody may have seen it. It becomes *spare*: it may
  happen or not, but not after its return.
- A beginning of the history is left out if what follows cannot be explained from any state that
  some operation might have left behind.

Indefinite operations stay, unseen, in every trial: they might help, and are shown not to.
"""

import copy
from collections.abc import Callable, Hashable

from plait.check.history import Operation, Operations
from plait.check.models import ILLEGAL, Model
from plait.check.plan import Plan
from plait.check.search import Search

WINDOWS = (16, 48, 144, 432, 1296)  # operations to try to do with, from the end
STATES_MAX = 48
TRIAL_CONFIGURATIONS_MAX = 20_000


class Trials:
    """Says whether a choice of operations still has no order."""

    def __init__(self, model: Model, operations: Operations, out_of_time: Callable[[], bool]):
        self._models = [model]
        self._operations = operations
        self.out_of_time = out_of_time

    def start_anywhere(self, model: Model, states: list[Hashable]) -> None:
        """From now on the choice must have no order from any of these states."""
        self._models = []
        for state in states:
            other = copy.copy(model)
            other.initial = state
            self._models.append(other)

    def fails(self, kept: list[int], among: list[int]) -> bool:
        """`kept` has no order, whether or not the others of `among` happen."""
        wanted = set(kept)
        operations, spare = [], set()
        for place in among:
            operation = self._operations[place]
            if place in wanted or not operation.definite:
                operations.append(operation)
            else:
                spare.add(len(operations))
                operations.append(operation)
        return all(self._has_none(model, operations, spare) for model in self._models)

    def _has_none(self, model: Model, operations: Operations, spare: set[int]) -> bool:
        search = Search(Plan(model, operations, frozenset(spare)))

        def enough() -> bool:
            return search.configurations > TRIAL_CONFIGURATIONS_MAX or self.out_of_time()

        return search.run(enough) is False


def cut_at(operations: Operations, event: int) -> list[Operation]:
    """The history as it was right after an event: what was pending then is indefinite."""
    found = []
    for operation in operations:
        if operation.invoked > event:
            continue
        if operation.returned is not None and operation.returned > event:
            operation = as_indefinite(operation)
        found.append(operation)
    return found


def as_indefinite(operation: Operation) -> Operation:
    """An operation whose completion has not been seen."""
    return Operation(
        operation.process, operation.f, operation.key, operation.argument, operation.result,
        "info", operation.invoked, None, operation.started_s, None, None, False, operation.line,
    )  # fmt: skip


def shrink(
    model: Model, operations: Operations, out_of_time: Callable[[], bool]
) -> list[Operation]:
    """Operations of a part without order, definite ones, as few as time allows."""
    operations = _first_failing(model, operations, out_of_time)
    trials = Trials(model, operations, out_of_time)
    among, kept = _window(model, operations, trials)
    # Reads first: what is left is easier to judge, and to understand.
    reads = {place for place in kept if _only_reads(model, operations[place])}
    kept = _fewer(trials, among, kept, [place for place in kept if place in reads])
    kept = _fewer(trials, among, kept, kept)
    return [operations[place] for place in kept]


def _fewer(trials: Trials, among: list[int], kept: list[int], candidates: list[int]) -> list[int]:
    """`kept` without as many of the candidates as possible, in ever smaller chunks."""
    chunk = max(1, len(candidates) // 2)
    while candidates and not trials.out_of_time():
        start, lost = 0, False
        while start < len(candidates) and not trials.out_of_time():
            out = set(candidates[start : start + chunk])
            fewer = [place for place in kept if place not in out]
            if trials.fails(fewer, among):
                kept, lost = fewer, True
                candidates = candidates[:start] + candidates[start + chunk :]
            else:
                start += chunk
        if chunk == 1 and not lost:
            break
        chunk = max(1, chunk // 2)
    return kept


def _only_reads(model: Model, operation: Operation) -> bool:
    effect = model.effect(operation)
    return effect is None or model.only_reads(effect)


def _first_failing(
    model: Model, operations: Operations, out_of_time: Callable[[], bool]
) -> Operations:
    """The shortest beginning without an order, by halving; all if time is short."""
    returns = sorted(o.returned for o in operations if o.returned is not None)
    low, high = 0, len(returns) - 1  # the beginning up to `high` fails
    while low < high:
        middle = (low + high) // 2
        beginning = cut_at(operations, returns[middle])
        every = list(range(len(beginning)))
        if Trials(model, beginning, out_of_time).fails(every, every):
            high = middle
        else:
            low = middle + 1
    return cut_at(operations, returns[high]) if returns else operations


def _window(model: Model, operations: Operations, trials: Trials) -> tuple[list[int], list[int]]:
    """Places that matter, and those to keep: of the last operations, if these suffice."""
    every = list(range(len(operations)))
    definite = [place for place in every if operations[place].definite]
    states = _states(model, operations)
    returns = sorted((operations[place].returned or 0 for place in definite), reverse=True)
    for size in WINDOWS:
        if states is None or size >= len(returns) or trials.out_of_time():
            break
        begin = returns[size]
        among = [place for place in every if (operations[place].returned or begin + 1) > begin]
        # What was pending when the window begins may have happened before.
        kept = [
            place
            for place in among
            if operations[place].definite and operations[place].invoked > begin
        ]
        trials.start_anywhere(model, states)
        if trials.fails(kept, among):
            return among, kept
    trials.start_anywhere(model, [model.initial])
    return every, definite


def _states(model: Model, operations: Operations) -> list[Hashable] | None:
    """Every state that there can be, if the effects tell and there are not too many."""
    states: dict[Hashable, None] = {model.initial: None}
    for operation in operations:
        effect = model.effect(operation)
        if effect is None or model.only_reads(effect):
            continue
        makes = model.makes(effect)
        if makes is ILLEGAL:
            return None
        states[makes] = None
        if len(states) > STATES_MAX:
            return None
    return list(states)
