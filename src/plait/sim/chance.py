"""Exponential waits that are the same numbers on every machine.

`random.expovariate` asks the C library for a logarithm, whose last bit differs from one to the
next; one bit moves a timer, and the run is another. Here only `+ - * /` are used on doubles, which
IEEE 754 rounds in one way, and `frexp`, which is exact. What Python promises does the rest: a
`Random` of one seed gives the same `random()` and `getrandbits()` in every version.

Invariant: never negative. The logarithm is within 2e-6 of the true one, which chance never shows.
"""

from math import frexp
from random import Random

_LN_2 = 0.6931471805599453


def exponential(random: Random, mean: float) -> float:
    """A wait whose length nothing said before tells anything about, so long on average."""
    part, twos = frexp(1.0 - random.random())  # in [0.5, 1), so that the series is short
    ratio = (part - 1.0) / (part + 1.0)
    square = ratio * ratio
    series = 1.0 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9)))
    return mean * max(0.0, -(2.0 * ratio * series + twos * _LN_2))
