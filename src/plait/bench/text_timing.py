"""Seconds of one thing, its first time and later ones, and the check of what came of it."""

import gc
import time
from collections.abc import Callable
from statistics import median

_REPEATS = 5


class WrongText(Exception):
    """A library's text is not the one that the trace ends with."""


def check_text(found: str, expected: str) -> None:
    """WrongText, with the first difference, unless both are equal."""
    if found == expected:
        return
    pairs = zip(found, expected, strict=False)
    shorter = min(len(found), len(expected))
    place = next((at for at, (one, two) in enumerate(pairs) if one != two), shorter)
    around = slice(max(place - 10, 0), place + 10)
    raise WrongText(
        f"{len(found)} characters, not {len(expected)}; "
        f"at {place} {found[around]!r}, not {expected[around]!r}"
    )


def settle() -> None:
    """Collect garbage, and keep what there is out of later collections."""
    gc.collect()
    gc.freeze()


def timed(work: Callable[[], str], expected: str) -> float:
    """Seconds of work that gives a text."""
    settle()
    begin = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - begin
    check_text(found, expected)
    return seconds


def first_and_warm(
    name: str, work: Callable[[], Callable[[], str]], expected: str
) -> dict[str, float]:
    """Seconds in a process that has not done it before, and the median of later ones.

    work: prepares, and gives what is timed.
    """
    first, *warm = [timed(work(), expected) for _ in range(1 + _REPEATS)]
    return {f"{name}_first_s": first, f"{name}_s": median(warm)}
