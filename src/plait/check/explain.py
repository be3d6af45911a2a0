"""A counterexample for people: which operations, when, and why no order of them works.

Invariant: the operations that are shown have no order by themselves; those left out would not
have helped (see `shrink`).
"""

from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

from plait.check.diagram import draw
from plait.check.history import Operation, Operations, Process
from plait.check.models import ILLEGAL, Model, Part
from plait.check.models.base import show

NODES_MAX = 20_000
DEAD_ENDS_SHOWN = 4
LABEL_MAX = 40
MAKERS_SHOWN = 10  # of what can be appended to
MAKERS_DEEP = 3  # a cas that made what was seen saw something itself
SHOWN_MAX = 40

_ANSWERS = ("read", "get", "contains", "dequeue")  # that matter even if they are null


class Counterexample(msgspec.Struct, frozen=True):
    """Operations of one part that no order explains."""

    part: str  # which key, "" if there is only one
    operations: tuple[Operation, ...]
    reasons: tuple[str, ...]  # one dead end each
    left_out: int = 0  # operations of the part that are not shown

    def text(self) -> str:
        """A space–time diagram and the reasons, in plain text."""
        where = f"{self.part}: " if self.part else ""
        lines = [f"{where}no order explains these {len(self.operations)} operations:", ""]
        lines += draw([(o, label(o)) for o in self.operations])
        lines += ["", *self.reasons]
        if self.left_out:
            lines += ["", f"({self.left_out_text})"]
        return "\n".join(lines)

    @property
    def left_out_text(self) -> str:
        """What became of the operations that are not shown."""
        more = f"{self.left_out:,} more operation{'' if self.left_out == 1 else 's'}"
        return f"{more} left out: whether or not they took effect, no order works"

    @property
    def processes(self) -> list[Process]:
        """Who takes part, in the order of their first invocation."""
        return list(dict.fromkeys(operation.process for operation in self.operations))


def describe(part: Part, core: Operations, around: Operations) -> Counterexample:
    """The counterexample that a core of `part` is.

    around: operations of the part that were there. Those that may have made what the core saw are
    shown too: that does not help the core, and answers the reader's first question.
    """
    chosen = list(core)
    if len(chosen) > SHOWN_MAX:
        chosen = sorted(chosen, key=lambda o: o.returned or 0)[-SHOWN_MAX:]
    shown = list(chosen)
    for _ in range(MAKERS_DEEP):
        shown += list(_makers(part.model, shown, around))
    shown.sort(key=lambda operation: operation.invoked)
    left_out = len(part.operations) - len(shown)
    if len(core) > SHOWN_MAX:
        reason = f"There was no time to find fewer; the last {SHOWN_MAX} of {len(core)} are shown."
        return Counterexample(part.label, tuple(shown), (reason,), left_out)
    ends = _dead_ends(part.model, shown)
    reasons = [_reason(part.model, shown, order, state) for order, state in ends]
    if not reasons:
        reasons = ["Too many orders to list: each of them contradicts what somebody saw."]
    return Counterexample(part.label, tuple(shown), tuple(dict.fromkeys(reasons)), left_out)


def label(operation: Operation) -> str:
    """``write 3``, ``read → 3``, ``cas 3 → 4 refused``."""
    text = operation.f
    given, got = operation.argument, operation.result
    if operation.f == "cas" and isinstance(given, (list, tuple)) and len(given) == 2:
        text += f" {show(given[0])}→{show(given[1])}"
    elif given is not msgspec.UNSET and given is not None:
        text += f" {show(given)}"
    if operation.refused:
        text += " refused"
    elif operation.definite and (got != given or operation.f in _ANSWERS):
        text += f" → {show(got)}" if got is not msgspec.UNSET else ""
    return text if len(text) <= LABEL_MAX else text[: LABEL_MAX - 1] + "…"


def _makers(model: Model, core: Operations, around: Operations) -> Iterator[Operation]:
    """Operations that may have made the states that the core saw, the latest for each."""
    shown = {operation.invoked for operation in core}
    mutators = [operation for operation in around if _mutates(model, operation)]
    if len(mutators) <= MAKERS_SHOWN:
        yield from (o for o in mutators if o.invoked not in shown and _unclear(model, o))
    needed: dict[Hashable, int] = {}  # with: the latest return of who saw it
    for operation in core:
        state = _needs(model, operation)
        if state is not ILLEGAL and state != model.initial:
            needed[state] = max(needed.get(state, 0), operation.returned or 0)
    for state, returned in needed.items():
        found = [
            (operation, effect)
            for operation in mutators
            if operation.invoked < returned
            and model.contributes(effect := model.effect(operation), state)
        ]
        growing = [operation for operation, effect in found if model.grows(effect)]
        others = [operation for operation, effect in found if not model.grows(effect)]
        for operation in [*growing[-MAKERS_SHOWN:], *others[-1:]]:
            if operation.invoked not in shown:
                shown.add(operation.invoked)
                yield operation


def _mutates(model: Model, operation: Operation) -> bool:
    effect = model.effect(operation)
    return effect is not None and not model.only_reads(effect)


def _unclear(model: Model, operation: Operation) -> bool:
    effect = model.effect(operation)
    return model.makes(effect) is ILLEGAL and not model.grows(effect)


def _needs(model: Model, operation: Operation) -> Hashable:
    effect = model.effect(operation)
    return ILLEGAL if effect is None else model.needs(effect)


def _dead_ends(model: Model, operations: Operations) -> list[tuple[list[int], Any]]:
    """The longest orders that contradict nothing, each with the state that it ends in.

    Empty if there are too many orders to look at.
    """
    effects = [model.effect(operation) for operation in operations]
    seen: set[tuple[frozenset[int], Any]] = set()
    best: list[tuple[list[int], Any]] = []
    stack: list[tuple[list[int], Any]] = [([], model.initial)]
    while stack:
        order, state = stack.pop()
        key = (frozenset(order), state)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > NODES_MAX:
            return []
        length = len(best[0][0]) if best else -1
        if len(order) > length:
            best = []
        if len(order) >= length:
            best.append((order, state))
        for place in next_ones(operations, order):
            effect = effects[place]
            after = state if effect is None else model.step(state, effect)
            if after is not ILLEGAL:
                stack.append(([*order, place], after))
    return best[:DEAD_ENDS_SHOWN]


def next_ones(operations: Operations, order: list[int]) -> list[int]:
    """Who may come next: invoked before any other that is left returned."""
    left = [place for place in range(len(operations)) if place not in order]
    returns = [returned for place in left if (returned := operations[place].returned) is not None]
    first = min(returns, default=None)
    return [place for place in left if first is None or operations[place].invoked < first]


def _reason(model: Model, operations: Operations, order: list[int], state: Any) -> str:
    state_text = model.show_state(state)
    if order:
        names = ", ".join(_name(operations[place]) for place in order)
        start = f"After {names} {state_text};"
    else:
        start = f"At first {state_text};"
    blocked = [
        _name(operations[place])
        for place in next_ones(operations, order)
        if operations[place].definite
    ]
    if len(blocked) == 1:
        return f"{start} only {blocked[0]} can come next, and contradicts that."
    if not blocked:
        return f"{start} nothing that can come next fits."
    return f"{start} one of {', '.join(blocked)} must come next, and each contradicts that."


def _name(operation: Operation) -> str:
    doubt = "" if operation.definite else " (perhaps)"
    return f"[{operation.process}] {label(operation)}{doubt}"
