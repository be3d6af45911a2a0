"""`check_history`: is there one order of all operations that explains what everybody saw?

Each part of a history (a key, an element) is judged by itself: first by a special algorithm if the
part has the form that one asks for, else by the search. Searches take turns, with a growing share
each time, so that one hard part does not hide the violation in another; the verdict is *unknown*
when the time limit ends the last turn.

Invariant: True and False are proofs. Whatever could not be finished is None.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from plait.check import fifo, unique
from plait.check.explain import Counterexample, describe
from plait.check.history import BadHistory, History, Operations, Progress, bad, from_events
from plait.check.models import Model, Part, Queue, choose_model, model_named
from plait.check.models.register import Register
from plait.check.page import Section, render_page
from plait.check.plan import Plan
from plait.check.search import Search
from plait.check.shrink import shrink
from plait.check.world import monotonic

FIRST_TURN = 10_000  # configurations
TURN_GROWS = 8
SHRINK_LIMIT_S = 10.0


class Verdict(msgspec.Struct, frozen=True):
    """What the judge says of one history."""

    linearizable: bool | None  # None: unknown
    source: str
    model: str
    operations: int
    parts: int
    elapsed_s: float
    reason: str = ""  # why it is unknown
    counterexample: Counterexample | None = None  # if it is not linearizable

    @property
    def headline(self) -> str:
        """The answer in a few words."""
        if self.linearizable is None:
            return f"unknown: {self.reason}"
        return "linearizable" if self.linearizable else "NOT linearizable"

    @property
    def about(self) -> str:
        """What was judged, how, and how long it took."""
        size = f"{_count(self.operations, 'operation')}, {_count(self.parts, 'part')}"
        return f"{self.source}: model {self.model}, {size}, {self.elapsed_s:.2f} s"

    def explain(self) -> str:
        """The verdict in words, with the counterexample as a diagram in text."""
        found = self.counterexample
        return f"{self.headline}\n{self.about}" + (f"\n\n{found.text()}" if found else "")

    def to_html(self) -> str:
        """The verdict as one page that needs nothing else."""
        return render_page([self.section()])

    def section(self) -> Section:
        """Its part of a page about several histories."""
        return Section(self.headline, self.about, self.counterexample)

    def __bool__(self) -> bool:
        return self.linearizable is True


def check_history(
    history: History | Iterable[Mapping[str, Any]],
    model: Model | str | None = None,
    *,
    time_limit: float | None = 60.0,
    explain: bool = True,
    progress: Progress | None = None,
    clock: Callable[[], float] = monotonic,
) -> Verdict:
    """Judge a history, or an iterable of events (dicts with the fields of `Event`).

    model: an own `Model`, the name of one, or None to choose by the operations.
    time_limit: seconds; None for no limit. explain: look for a counterexample.
    progress: called with (parts judged, parts in all).
    Raises `BadHistory` if the history makes no sense for the model.
    """
    begun = clock()
    found = history if isinstance(history, History) else from_events(history)
    judge = model_named(model, found) if isinstance(model, str) else model or choose_model(found)
    case = _Case(found, begun + time_limit if time_limit is not None else None, clock)
    try:
        parts = list(judge.split(found.operations))
        linearizable, part, core = case.decide(parts, progress or (lambda done, total: None))
    except BadHistory as error:
        line = error.details.get("line", 0)
        if "file" in error.details:
            raise
        raise bad(found.source, line, error.message) from None
    counterexample = None
    if part is not None and explain:
        until = clock() + SHRINK_LIMIT_S
        smallest = shrink(part.model, core, lambda: clock() > until)
        counterexample = describe(part, smallest, core)
    return Verdict(
        linearizable, found.source, judge.name, len(found.operations), len(parts),
        clock() - begun, case.reason, counterexample,
    )  # fmt: skip


class _Case:
    """The judging of one history."""

    def __init__(
        self, history: History, deadline: float | None, clock: Callable[[], float]
    ) -> None:
        self._history = history
        self._deadline = deadline
        self._clock = clock
        self.reason = ""

    def decide(
        self, parts: list[Part], progress: Progress
    ) -> tuple[bool | None, Part | None, Operations]:
        """The verdict; if it is False, the part and operations of it that have no order."""
        waiting: list[tuple[Part, Search | None]] = [(part, None) for part in parts]
        turn = FIRST_TURN
        hopeless = 0
        while waiting:
            still: list[tuple[Part, Search | None]] = []
            for part, search in waiting:
                if self._late():
                    return self._unknown(len(waiting) + hopeless, len(parts))
                if search is None:
                    finding = special(part)
                    if finding is not None and finding.linearizable:
                        continue
                    if finding is not None:
                        return False, part, [part.operations[place] for place in finding.core]
                    search = Search(Plan(part.model, part.operations))
                answer = search.run(self._turn(search, turn))
                if answer is False:
                    return False, part, part.operations
                if search.too_large:
                    hopeless += 1
                elif answer is None:
                    still.append((part, search))
                progress(len(parts) - len(waiting) + 1, len(parts))
            waiting = still
            turn *= TURN_GROWS
        if hopeless:
            self.reason = f"{_count(hopeless, 'part')} of {len(parts)} have too many states to keep"
            return None, None, ()
        return True, None, ()

    def _turn(self, search: Search, turn: int) -> Callable[[], bool]:
        end = search.configurations + turn
        return lambda: search.configurations >= end or self._late()

    def _late(self) -> bool:
        return self._deadline is not None and self._clock() > self._deadline

    def _unknown(self, open_parts: int, parts: int) -> tuple[None, None, Operations]:
        self.reason = (
            f"the time limit ended the search; {open_parts} of {_count(parts, 'part')} undecided"
        )
        return None, None, ()


def special(part: Part) -> unique.Finding | None:
    """The verdict of an algorithm for just this form of history, if there is one."""
    if isinstance(part.model, Register):
        return unique.decide(part.model, part.operations)
    if isinstance(part.model, Queue):
        return fifo.decide(part.model, part.operations)
    return None


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
