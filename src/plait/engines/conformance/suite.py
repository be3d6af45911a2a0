"""The suite: which checks there are, how one is run, and what a report says."""

import asyncio
import inspect
import traceback
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, TypeAlias

from plait.engines.conformance import lifetime, order, reading, sealing, trimming
from plait.engines.conformance.engine import Engine

Check: TypeAlias = Callable[[Engine], Awaitable[None]]
Make: TypeAlias = Callable[[], AbstractAsyncContextManager[Engine]]

CHECKS: tuple[Check, ...] = (
    *order.CHECKS,
    *reading.CHECKS,
    *sealing.CHECKS,
    *trimming.CHECKS,
    *lifetime.CHECKS,
)


class Failure(NamedTuple):
    """One promise that was not kept."""

    check: str
    promise: str
    problem: str
    error: BaseException

    def __str__(self) -> str:
        return f"{self.check}\n    promised: {self.promise}\n    but: {self.problem}"


class Report(NamedTuple):
    """What the suite found."""

    passed: list[str]
    skipped: list[str]  # the engine cannot be reopened or crashed
    failed: list[Failure]

    def __str__(self) -> str:
        counts = (
            f"{len(self.passed)} passed, {len(self.skipped)} skipped, {len(self.failed)} broken"
        )
        return "\n".join([f"conformance: {counts}", *map(str, self.failed)])


class NotConforming(AssertionError):
    """The loglet broke a promise; `report` says which."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


async def run(make: Make, *, only: str = "", patience_s: float = 10.0) -> Report:
    """Run every check whose name contains `only`, each on an engine of its own.

    A check that has not finished within `patience_s` seconds is a broken promise, too.
    Raises `NotConforming` if there is any.
    """
    if not __debug__:
        raise RuntimeError("the suite is made of assertions: run Python without -O")
    report = Report([], [], [])
    for check in CHECKS:
        if only in check.__name__:
            await _run_check(check, make, patience_s, report)
    if report.failed:
        raise NotConforming(report)
    return report


async def _run_check(check: Check, make: Make, patience_s: float, report: Report) -> None:
    name = check.__name__
    try:
        async with make() as engine:
            if (check in lifetime.NEEDS_REOPEN and not engine.can_reopen) or (
                check in lifetime.NEEDS_CRASH and not engine.can_crash
            ):
                report.skipped.append(name)
                return
            async with asyncio.timeout(patience_s):
                await check(engine)
    except Exception as error:
        promise = " ".join((inspect.getdoc(check) or name).split())
        report.failed.append(Failure(name, promise, _problem(error, patience_s), error))
    else:
        report.passed.append(name)


def _problem(error: Exception, patience_s: float) -> str:
    if isinstance(error, ExceptionGroup):
        return "; ".join(_problem(each, patience_s) for each in error.exceptions)
    if isinstance(error, TimeoutError):
        return f"it had not finished after {patience_s:g} s"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, AssertionError) and str(error):
        return str(error).splitlines()[0]
    return f"{type(error).__name__}: {error} (at {frame.name}: {frame.line})"
