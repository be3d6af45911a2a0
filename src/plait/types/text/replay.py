"""A recorded history becomes a text, through the same calls that live editing uses.

A sequential trace is typed: `insert` and `delete`, patch after patch. A concurrent one is merged
whole, as what comes from other replicas is.

Absent on purpose: how long it took (the caller has the clock).
"""

from collections.abc import Callable
from typing import Any

from plait.base.errors import BadFrame, BadValue
from plait.types.text.state import TextState
from plait.types.text.traces import ConcurrentTrace, SequentialTrace, Trace

Progress = Callable[[int], Any]  # is told how many steps were done since the last time

PATCHES_A_STEP = 4096


def steps(trace: Trace) -> int:
    """How many steps `Progress` will hear of: patches, or events."""
    return len(trace.patches if isinstance(trace, SequentialTrace) else trace.events)


def replay(trace: Trace, progress: Progress | None = None) -> TextState:
    """The text of a trace, with its history.

    Raises `BadValue`, which names the transaction, if a position of a concurrent trace is not
    inside the text of its parents.
    """
    if isinstance(trace, SequentialTrace):
        return _typed(trace, progress)
    return _merged(trace, progress)


def _typed(trace: SequentialTrace, progress: Progress | None) -> TextState:
    state = TextState()
    insert, delete = state.insert, state.delete
    if trace.start:
        insert(0, trace.start)
    for start in range(0, len(trace.patches), PATCHES_A_STEP):
        batch = trace.patches[start : start + PATCHES_A_STEP]
        for position, deleted, inserted in batch:
            if deleted:
                delete(position, deleted)
            if inserted:
                insert(position, inserted)
        if progress is not None:
            progress(len(batch))
    return state


def _merged(trace: ConcurrentTrace, progress: Progress | None) -> TextState:
    state = TextState()
    try:
        state.add_all(trace.events)
    except BadFrame:
        raise _misfit(trace) from None
    if progress is not None:
        progress(len(trace.events))
    return state


def _misfit(trace: ConcurrentTrace) -> BadValue:
    """Which transaction it is that does not fit, found by taking one after another."""
    state = TextState()
    for event, transaction in zip(trace.events, trace.transactions, strict=True):
        try:
            state.add(*event)
        except BadFrame as error:
            return BadValue(f"transaction {transaction}: {error.message}")
    raise AssertionError("events fit one by one, and not together")
